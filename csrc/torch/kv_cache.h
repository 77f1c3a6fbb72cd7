// The shape of the operators of quantised key-value caches, shared by the CPU and the CUDA
// registration. QuantizedKVCache holds the tensors; csrc/attention/cache_layout.h says what is in
// them.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "attention/cache.h"
#include "attention/decode.h"
#include "core/check.h"
#include "torch/tensor.h"

namespace longtail::torch_layer {

inline DType cache_dtype(const char* function, const Tensor& tensor, const char* name) {
  const DType dtype = floating_dtype(tensor, function, name);
  check_argument(dtype != DType::float64, function, name, "of dtype float64",
                 "float32, float16 or bfloat16");
  return dtype;
}

inline void check_cache_tensor(const char* function, const Tensor& tensor, const char* name,
                               torch::headeronly::ScalarType dtype, const Tensor& like,
                               const std::vector<std::int64_t>& shape) {
  check_argument(tensor.scalar_type() == dtype, function, name,
                 std::string("of dtype ") + torch::headeronly::toString(tensor.scalar_type()),
                 torch::headeronly::toString(dtype));
  const bool fits = sizes_of(tensor) == shape && tensor.is_contiguous();
  std::string expected = "contiguous, of shape [";
  for (const std::int64_t size : shape) expected += std::to_string(size) + ", ";
  expected.replace(expected.size() - 2, 2, "]");
  check_argument(fits, function, name, "of shape " + shape_string(tensor), expected);
  check_same_device(tensor, like, function, name, "tail");
}

// The tensors of a cache, in the order of the schemas.
struct CacheTensors {
  Tensor lengths, packed, k_codes, k_grids, v_codes, v_grids, tail, mean;
};

inline attention::CacheLayout checked_layout(const char* function, const CacheTensors& tensors,
                                             std::int64_t bits, std::int64_t group,
                                             std::int64_t k_format, std::int64_t v_dim) {
  using torch::headeronly::ScalarType;
  check_argument(bits == 4 || bits == 8, function, "bits", bits, "4 or 8");
  check_argument(group > 0 && group % 32 == 0 && group <= attention::kMaxHeadDim, function, "group",
                 group, "32, 64, ... or 256");
  check_argument(k_format == 0 || k_format == 1, function, "k_format", k_format,
                 "0 (channel) or 1 (token_rotated)");
  const Tensor &tail = tensors.tail, &codes = tensors.k_codes;
  cache_dtype(function, tail, "tail");
  check_argument(tail.dim() == 4 && tail.size(2) == attention::kTileTokens, function, "tail",
                 "of shape " + shape_string(tail), "shape [batch, kv_heads, 64, k_dim]");
  const std::int64_t k_dim = tail.size(3);
  for (const auto& [dim, name] : {std::pair{k_dim, "tail"}, std::pair{v_dim, "v_dim"}}) {
    check_argument(dim > 0 && dim <= attention::kMaxHeadDim, function, name,
                   "of head dimension " + std::to_string(dim), "1 to 256");
  }
  check_argument(codes.dim() == 4, function, "k_codes", "of shape " + shape_string(codes),
                 "four dimensions");
  const attention::CacheLayout layout{
      static_cast<int>(bits), static_cast<attention::KFormat>(k_format), static_cast<int>(group),
      static_cast<int>(k_dim), static_cast<int>(v_dim)};
  const std::int64_t batch = tail.size(0), heads = tail.size(1), tiles = codes.size(2);
  const auto check = [&](const Tensor& tensor, const char* name, int words) {
    check_cache_tensor(function, tensor, name, ScalarType::Int, tail, {batch, heads, tiles, words});
  };
  check(tensors.k_codes, "k_codes", layout.k_codes());
  check(tensors.k_grids, "k_grids", layout.k_grids());
  check(tensors.v_codes, "v_codes", layout.v_codes());
  check(tensors.v_grids, "v_grids", layout.v_grids());
  check_cache_tensor(function, tensors.mean, "mean", ScalarType::Float, tail,
                     {batch, heads, k_dim});
  check_cache_tensor(function, tensors.lengths, "lengths", ScalarType::Long, tail, {batch});
  check_cache_tensor(function, tensors.packed, "packed", ScalarType::Long, tail, {batch});
  check_argument(tail.is_contiguous(), function, "tail", "not contiguous", "contiguous");
  return layout;
}

template <class Cache, class Data>
Cache cache_memory(const CacheTensors& tensors, const Data& data) {
  Cache cache;
  cache.batch = tensors.tail.size(0);
  cache.kv_heads = tensors.tail.size(1);
  cache.tiles = tensors.k_codes.size(2);
  cache.dtype = floating_dtype(tensors.tail, "kv_cache", "tail");
  data(tensors.k_codes, cache.k_codes);
  data(tensors.k_grids, cache.k_grids);
  data(tensors.v_codes, cache.v_codes);
  data(tensors.v_grids, cache.v_grids);
  data(tensors.tail, cache.tail);
  data(tensors.mean, cache.mean);
  data(tensors.lengths, cache.lengths);
  data(tensors.packed, cache.packed);
  return cache;
}
inline attention::MutableCache mutable_cache(const CacheTensors& tensors) {
  return cache_memory<attention::MutableCache>(tensors, []<class T>(const Tensor& tensor, T*& to) {
    to = static_cast<T*>(tensor.mutable_data_ptr());
  });
}
inline attention::ConstCache const_cache(const CacheTensors& tensors) {
  return cache_memory<attention::ConstCache>(tensors,
                                             []<class T>(const Tensor& tensor, const T*& to) {
                                               to = static_cast<const T*>(tensor.const_data_ptr());
                                             });
}

// Backend::append(layout, cache, tokens, counts, k, v) and Backend::decode(layout, cache, call,
// max_length), all tensors checked; `model` is one on their device.
template <class Backend>
void kv_append(Tensor k, Tensor v, Tensor counts, Tensor lengths, Tensor packed, Tensor k_codes,
               Tensor k_grids, Tensor v_codes, Tensor v_grids, Tensor tail, Tensor mean,
               std::int64_t bits, std::int64_t group, std::int64_t k_format) {
  constexpr const char* function = "kv_append";
  const CacheTensors tensors{lengths, packed, k_codes, k_grids, v_codes, v_grids, tail, mean};
  check_argument(v.dim() == 4, function, "v", "of shape " + shape_string(v),
                 "shape [batch, kv_heads, tokens, v_dim]");
  const auto layout = checked_layout(function, tensors, bits, group, k_format, v.size(3));
  for (const auto& [tensor, name, dim] :
       {std::tuple{&k, "k", layout.k_dim}, std::tuple{&v, "v", layout.v_dim}}) {
    check_same_dtype(*tensor, tail, function, name, "tail");
    check_same_device(*tensor, tail, function, name, "tail");
    const std::vector<std::int64_t> shape = {tail.size(0), tail.size(1), v.size(2), dim};
    check_argument(sizes_of(*tensor) == shape, function, name, "of shape " + shape_string(*tensor),
                   "shape [batch, kv_heads, tokens, head_dim] like v and tail");
  }
  check_cache_tensor(function, counts, "counts", torch::headeronly::ScalarType::Long, tail,
                     {tail.size(0)});
  if (v.size(2) == 0) return;
  const Tensor keys = torch::stable::contiguous(k), values = torch::stable::contiguous(v);
  Backend::append(layout, mutable_cache(tensors), v.size(2), counts, keys, values);
}

template <class Backend>
std::tuple<Tensor, Tensor> kv_attend(Tensor q, Tensor lengths, Tensor packed, Tensor k_codes,
                                     Tensor k_grids, Tensor v_codes, Tensor v_grids, Tensor tail,
                                     Tensor mean, std::optional<Tensor> mask,
                                     std::int64_t max_length, double scale, bool is_causal,
                                     std::int64_t bits, std::int64_t group, std::int64_t k_format,
                                     std::int64_t v_dim) {
  constexpr const char* function = "kv_attend";
  const CacheTensors tensors{lengths, packed, k_codes, k_grids, v_codes, v_grids, tail, mean};
  const auto layout = checked_layout(function, tensors, bits, group, k_format, v_dim);
  const DType dtype = cache_dtype(function, q, "q");
  check_same_device(q, tail, function, "q", "tail");
  const bool fits = q.dim() == 4 && q.size(0) == tail.size(0) && q.size(3) == layout.k_dim &&
                    (tail.size(1) == 0 ? q.size(1) == 0 : q.size(1) % tail.size(1) == 0);
  check_argument(
      fits, function, "q", "of shape " + shape_string(q),
      "shape [batch, a multiple of kv_heads, queries, head_dim] for tail " + shape_string(tail));
  const std::int64_t room = k_codes.size(2) * attention::kTileTokens;
  check_argument(0 <= max_length && max_length <= room, function, "max_length", max_length,
                 "0 to the cache's " + std::to_string(room) + " tokens");
  const std::array<std::int64_t, 4> out_shape = {q.size(0), q.size(1), q.size(2), v_dim};
  const std::array<std::int64_t, 3> lse_shape = {q.size(0), q.size(1), q.size(2)};
  std::tuple<Tensor, Tensor> result(
      torch::stable::new_empty(q, out_shape),
      torch::stable::new_empty(q, lse_shape, torch::headeronly::ScalarType::Float));
  attention::DecodeCall call{};
  call.heads = q.size(1);
  call.q_len = q.size(2);
  call.dtype = dtype;
  call.scale = static_cast<float>(scale);
  call.is_causal = is_causal;
  if (mask) {
    const std::vector<std::int64_t> shape = {q.size(0), q.size(1), q.size(2), max_length};
    const bool good =
        mask->scalar_type() == torch::headeronly::ScalarType::Float && sizes_of(*mask) == shape;
    check_argument(good, function, "mask", "of shape " + shape_string(*mask),
                   "float32 of shape [batch, heads, queries, max_length]");
    check_same_device(*mask, tail, function, "mask", "tail");
    call.mask = static_cast<const float*>(mask->const_data_ptr());
    for (int d = 0; d < 4; ++d) call.mask_stride[d] = mask->stride(d);
  }
  if (q.numel() == 0) return result;
  const Tensor queries = torch::stable::contiguous(q);
  call.q = queries.const_data_ptr();
  call.out = std::get<0>(result).mutable_data_ptr();
  call.lse = static_cast<float*>(std::get<1>(result).mutable_data_ptr());
  Backend::decode(layout, const_cache(tensors), call, max_length, q);
  return result;
}

template <class Backend>
void register_kv_cache(torch::stable::detail::StableLibrary& m) {
  m.impl("kv_append", TORCH_BOX(&kv_append<Backend>));
  m.impl("kv_attend", TORCH_BOX(&kv_attend<Backend>));
}

}  // namespace longtail::torch_layer
