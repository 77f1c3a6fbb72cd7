// The CUDA kernels of quantised caches, run on the CPU by simt/cuda_runtime.h: the same codes as
// the CPU's bit for bit, and attention as close to exact queries and weights as float32 sums are.
#include <cmath>

#include "cache_reference.h"
#include "cuda/attention/decode_kernels.cuh"
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

void attend(const Cache& cache, std::int64_t share, std::int64_t q_len, std::int64_t length,
            bool is_causal, bool with_mask) {
  Question gpu(cache, share, q_len, length);
  const Reference exact = attend_exactly(cache, gpu.call(is_causal, with_mask));
  const std::int64_t splits = std::max<std::int64_t>(1, cuda::decode_splits(length));
  const std::int64_t rows = std::ssize(gpu.lse), heads = cache.batch * cache.kv_heads;
  std::vector<float> sums(rows * splits * cache.layout.v_width()), tops(rows * splits, NAN),
      mass(rows * splits, NAN);
  const cuda::DecodeArguments arguments{cache.layout,
                                        cache.view(),
                                        gpu.call(is_causal, with_mask),
                                        splits,
                                        {sums.data(), tops.data(), mass.data()}};
  const std::int64_t blocks = (rows / heads + cuda::kDecodeRows - 1) / cuda::kDecodeRows;
  const dim3 grid = {static_cast<unsigned>(blocks * splits), static_cast<unsigned>(heads), 1};
  simt::launch(grid, cuda::kDecodeThreads, [&] {
    cache.layout.bits == 4 ? cuda::kv_decode<4>(arguments) : cuda::kv_decode<8>(arguments);
  });
  simt::launch({static_cast<unsigned>(rows), 1, 1}, cuda::kDecodeThreads,
               [&] { cuda::kv_decode_merge(arguments); });
  for (std::size_t i = 0; i < gpu.out.size(); ++i) {
    CHECK(std::abs(exact.out[i] - static_cast<double>(gpu.out[i])) < 2e-5);
  }
  for (std::int64_t r = 0; r < rows; ++r) {
    const auto lse = static_cast<double>(gpu.lse[r]);
    CHECK(exact.lse[r] == lse || std::abs(exact.lse[r] - lse) < 2e-5);
  }
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

}  // namespace
