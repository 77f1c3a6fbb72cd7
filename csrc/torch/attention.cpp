// Quantised attention on the CPU: tensors to pointers and strides.
#include "torch/attention.h"

#include <vector>

namespace longtail::torch_layer {
namespace {

using attention::Heads;
using torch::headeronly::ScalarType;

attention::InputHeads heads_of(const AttentionCall& call, const Tensor& tensor) {
  return {static_cast<const std::byte*>(tensor.const_data_ptr()), call.stride(tensor, 0),
          call.stride(tensor, 1), call.stride(tensor, 2)};
}

template <class T>
Heads<T> target_heads(const AttentionCall& call, const Tensor& tensor) {
  return {static_cast<T*>(tensor.mutable_data_ptr()), call.stride(tensor, 0),
          call.stride(tensor, 1), call.stride(tensor, 2)};
}

// The log-sum-exp has no channels: [batch, heads, rows] or, of packed sequences, [heads, rows].
Heads<float> target_rows(const Tensor& tensor) {
  const std::int64_t rows = tensor.dim() - 1;
  return {static_cast<float*>(tensor.mutable_data_ptr()), rows == 2 ? tensor.stride(0) : 0,
          tensor.stride(rows - 1), tensor.stride(rows)};
}

attention::Mask mask_of(const std::optional<Tensor>& tensor) {
  if (!tensor) return {};
  const bool boolean = tensor->scalar_type() == ScalarType::Bool;
  using Kind = attention::Mask::Kind;
  return {boolean ? Kind::boolean : Kind::number,
          boolean ? DType::uint8 : floating_dtype(*tensor, "quantized_attention", "attn_mask"),
          static_cast<const std::byte*>(tensor->const_data_ptr()),
          tensor->stride(0),
          tensor->stride(1),
          tensor->stride(2),
          tensor->stride(3)};
}

std::vector<std::int64_t> cumulative_lengths(const char* name, const char* longest_name,
                                             const Tensor& lengths, std::int64_t total,
                                             std::int64_t longest) {
  std::vector<std::int64_t> result(lengths.size(0));
  for (std::size_t i = 0; i < result.size(); ++i) {
    result[i] = lengths.scalar_type() == ScalarType::Int
                    ? static_cast<const std::int32_t*>(lengths.const_data_ptr())[i]
                    : static_cast<const std::int64_t*>(lengths.const_data_ptr())[i];
    const std::int64_t least = i == 0 ? 0 : result[i - 1];
    check_argument(result[i] >= least, "quantized_attention_varlen", name, result[i],
                   "numbers that do not descend");
    check_argument(result[i] - least <= longest, "quantized_attention_varlen", longest_name,
                   longest, "at least the longest sequence, " + std::to_string(result[i] - least));
  }
  check_argument(result.front() == 0 && result.back() == total, "quantized_attention_varlen", name,
                 std::to_string(result.front()) + " ... " + std::to_string(result.back()),
                 "0 first and the length of the tensor, " + std::to_string(total) + ", last");
  return result;
}

std::vector<attention::Sequence> sequences_of(const AttentionCall& call) {
  std::vector<attention::Sequence> result;
  if (!call.packed()) {
    for (std::int64_t b = 0; b < call.q.size(0); ++b) {
      result.push_back({b, 0, call.q.size(2), 0, call.k.size(2)});
    }
    return result;
  }
  const auto rows = cumulative_lengths("cu_seqlens_q", "max_seqlen_q", *call.rows_of,
                                       call.q.size(0), call.most_rows);
  const auto keys = cumulative_lengths("cu_seqlens_k", "max_seqlen_k", *call.keys_of,
                                       call.k.size(0), call.most_keys);
  for (std::size_t i = 0; i + 1 < rows.size(); ++i) {
    result.push_back({0, rows[i], rows[i + 1] - rows[i], keys[i], keys[i + 1] - keys[i]});
  }
  return result;
}

attention::Problem problem_of(const AttentionCall& call,
                              const std::vector<attention::Sequence>& sequences) {
  return {floating_dtype(call.q, "quantized_attention", "q"),
          call.size(call.q, 1),
          call.size(call.k, 1),
          call.size(call.q, 3),
          call.size(call.v, 3),
          heads_of(call, call.q),
          heads_of(call, call.k),
          heads_of(call, call.v),
          mask_of(call.mask),
          call.options,
          sequences};
}

struct CpuBackend {
  static void attend(const AttentionCall& call, const Tensor& out, const Tensor& lse) {
    const auto sequences = sequences_of(call);
    attention::quantised_attention(problem_of(call, sequences), target_heads<std::byte>(call, out),
                                   target_rows(lse), torch_parallel_for());
  }
  static void inputs(const AttentionCall& call, const Tensor& q, const Tensor& k, const Tensor& v) {
    const auto sequences = sequences_of(call);
    attention::quantised_inputs(problem_of(call, sequences), target_heads<float>(call, q),
                                target_heads<float>(call, k), target_heads<float>(call, v),
                                torch_parallel_for());
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(longtail, CPU, m) { register_attention<CpuBackend>(m); }

}  // namespace longtail::torch_layer
