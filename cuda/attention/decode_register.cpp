// Quantised key-value caches on CUDA: the tensors' device and stream, workspace, the launches.
#include <torch/csrc/stable/accelerator.h>

#include "cuda/attention/decode_launch.h"
#include "cuda/core/launch.h"
#include "torch/kv_cache.h"

namespace longtail::torch_layer {
namespace {

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
    cuda::launch_kv_decode(layout, cache, call, max_length,
                           static_cast<float*>(workspace.mutable_data_ptr()),
                           cuda::current_stream(q.get_device_index()));
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(longtail, CUDA, m) { register_kv_cache<CudaBackend>(m); }

}  // namespace longtail::torch_layer
