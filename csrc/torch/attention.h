// The shape of the quantised-attention operators, shared by the CPU and the CUDA registration.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <tuple>

#include "attention/prefill.h"
#include "core/check.h"
#include "torch/tensor.h"

namespace longtail::torch_layer {

/// Inputs of one call: [batch, heads, length, channels], or packed sequences [length, heads,
/// channels]; channels lie side by side.
struct AttentionCall {
  Tensor q, k, v;
  std::optional<Tensor> mask;                 // [batch, heads, rows, keys], expanded
  std::optional<Tensor> rows_of, keys_of;     // cumulative lengths of packed sequences
  std::int64_t most_rows = 0, most_keys = 0;  // the longest of them
  attention::Options options;

  bool packed() const { return rows_of.has_value(); }
  // Of a tensor with or without a batch dimension.
  std::int64_t size(const Tensor& tensor, int dim) const {
    return !packed() ? tensor.size(dim) : dim == 0 ? 1 : tensor.size(dim == 3 ? 2 : 2 - dim);
  }
  std::int64_t stride(const Tensor& tensor, int dim) const {
    return !packed() ? tensor.stride(dim) : dim == 0 ? 0 : tensor.stride(dim == 3 ? 2 : 2 - dim);
  }
};

inline Tensor with_adjacent_channels(const Tensor& tensor) {
  const std::int64_t last = tensor.dim() - 1;
  return tensor.size(last) <= 1 || tensor.stride(last) == 1 ? tensor
                                                            : torch::stable::contiguous(tensor);
}

inline attention::Options attention_options(const char* function, std::int64_t codes,
                                            std::int64_t smooth, bool rotate, std::int64_t causal,
                                            bool strict, double scale) {
  check_argument(0 <= codes && codes < 3, function, "codes", codes, "0, 1 or 2");
  check_argument(0 <= smooth && smooth < 3, function, "smooth", smooth, "0, 1 or 2");
  check_argument(0 <= causal && causal < 3, function, "causal", causal, "0, 1 or 2");
  return {static_cast<attention::Codes>(codes),
          static_cast<attention::Smooth>(smooth),
          rotate,
          static_cast<attention::Causal>(causal),
          strict,
          static_cast<float>(scale)};
}

inline void check_attention(const char* function, const Tensor& q, const Tensor& k, const Tensor& v,
                            std::int64_t dims) {
  const DType dtype = floating_dtype(q, function, "q");
  check_argument(dtype != DType::float64, function, "q", "of dtype float64",
                 "float32, bfloat16 or float16");
  for (const auto& [tensor, name] : {std::tuple{&q, "q"}, std::tuple{&k, "k"}, {&v, "v"}}) {
    check_argument(tensor->dim() == dims, function, name, "of shape " + shape_string(*tensor),
                   std::to_string(dims) + " dimensions");
    const std::int64_t channels = tensor->size(dims - 1);
    check_argument(1 <= channels && channels <= attention::kMostChannels, function, name,
                   "of shape " + shape_string(*tensor), "1 to 256 channels");
    check_same_dtype(*tensor, q, function, name, "q");
    check_same_device(*tensor, q, function, name, "q");
  }
  check_argument(k.size(dims - 1) == q.size(dims - 1), function, "k", "of shape " + shape_string(k),
                 "the channels of q, " + shape_string(q));
  for (std::int64_t d = 0; d < dims - 1; ++d) {
    check_argument(v.size(d) == k.size(d), function, "v", "of shape " + shape_string(v),
                   "the shape of k but for its channels, " + shape_string(k));
  }
  const std::int64_t heads = q.size(1), key_heads = k.size(1);
  check_argument(heads == 0 || (key_heads > 0 && heads % key_heads == 0), function, "k",
                 "of shape " + shape_string(k), "heads that divide those of q, " + shape_string(q));
  if (dims == 4) {
    check_argument(k.size(0) == q.size(0), function, "k", "of shape " + shape_string(k),
                   "the batch of q, " + shape_string(q));
  }
}

inline void check_mask(const char* function, const Tensor& mask, const Tensor& q, const Tensor& k) {
  if (mask.scalar_type() != torch::headeronly::ScalarType::Bool) {
    floating_dtype(mask, function, "attn_mask");
  }
  check_same_device(mask, q, function, "attn_mask", "q");
  const std::array<std::int64_t, 4> shape = {q.size(0), q.size(1), q.size(2), k.size(2)};
  const auto sizes = mask.sizes();
  check_argument(std::equal(sizes.begin(), sizes.end(), shape.begin(), shape.end()), function,
                 "attn_mask", "of shape " + shape_string(mask),
                 "[batch, heads, rows, keys] of q and k, expanded");
}

inline void check_lengths(const char* function, const char* name, const Tensor& lengths,
                          const Tensor& q) {
  using torch::headeronly::ScalarType;
  check_argument(
      lengths.scalar_type() == ScalarType::Int || lengths.scalar_type() == ScalarType::Long,
      function, name, torch::headeronly::toString(lengths.scalar_type()), "int32 or int64");
  check_argument(lengths.dim() == 1 && lengths.size(0) > 0, function, name,
                 "of shape " + shape_string(lengths), "[sequences + 1]");
  check_same_device(lengths, q, function, name, "q");
}

inline std::tuple<Tensor, Tensor> attention_results(const Tensor& q, const Tensor& v) {
  std::vector<std::int64_t> shape = sizes_of(q);
  const std::int64_t last = q.dim() - 1;
  std::vector<std::int64_t> rows(shape.begin(), shape.end() - 1);
  if (last == 2) std::swap(rows[0], rows[1]);
  shape[last] = v.size(last);
  return {torch::stable::new_empty(q, shape),
          torch::stable::new_empty(q, rows, torch::headeronly::ScalarType::Float)};
}

template <class Backend>
std::tuple<Tensor, Tensor> quantized_attention(Tensor q, Tensor k, Tensor v,
                                               std::optional<Tensor> attn_mask, std::int64_t codes,
                                               std::int64_t smooth, bool rotate,
                                               std::int64_t causal, bool strict, double scale) {
  const char* const function = "quantized_attention";
  check_attention(function, q, k, v, 4);
  if (attn_mask) check_mask(function, *attn_mask, q, k);
  const AttentionCall call{
      with_adjacent_channels(q),
      with_adjacent_channels(k),
      with_adjacent_channels(v),
      attn_mask,
      std::nullopt,
      std::nullopt,
      0,
      0,
      attention_options(function, codes, smooth, rotate, causal, strict, scale)};
  const auto results = attention_results(q, v);
  Backend::attend(call, std::get<0>(results), std::get<1>(results));
  return results;
}

template <class Backend>
std::tuple<Tensor, Tensor> quantized_attention_varlen(
    Tensor q, Tensor k, Tensor v, Tensor cu_seqlens_q, Tensor cu_seqlens_k,
    std::int64_t max_seqlen_q, std::int64_t max_seqlen_k, std::int64_t codes, std::int64_t smooth,
    bool rotate, std::int64_t causal, bool strict, double scale) {
  const char* const function = "quantized_attention_varlen";
  check_attention(function, q, k, v, 3);
  check_lengths(function, "cu_seqlens_q", cu_seqlens_q, q);
  check_lengths(function, "cu_seqlens_k", cu_seqlens_k, q);
  check_argument(cu_seqlens_q.size(0) == cu_seqlens_k.size(0), function, "cu_seqlens_k",
                 "of shape " + shape_string(cu_seqlens_k),
                 "the shape of cu_seqlens_q, " + shape_string(cu_seqlens_q));
  const AttentionCall call{
      with_adjacent_channels(q),
      with_adjacent_channels(k),
      with_adjacent_channels(v),
      std::nullopt,
      torch::stable::contiguous(cu_seqlens_q),
      torch::stable::contiguous(cu_seqlens_k),
      max_seqlen_q,
      max_seqlen_k,
      attention_options(function, codes, smooth, rotate, causal, strict, scale)};
  const auto results = attention_results(q, v);
  Backend::attend(call, std::get<0>(results), std::get<1>(results));
  return results;
}

template <class Backend>
std::tuple<Tensor, Tensor, Tensor> quantized_attention_inputs(Tensor q, Tensor k, Tensor v,
                                                              std::int64_t codes,
                                                              std::int64_t smooth, bool rotate,
                                                              bool strict) {
  const char* const function = "quantized_attention_inputs";
  check_attention(function, q, k, v, 4);
  const AttentionCall call{with_adjacent_channels(q),
                           with_adjacent_channels(k),
                           with_adjacent_channels(v),
                           std::nullopt,
                           std::nullopt,
                           std::nullopt,
                           0,
                           0,
                           attention_options(function, codes, smooth, rotate, 0, strict, 1)};
  const std::int64_t channels = attention::score_channels(q.size(3), call.options);
  const auto like = [&](const Tensor& tensor, std::int64_t last) {
    const std::array<std::int64_t, 4> shape = {tensor.size(0), tensor.size(1), tensor.size(2),
                                               last};
    return torch::stable::new_empty(tensor, shape, torch::headeronly::ScalarType::Float);
  };
  std::tuple<Tensor, Tensor, Tensor> results(like(q, channels), like(k, channels),
                                             like(v, v.size(3)));
  auto& [q_hat, k_hat, v_hat] = results;
  Backend::inputs(call, q_hat, k_hat, v_hat);
  return results;
}

template <class Backend>
void register_attention(torch::stable::detail::StableLibrary& m) {
  m.impl("quantized_attention", TORCH_BOX(&quantized_attention<Backend>));
  m.impl("quantized_attention_varlen", TORCH_BOX(&quantized_attention_varlen<Backend>));
  m.impl("quantized_attention_inputs", TORCH_BOX(&quantized_attention_inputs<Backend>));
}

}  // namespace longtail::torch_layer
