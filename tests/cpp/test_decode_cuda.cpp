// The CUDA kernels of quantised caches, run on the CPU by simt/cuda_runtime.h: the same codes as
// the CPU's bit for bit; attention in float32 as close to exact queries and weights as its sums
// are, and by tensor cores to queries and weights that are rounded as on the CPU.
#include <cmath>

#include "cache_rounded.h"
#include "cuda/attention/decode_kernels.cuh"
#include "cuda/attention/decode_mma.cuh"
#include "test.h"

namespace {

using namespace cache_case;

void append_both(Cache& cpu, Cache& gpu, std::int64_t tokens,
                 const std::vector<std::int64_t>& counts, std::int64_t seed) {
  const auto heads = static_cast<unsigned>(cpu.batch * cpu.kv_heads);
  const auto k = numbers(heads * tokens * cpu.layout.k_dim, seed);
  const auto v = numbers(heads * tokens * cpu.layout.v_dim, seed + 1);
  cache_append(cpu.layout, cpu.memory(), tokens, counts.data(), k.data(), v.data());
  const cuda::AppendArguments arguments{gpu.layout,    gpu.memory(), tokens,
                                        counts.data(), k.data(),     v.data()};
  simt::launch({heads, 1, 1}, cuda::kDecodeThreads, [&] { cuda::kv_append_means(arguments); });
  const dim3 tiles = {static_cast<unsigned>(tokens / kTileTokens + 2), heads, 1};
  simt::launch(tiles, cuda::kDecodeThreads, [&] {
    gpu.layout.bits == 4 ? cuda::kv_append_codes<4>(arguments)
                         : cuda::kv_append_codes<8>(arguments);
  });
  simt::launch({heads, 1, 1}, cuda::kDecodeThreads, [&] { cuda::kv_append_tail(arguments); });
  simt::launch({1, 1, 1}, cuda::kDecodeThreads, [&] { cuda::kv_append_advance(arguments); });
  CHECK(cpu.k_codes == gpu.k_codes && cpu.k_grids == gpu.k_grids);
  CHECK(cpu.v_codes == gpu.v_codes && cpu.v_grids == gpu.v_grids);
  CHECK(cpu.mean == gpu.mean && cpu.packed == gpu.packed && cpu.lengths == gpu.lengths);
}

/// The splits and their merge.
template <class Kernel>
void launch_attend(const Cache& cache, const DecodeCall& call, std::int64_t length,
                   int rows_of_block, const Kernel& kernel) {
  const std::int64_t splits = std::max<std::int64_t>(1, cuda::decode_splits(length));
  const std::int64_t heads = cache.batch * cache.kv_heads;
  const std::int64_t rows = cache.batch * call.heads * call.q_len;
  std::vector<float> sums(rows * splits * cache.layout.v_width(), NAN), tops(rows * splits, NAN),
      mass(rows * splits, NAN);
  const cuda::DecodeArguments arguments{
      cache.layout, cache.view(), call, splits, {sums.data(), tops.data(), mass.data()}};
  const std::int64_t blocks = (rows / heads + rows_of_block - 1) / rows_of_block;
  const dim3 grid = {static_cast<unsigned>(blocks * splits), static_cast<unsigned>(heads), 1};
  simt::launch(grid, cuda::kDecodeThreads, [&] { kernel(arguments); });
  simt::launch({static_cast<unsigned>(rows), 1, 1}, cuda::kDecodeThreads,
               [&] { cuda::kv_decode_merge(arguments); });
}

void attend_by_floats(const Cache& cache, Question& question, const DecodeCall& call,
                      std::int64_t length) {
  launch_attend(cache, call, length, cuda::kDecodeRows, [&](const cuda::DecodeArguments& a) {
    cache.layout.bits == 4 ? cuda::kv_decode<4>(a) : cuda::kv_decode<8>(a);
  });
  check_close(question, attend_exactly(cache, call), 2e-5);
}

void attend_by_mma(const Cache& cache, Question& question, const DecodeCall& call,
                   std::int64_t length) {
  const bool wide = cache.layout.k_width() > 128 || cache.layout.v_width() > 128;
  launch_attend(cache, call, length, cuda::kDecodeMmaRows, [&](const cuda::DecodeArguments& a) {
    if (cache.layout.bits == 4) {
      wide ? cuda::kv_decode_mma<4, 8>(a) : cuda::kv_decode_mma<4, 4>(a);
    } else {
      wide ? cuda::kv_decode_mma<8, 8>(a) : cuda::kv_decode_mma<8, 4>(a);
    }
  });
  check_close(question, attend_rounded(cache, call), 2e-5);
}

void attend(const Cache& cache, std::int64_t share, std::int64_t q_len, std::int64_t length,
            bool is_causal, bool with_mask) {
  Question question(cache, share, q_len, length);
  DecodeCall call = question.call(is_causal, with_mask);
  call.scale = 6.4f / static_cast<float>(cache.layout.k_dim);  // scores of a few units
  attend_by_floats(cache, question, call, length);
  std::fill(question.out.begin(), question.out.end(), NAN);
  std::fill(question.lse.begin(), question.lse.end(), NAN);
  attend_by_mma(cache, question, call, length);
}

TEST(like_the_cpu) {
  for (const CacheLayout& layout : layouts()) {
    Cache cpu(layout, 2, 2, 4), gpu(layout, 2, 2, 4);
    append_both(cpu, gpu, 40, {40, 0}, 1);
    attend(cpu, 2, 1, 40, true, false);
    append_both(cpu, gpu, 100, {100, 13}, 2);  // the first mean is frozen
    append_both(cpu, gpu, 90, {7, 90}, 3);     // the second, and some behind
    append_both(cpu, gpu, 1, {1, 1}, 4);
    attend(cpu, 3, 2, 148, true, true);
    attend(cpu, 1, 1, 148, false, false);
  }
}

TEST(several_splits) {
  for (const KFormat format : {KFormat::channel, KFormat::token_rotated}) {
    const CacheLayout layout{4, format, 32, 256, 200};
    Cache cpu(layout, 1, 1, 9), gpu(layout, 1, 1, 9);
    append_both(cpu, gpu, 570, {570}, 1);
    attend(cpu, 5, 1, 570, true, false);
  }
}

struct Shape {
  int k_dim, v_dim, group;
  std::int64_t share, q_len, length;
  bool is_causal, with_mask;
};

/// Head dimensions, rows of a group (up to two blocks of eight) and lengths around tiles and
/// splits.
TEST(shapes) {
  const Shape shapes[] = {
      {20, 20, 32, 1, 3, 1, true, false},     {64, 80, 32, 4, 1, 63, true, true},
      {128, 128, 32, 8, 1, 64, true, false},  {80, 33, 64, 7, 1, 65, false, true},
      {128, 64, 128, 4, 3, 300, true, false}, {256, 256, 64, 1, 9, 129, true, true},
      {96, 128, 96, 4, 1, 1025, true, false}, {130, 160, 256, 2, 5, 70, false, false},
  };
  for (const int bits : {4, 8}) {
    for (const KFormat format : {KFormat::channel, KFormat::token_rotated}) {
      for (const Shape& shape : shapes) {
        const CacheLayout layout{bits, format, shape.group, shape.k_dim, shape.v_dim};
        const std::int64_t length = shape.length;
        Cache cache(layout, 1, 2, (length + kTileTokens - 1) / kTileTokens);
        // What no token has is not a number and must not matter.
        for (auto* words : {&cache.k_codes, &cache.k_grids, &cache.v_codes, &cache.v_grids}) {
          std::fill(words->begin(), words->end(), 0xffffffffu);
        }
        const auto k = numbers(2 * length * shape.k_dim, 5);
        const auto v = numbers(2 * length * shape.v_dim, 6);
        cache_append(layout, cache.memory(), length, &length, k.data(), v.data());
        attend(cache, shape.share, shape.q_len, length, shape.is_causal, shape.with_mask);
      }
    }
  }
}

}  // namespace
