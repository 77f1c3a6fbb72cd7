// Quantised key-value caches on CUDA: the tensors' device and stream, workspace, the launches.
#include <cstdlib>
#include <string_view>

#include "cuda/attention/decode_launch.h"
#include "cuda/core/call.h"
#include "torch/kv_cache.h"

namespace longtail::torch_layer {
namespace {

using on_device::Device;

// What LONGTAIL_CUDA_DECODE names, or tensor cores where the current device has them.
cuda::DecodeKernel chosen_kernel() {
  const char* choice = std::getenv("LONGTAIL_CUDA_DECODE");
  const std::string_view text = choice == nullptr ? "" : choice;
  int device = 0, major = 8;
  const bool known =
      cudaGetDevice(&device) == cudaSuccess &&
      cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device) == cudaSuccess;
  const bool has_mma = !known || major >= 8;
  if (text == "float") return cuda::DecodeKernel::floats;
  if (text == "mma") {
    check_argument(has_mma, "longtail", "LONGTAIL_CUDA_DECODE", text,
                   "'float': this GPU is older than compute capability 8.0");
    return cuda::DecodeKernel::mma;
  }
  if (!text.empty()) fail_argument("longtail", "LONGTAIL_CUDA_DECODE", text, "'float' or 'mma'");
  return has_mma ? cuda::DecodeKernel::mma : cuda::DecodeKernel::floats;
}

// Lengths stay on the device, unread: QuantizedKVCache has checked its own.
struct CudaBackend {
  static void append(const attention::CacheLayout& layout, const attention::MutableCache& cache,
                     std::int64_t tokens, const Tensor& counts, const Tensor& k, const Tensor& v) {
    const Device device(k);
    cuda::launch_kv_append(layout, cache, tokens, on_device::data<std::int64_t>(counts),
                           k.const_data_ptr(), v.const_data_ptr(), device.stream());
  }
  static void decode(const attention::CacheLayout& layout, const attention::ConstCache& cache,
                     const attention::DecodeCall& call, std::int64_t max_length, const Tensor& q) {
    const Device device(q);
    const on_device::Memory<float> workspace(
        q, cuda::decode_workspace(layout, cache, call, max_length));
    cuda::launch_kv_decode(chosen_kernel(), layout, cache, call, max_length, workspace.data(),
                           device.stream());
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(longtail, CUDA, m) { register_kv_cache<CudaBackend>(m); }

}  // namespace longtail::torch_layer
