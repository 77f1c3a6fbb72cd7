// Attention over a quantised cache by tensor cores, sm_80 and later: a block takes up to eight
// queries of the heads of a group and 512 tokens. Its four warps take tiles of 64 tokens in turn,
// each with sums of its own, added at the end in their order; kv_decode_merge joins the splits.
//
// The arithmetic is the CPU's (csrc/attention/decode.h): beside 4-bit codes queries and weights
// are rounded to 8 bits, beside 8-bit codes to 16, with the same steps. Products are exact sums of
// integers.
//
// A tile of 4 bits, D = 128, is 4 KiB of codes of keys and of values and up to 1.5 KiB of grids.
// Words go from global memory to registers and from there to the tensor cores, without shared
// memory, which has only queries and the transposition of 64 x 8 scores. While a warp works on a
// tile, its next one is on the way to the L2 cache.
#pragma once

#include "cuda/attention/decode_mma_values.cuh"

namespace longtail::cuda {

// The sums of the block's warps into s.q; s.tops[0] and s.mass[0] are theirs.
template <int Steps>
__device__ void join_warps(const CacheLayout& layout, const Lane& lane, WarpSums<Steps>& sums,
                           DecodeMmaShared& s) {
  sums.mass = sum_of_row(sums.mass);
  if (lane.t == 0) {
    s.tops[lane.warp][lane.g] = sums.top;
    s.mass[lane.warp][lane.g] = sums.mass;
  }
  __syncthreads();  // and nobody reads queries any more
  float top = -INFINITY, mass = 0;
  for (int w = 0; w < kDecodeWarps; ++w) top = longtail::max(s.tops[w][lane.g], top);
  for (int w = 0; w < kDecodeWarps; ++w) {
    const float of_warp = s.tops[w][lane.g];
    if (!(of_warp > -INFINITY)) continue;
    mass = longtail::fma(longtail::exp(of_warp - top), s.mass[w][lane.g], mass);
  }
  const float part = sums.top > -INFINITY ? longtail::exp(sums.top - top) : 0.0f;
  const float parts[2] = {lane.to_column(part, 0), lane.to_column(part, 1)};
  const int width = layout.v_width();
  float zeros[2] = {};
  LONGTAIL_UNROLL
  for (int step = 0; step < Steps; ++step) {
    if (32 * step >= width) break;
    if (32 * step % layout.group == 0) {
      const float of_group = sum_of_row(sums.zeros[step]);
      for (int i = 0; i < 2; ++i) zeros[i] = lane.to_column(of_group, i);
    }
    for (int k = 0; k < 4; ++k) {
      for (int i = 0; i < 2; ++i) {
        sums.values[step][k][i] = (sums.values[step][k][i] + zeros[i]) * parts[i];
      }
    }
  }
  for (int w = 0; w < kDecodeWarps; ++w) {
    __syncthreads();
    if (w != lane.warp) continue;
    LONGTAIL_UNROLL
    for (int step = 0; step < Steps; ++step) {
      if (32 * step >= width) break;
      for (int i = 0; i < 2; ++i) {
        auto& to = *reinterpret_cast<FourFloats*>(s.q[2 * lane.t + i] + 32 * step + 4 * lane.g);
        FourFloats four;
        for (int k = 0; k < 4; ++k) {
          four.of[k] = (w == 0 ? 0.0f : to.of[k]) + sums.values[step][k][i];
        }
        to = four;
      }
    }
  }
  if (lane.warp == 0 && lane.t == 0) {
    s.tops[0][lane.g] = top;
    s.mass[0][lane.g] = mass;
  }
  __syncthreads();
}

// A whole tile; keys only if they have codes.
__device__ inline void fetch_tile(const CacheLayout& layout, const attention::ConstHead& head,
                                  std::int64_t tile, bool coded) {
  if (coded) {
    fetch_ahead(head.k_grids + tile * layout.k_grids(), layout.k_grids());
    fetch_ahead(head.k_codes + tile * layout.k_codes(), layout.k_codes());
  }
  fetch_ahead(head.v_grids + tile * layout.v_grids(), layout.v_grids());
  fetch_ahead(head.v_codes + tile * layout.v_codes(), layout.v_codes());
}

// Blocks: (row block, split) by sequence and cache head. Steps: of 32 channels, at least what keys
// and values have.
template <int Bits, int Steps>
__global__ void __launch_bounds__(kDecodeThreads, Bits == 4 && Steps == 4 ? 3 : 2)
    kv_decode_mma(DecodeArguments a) {
  __shared__ DecodeMmaShared s;
  const DecodeRows rows(a, kDecodeMmaRows);
  const attention::ConstHead head = a.cache.head(a.layout, rows.head, element_bytes(a.cache.dtype));
  const auto [split, begin, end] = split_tokens<kDecodeMmaRows>(a, rows);
  const Lane lane;
  WarpSums<Steps> sums;
  if (begin < end) {
    const auto count = static_cast<int>(end - begin);
    const auto fetch = [&](int first) {
      if (first >= count) return;
      fetch_tile(a.layout, head, (begin + first) / kTileTokens, begin + first < rows.packed);
    };
    fetch(lane.warp * kTileTokens);
    load_mma_queries(a, rows, head, s);
    if (rows.packed >= begin && rows.packed < end) exact_scores(a, rows, head, s);
    if (a.layout.format == KFormat::token_rotated && rows.packed > 0) {
      round_rotated<Bits>(a.layout, lane, s);
      __syncthreads();
    }
    const RowLimits row(a, rows, lane.g, begin);
    for (int first = lane.warp * kTileTokens; first < count; first += kDecodeWarps * kTileTokens) {
      const std::int64_t tile = (begin + first) / kTileTokens;
      const bool coded = begin + first < rows.packed;
      fetch(first + kDecodeWarps * kTileTokens);
      if (coded) coded_scores<Bits, Steps>(a, head, tile, lane, s, s.scores[lane.warp]);
      __syncwarp();
      LaneWeights p;
      const float shrink =
          weigh<Steps>(coded ? s.scores[lane.warp] : s.exact, first, row, lane, p, sums);
      add_values<Bits, Steps>(a, head, tile, count - first, lane, p, shrink, sums);
      __syncwarp();  // before the next tile's scores
    }
  }
  join_warps<Steps>(a.layout, lane, sums, s);
  const int width = a.layout.v_width();
  for (int i = threadIdx.x; i < kDecodeMmaRows * width; i += kDecodeThreads) {
    const int r = i / width, c = i % width;
    if (!rows.has(r)) break;
    a.partials.sums[(rows.row(r) * a.splits + split) * width + c] = s.q[r][c];
  }
  const int r = static_cast<int>(threadIdx.x);
  if (r < kDecodeMmaRows && rows.has(r)) {
    const std::int64_t at = rows.row(r) * a.splits + split;
    a.partials.tops[at] = s.tops[0][r];
    a.partials.mass[at] = s.mass[0][r];
  }
}

}  // namespace longtail::cuda
