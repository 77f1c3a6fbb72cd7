// Quantised key-value caches on CUDA: the tensors' device and stream, workspace, the launches.
#include <torch/csrc/stable/accelerator.h>

#include <cstdlib>
#include <string_view>

#include "cuda/attention/decode_launch.h"
#include "cuda/core/launch.h"
#include "torch/kv_cache.h"

namespace longtail::torch_layer {
namespace {

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
    const torch::stable::accelerator::DeviceGuard guard(k.get_device_index());
    cuda::launch_kv_append(
        layout, cache, tokens, static_cast<const std::int64_t*>(counts.const_data_ptr()),
        k.const_data_ptr(), v.const_data_ptr(), cuda::current_stream(k.get_device_index()));
  }
  static void decode(const attention::CacheLayout& layout, const attention::ConstCache& cache,
                     const attention::DecodeCall& call, std::int64_t max_length, const Tensor& q) {
    const torch::stable::accelerator::DeviceGuard guard(q.get_device_index());
    const std::array<std::int64_t, 1> size = {
        cuda::decode_workspace(layout, cache, call, max_length)};
    const Tensor workspace =
        torch::stable::new_empty(q, size, torch::headeronly::ScalarType::Float);
    cuda::launch_kv_decode(chosen_kernel(), layout, cache, call, max_length,
                           static_cast<float*>(workspace.mutable_data_ptr()),
                           cuda::current_stream(q.get_device_index()));
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(longtail, CUDA, m) { register_kv_cache<CudaBackend>(m); }

}  // namespace longtail::torch_layer
