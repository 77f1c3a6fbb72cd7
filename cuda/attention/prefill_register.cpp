// Quantised attention on CUDA: tensors to a plan, the tensors' device and stream, the launches.
#include <cstdlib>
#include <string_view>
#include <type_traits>

#include "cuda/attention/prefill_launch.h"
#include "cuda/attention/prefill_work.h"
#include "cuda/core/call.h"
#include "torch/attention.h"

namespace longtail::torch_layer {
namespace {

using cuda::PrefillPath, cuda::PrefillPlan;
using on_device::Device;
using on_device::Memory;
using torch::headeronly::ScalarType;

bool has_code(PrefillPath path) {
  if (path == PrefillPath::wgmma) return cuda::prefill_has_wgmma();
  return !cuda::is_fp8(path) || cuda::prefill_has_fp8();
}

// What LONGTAIL_CUDA_ATTENTION names, or the best for the current device: prefill_path.h.
PrefillPath chosen_path() {
  const char* choice = std::getenv("LONGTAIL_CUDA_ATTENTION");
  const std::string_view text = choice == nullptr ? "" : choice;
  if (text.empty()) {
    int device = 0, major = 0, minor = 0;
    const bool known =
        cudaGetDevice(&device) == cudaSuccess &&
        cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device) == cudaSuccess &&
        cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device) == cudaSuccess;
    return known ? cuda::best_prefill_path(10 * major + minor, has_code) : PrefillPath::mma;
  }
  for (const auto& [name, path] : cuda::kPrefillPaths) {
    if (text != name) continue;
    check_argument(has_code(path), "longtail", "LONGTAIL_CUDA_ATTENTION", text,
                   path == PrefillPath::wgmma
                       ? "another name: this GPU is not of compute capability 9.0, or longtail was "
                         "not built for 90a"
                       : "a name without fp8: this GPU has no FP8 tensor cores (compute capability "
                         "8.9 or later), or longtail was not built for it");
    return path;
  }
  fail_argument("longtail", "LONGTAIL_CUDA_ATTENTION", text, cuda::kPrefillPathNames);
}

template <class Heads>
Heads heads_of(const AttentionCall& call, const Tensor& tensor) {
  return {tensor.mutable_data_ptr(), call.stride(tensor, 0), call.stride(tensor, 1),
          call.stride(tensor, 2)};
}

cuda::PrefillTensor input_of(const AttentionCall& call, const Tensor& tensor) {
  return {tensor.const_data_ptr(), call.stride(tensor, 0), call.stride(tensor, 1),
          call.stride(tensor, 2)};
}

// The log-sum-exp has no channels: [batch, heads, rows] or, of packed sequences, [heads, rows].
cuda::PrefillOutput rows_of(const Tensor& tensor) {
  const std::int64_t last = tensor.dim() - 1;
  return {tensor.mutable_data_ptr(), last == 2 ? tensor.stride(0) : 0, tensor.stride(last - 1),
          tensor.stride(last)};
}

attention::Mask mask_of(const Tensor& tensor) {
  const bool boolean = tensor.scalar_type() == ScalarType::Bool;
  using Kind = attention::Mask::Kind;
  return {boolean ? Kind::boolean : Kind::number,
          boolean ? DType::uint8 : floating_dtype(tensor, "quantized_attention", "attn_mask"),
          static_cast<const std::byte*>(tensor.const_data_ptr()),
          tensor.stride(0),
          tensor.stride(1),
          tensor.stride(2),
          tensor.stride(3)};
}

PrefillPlan plan_of(const AttentionCall& call, PrefillPath path) {
  PrefillPlan plan{};
  plan.dtype = floating_dtype(call.q, "quantized_attention", "q");
  plan.q = input_of(call, call.q);
  plan.k = input_of(call, call.k);
  plan.v = input_of(call, call.v);
  if (call.mask) plan.mask = mask_of(*call.mask);
  plan.batch = call.size(call.q, 0);
  plan.heads = call.size(call.q, 1);
  plan.key_heads = call.size(call.k, 1);
  plan.rows = call.size(call.q, 2);
  plan.keys = call.size(call.k, 2);
  plan.channels = static_cast<int>(call.size(call.q, 3));
  plan.value_channels = static_cast<int>(call.size(call.v, 3));
  if (call.packed()) {
    plan.row_ends = call.rows_of->const_data_ptr();
    plan.key_ends = call.keys_of->const_data_ptr();
    plan.long_row_ends = call.rows_of->scalar_type() == ScalarType::Long;
    plan.long_key_ends = call.keys_of->scalar_type() == ScalarType::Long;
    plan.sequences = call.rows_of->size(0) - 1;
    plan.most_keys = call.most_keys;
  }
  cuda::set_options(plan, call.options, path);
  return plan;
}

// Gives the plan its memory, which lives as long as what is returned, and launches the preparation.
Memory<std::byte> prepared(const AttentionCall& call, PrefillPlan& plan, cudaStream_t stream) {
  Layout size;
  PrefillPlan counted = plan;
  cuda::place_work(counted, size);
  Memory<std::byte> memory(call.q, size.size());
  Layout layout(memory.data());
  cuda::place_work(plan, layout);
  cuda::launch_prefill_preparation(plan, stream);
  return memory;
}

void launch_attention(const PrefillPlan& plan, PrefillPath path, std::int64_t begin,
                      std::int64_t end, cudaStream_t stream) {
  cuda::launch_prefill_rest(plan, begin, end, stream);
  if (path == PrefillPath::portable || plan.strict) {
    cuda::launch_prefill_portable(plan, begin, end, stream);
    return;
  }
  const auto attend = [&]<int Channels>(std::integral_constant<int, Channels>) {
    if (path == PrefillPath::wgmma) {
      cuda::launch_prefill_wgmma<Channels>(plan, begin, end, stream);
    } else {
      cuda::launch_prefill_mma<Channels>(plan, begin, end, stream);
    }
  };
  if (plan.stored_channels == 64) return attend(std::integral_constant<int, 64>());
  if (plan.stored_channels == 128) return attend(std::integral_constant<int, 128>());
  attend(std::integral_constant<int, 256>());
}

struct CudaBackend {
  static void attend(const AttentionCall& call, const Tensor& out, const Tensor& lse) {
    if (lse.numel() == 0) return;
    const Device device(call.q);
    const PrefillPath path = chosen_path();
    PrefillPlan plan = plan_of(call, path);
    plan.out = heads_of<cuda::PrefillOutput>(call, out);
    plan.lse = rows_of(lse);
    const Memory<std::byte> memory = prepared(call, plan, device.stream());
    cuda::for_task_ranges(plan, [&](std::int64_t begin, std::int64_t end) {
      launch_attention(plan, path, begin, end, device.stream());
    });
  }
  static void inputs(const AttentionCall& call, const Tensor& q, const Tensor& k, const Tensor& v) {
    if (q.numel() == 0 && k.numel() == 0) return;
    const Device device(call.q);
    PrefillPlan plan = plan_of(call, chosen_path());
    plan.q_hat = on_device::target<float>(q);
    plan.k_hat = on_device::target<float>(k);
    plan.v_hat = on_device::target<float>(v);
    prepared(call, plan, device.stream());
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(longtail, CUDA, m) { register_attention<CudaBackend>(m); }

}  // namespace longtail::torch_layer
