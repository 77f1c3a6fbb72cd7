#pragma once
// How quantised attention turns numbers into codes: SageAttention2's groups (Zhang et al., 2024,
// sections 3.1 to 3.3), one place for CPU, CUDA and tests.
//
// A group of rows shares a scale over all channels:
//
//   scale = amax / largest,   code = rint(x * (largest / amax)),   x ~ code * scale
//
// with largest 7 (4 bits) or 127 (8 bits), in float32, to nearest even. A group of zeros, or one
// below 2^-118, has codes 0. inf or nan in a group make its scale inf or nan, and so the scores.
//
//   queries   in every 32 rows, those equal modulo 8 share a scale (4 rows)
//   keys      in every 64 keys, {8 i + 2 t, 8 i + 2 t + 1} share a scale (4 groups of 16)
//   values    a channel of all keys, 8 bits
//
// These are the groups that one thread of a warp holds of mma.m16n8k64's operands. With 8-bit
// queries and 4-bit keys (q8k4), and where causality must be strict, each token has its own scale.
//
// Smoothing first takes the mean over all keys from the keys and, block by block of 128 rows, the
// mean from the queries: S = (q - qbar)(k - kbar) + qbar (k - kbar) + q kbar, where the second term
// is added exactly and the third is a constant of the row, which matters to the log-sum-exp only.

#include "core/host_device.h"

namespace longtail::attention {

/// Rows that share the mean of the queries, and the rows of one task.
inline constexpr int kQueryBlock = 128;
/// Keys that are taken at a time: their weights share a scale.
inline constexpr int kKeyBlock = 128;
/// Below this a group is all zeros: its inverse scale would overflow.
inline constexpr float kSmallestGroup = 0x1p-118f;

LONGTAIL_INLINE float group_scale(float amax, float largest) { return amax / largest; }
LONGTAIL_INLINE float group_inverse(float amax, float largest) {
  return amax >= kSmallestGroup ? largest / amax : 0.0f;
}

/// The group of a row within its block of kQueryBlock, and of a key within its kKeyBlock.
LONGTAIL_INLINE int query_group(int row, bool per_token) {
  return per_token ? row : row / 32 * 8 + row % 8;
}
LONGTAIL_INLINE int key_group(int key, bool per_token) {
  return per_token ? key : key / 64 * 4 + key % 8 / 2;
}

}  // namespace longtail::attention
