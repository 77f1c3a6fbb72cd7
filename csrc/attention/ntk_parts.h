// What both directions of ntk_attention share: tensors in the computing type, packed prefixes, and
// how rows and keys are cut. Nothing here knows how many threads there are.
#pragma once

#include <cmath>
#include <vector>

#include "attention/ntk.h"
#include "attention/ntk_level.h"
#include "core/wide.h"

namespace longtail::attention {

inline constexpr std::int64_t kTileRows = 96;   // of a tile of scores
inline constexpr std::int64_t kTileKeys = 128;  // of a tile of scores
inline constexpr std::int64_t kGroupTiles = 4;  // tiles that share packed keys, forward

template <class S>
const NtkKernels<S>& ntk_kernels() {
  if constexpr (sizeof(S) == 8) {
    static constexpr PerLevel<const NtkKernels<S>*> levels = LONGTAIL_ADDRESS_PER_LEVEL(kNtkDouble);
    return *levels[cpu_level()];
  } else {
    static constexpr PerLevel<const NtkKernels<S>*> levels = LONGTAIL_ADDRESS_PER_LEVEL(kNtkFloat);
    return *levels[cpu_level()];
  }
}

/// The matrix [Z, |kappa|] of one prefix, both in units of their largest element, so that they may
/// be as large as their type allows.
template <class S>
class Prefix {
 public:
  Prefix(const NtkShape& shape, const S* z, const S* kappa)
      : channels_(shape.channels), values_(shape.values), z_(z), kappa_(kappa) {
    z_unit = unit(z, channels_ * values_);
    kappa_unit = unit(kappa, channels_);
  }
  S operator()(std::int64_t d, std::int64_t c) const {
    if (c < values_) return static_cast<S>(z_[d * values_ + c] / z_unit);
    return static_cast<S>(std::abs(kappa_[d]) / kappa_unit);
  }
  double z_unit, kappa_unit;

 private:
  static double unit(const S* data, std::int64_t count) {
    double largest = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      const double size = std::abs(double{data[i]});
      if (std::isfinite(size)) largest = std::max(largest, size);
    }
    return largest > 0 ? largest : 1;
  }
  std::int64_t channels_, values_;
  const S *z_, *kappa_;
};

/// Everything of a call in S.
template <class S>
struct NtkTensors {
  const NtkShape& shape;
  const NtkKernels<S>& kernels = ntk_kernels<S>();
  Wide<S> q, k, v, z, kappa;
  Panels channels, values, prefix;  // of d, of values, of [values, p]
  S factor;                         // d^(-1/4)

  NtkTensors(const NtkShape& s, const NtkTypes& types, const NtkInputs& inputs)
      : shape(s),
        q(kernels, types.tokens, inputs.q, s.problems() * s.queries * s.channels),
        k(kernels, types.tokens, inputs.k, s.problems() * s.keys * s.channels),
        v(kernels, types.tokens, inputs.v, s.problems() * s.keys * s.values),
        z(kernels, types.prefix, inputs.z, s.prefixes() * s.channels * s.values),
        kappa(kernels, types.prefix, inputs.kappa, s.prefixes() * s.channels),
        channels(kernels.lanes, s.channels),
        values(kernels.lanes, s.values),
        prefix(kernels.lanes, s.values + 1),
        factor(static_cast<S>(1 / std::sqrt(std::sqrt(static_cast<double>(s.channels))))) {}

  const S* query(std::int64_t n, std::int64_t i) const {
    return q.at((n * shape.queries + i) * shape.channels);
  }
  const S* key(std::int64_t n, std::int64_t j) const {
    return k.at((n * shape.keys + j) * shape.channels);
  }
  const S* value(std::int64_t n, std::int64_t j) const {
    return v.at((n * shape.keys + j) * shape.values);
  }
  Prefix<S> prefix_of(std::int64_t n) const {
    const std::int64_t m = shape.prefix_of(n);
    return Prefix<S>(shape, z.at(m * shape.channels * shape.values), kappa.at(m * shape.channels));
  }
  /// Keys that the row sees.
  std::int64_t seen(std::int64_t i) const {
    return shape.causal ? std::min(shape.keys, i + 1) : shape.keys;
  }
  Panels keys(std::int64_t count) const { return Panels(kernels.lanes, count); }

  /// Keys j ... as the right matrix of q k^T, their scale included.
  void pack_keys(std::int64_t n, std::int64_t j, std::int64_t count, S* to) const {
    const S* from = key(n, j);
    const auto by = static_cast<S>(shape.scale);
    pack(keys(count), shape.channels, count, to,
         [&](std::int64_t d, std::int64_t c) { return from[c * shape.channels + d] * by; });
  }
  /// rows [count, width] as a right matrix.
  static void pack_rows(const Panels& panels, const S* rows, std::int64_t count, std::int64_t width,
                        S* to) {
    pack(panels, count, width, to,
         [&](std::int64_t r, std::int64_t c) { return rows[r * width + c]; });
  }
};

}  // namespace longtail::attention
