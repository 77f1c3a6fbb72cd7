#include <stdexcept>

#include "cuda/attention/decode_kernels.cuh"
#include "cuda/attention/decode_launch.h"
#include "cuda/core/launch.h"

namespace longtail::cuda {
namespace {

std::int64_t rows_of(const attention::ConstCache& cache, const attention::DecodeCall& call) {
  return cache.batch * call.heads * call.q_len;
}
// Splits of each row: one where there are no tokens, whose result is that nothing is seen.
std::int64_t splits_of(std::int64_t max_length) {
  const std::int64_t splits = decode_splits(max_length);
  return splits > 0 ? splits : 1;
}

dim3 grid_of(std::int64_t x, std::int64_t y) {
  if (x > 0x7fffffff || y > 65535) {
    throw std::invalid_argument(
        "QuantizedKVCache on CUDA: batch times cache heads may be at most 65535, and splits times "
        "queries 2^31");
  }
  return dim3(static_cast<unsigned>(x), static_cast<unsigned>(y));
}

void append_heads(const AppendArguments& arguments, std::int64_t heads, cudaStream_t stream) {
  // From the tile that a length ends in: one more than whole tiles of new tokens.
  const dim3 tiles = grid_of(arguments.tokens / kTileTokens + 2, heads), each = grid_of(heads, 1);
  kv_append_means<<<each, kDecodeThreads, 0, stream>>>(arguments);
  check_launch("kv_append_means");
  if (arguments.layout.bits == 4) {
    kv_append_codes<4><<<tiles, kDecodeThreads, 0, stream>>>(arguments);
  } else {
    kv_append_codes<8><<<tiles, kDecodeThreads, 0, stream>>>(arguments);
  }
  check_launch("kv_append_codes");
  kv_append_tail<<<each, kDecodeThreads, 0, stream>>>(arguments);
  check_launch("kv_append_tail");
}

}  // namespace

void launch_kv_append(const attention::CacheLayout& layout, const attention::MutableCache& cache,
                      std::int64_t tokens, const std::int64_t* counts, const void* k, const void* v,
                      cudaStream_t stream) {
  if (cache.batch == 0) return;
  const AppendArguments arguments{layout, cache, tokens, counts, k, v};
  const std::int64_t heads = cache.batch * cache.kv_heads;
  if (heads > 0) append_heads(arguments, heads, stream);
  const std::int64_t blocks = (cache.batch + kDecodeThreads - 1) / kDecodeThreads;
  kv_append_advance<<<grid_of(blocks, 1), kDecodeThreads, 0, stream>>>(arguments);
  check_launch("kv_append_advance");
}

std::int64_t decode_workspace(const attention::CacheLayout& layout,
                              const attention::ConstCache& cache, const attention::DecodeCall& call,
                              std::int64_t max_length) {
  return rows_of(cache, call) * splits_of(max_length) * (layout.v_width() + 2);
}

void launch_kv_decode(const attention::CacheLayout& layout, const attention::ConstCache& cache,
                      const attention::DecodeCall& call, std::int64_t max_length, float* workspace,
                      cudaStream_t stream) {
  const std::int64_t rows = rows_of(cache, call), splits = splits_of(max_length);
  const std::int64_t parts = rows * splits;
  const DecodeArguments arguments{layout,
                                  cache,
                                  call,
                                  splits,
                                  {workspace, workspace + parts * layout.v_width(),
                                   workspace + parts * (layout.v_width() + 1)}};
  const std::int64_t heads = cache.batch * cache.kv_heads;
  const std::int64_t blocks = (rows / heads + kDecodeRows - 1) / kDecodeRows;
  const dim3 grid = grid_of(blocks * splits, heads);
  if (layout.bits == 4) {
    kv_decode<4><<<grid, kDecodeThreads, 0, stream>>>(arguments);
  } else {
    kv_decode<8><<<grid, kDecodeThreads, 0, stream>>>(arguments);
  }
  check_launch("kv_decode");
  kv_decode_merge<<<grid_of(rows, 1), kDecodeThreads, 0, stream>>>(arguments);
  check_launch("kv_decode_merge");
}

}  // namespace longtail::cuda
