#pragma once
// One block of elements by vector code: pack the elements of each method together, run the method's
// branch-free formula on full vectors of them, scatter the results.
//
// An element's result depends on its own arguments only, never on its neighbours or its place.

#include <cstdint>
#include <utility>

#include "bessel/evaluate.h"
#include "bessel/kernels.h"
#include "core/pack.h"

namespace longtail::bessel {
inline namespace LONGTAIL_LEVEL {

using Real64 = native<double>;
inline constexpr int kWidth = kLanes<Real64>;
inline constexpr int kRoom = kBlock + kWidth;  // a block and the vector that may hang over its end

/// Arguments side by side, and where each came from.
struct Packed {
  alignas(64) double first[kRoom];
  alignas(64) double second[kRoom];
  alignas(64) double place[kRoom];
  int count = 0;

  LONGTAIL_INLINE void add(mask_t<Real64> selected, Real64 a, Real64 b, Real64 at) {
    pack(first + count, selected, a);
    pack(second + count, selected, b);
    count += pack(place + count, selected, at);
  }
  /// Fills the last vector with copies of the last element.
  LONGTAIL_INLINE void fill() {
    for (int k = count; k % kWidth != 0; ++k) {
      first[k] = first[count - 1];
      second[k] = second[count - 1];
    }
  }
  LONGTAIL_INLINE void scatter(const double* results, double* out) const {
    for (int k = 0; k < count; ++k) out[static_cast<int>(place[k])] = results[k];
  }
};

/// 0, 1, 2, ... from `start`.
LONGTAIL_INLINE Real64 count_from(int start) {
  double steps[kWidth];
  for (int i = 0; i < kWidth; ++i) steps[i] = start + i;
  return load<Real64>(steps);
}

/// Redoes in double-double the elements of the strip where the plain formula cancels.
template <Function F, Method M>
void run_exact(Packed& strip, double* out) {
  strip.fill();
  alignas(64) double exact[kRoom];
  for (int k = 0; k < strip.count; k += kWidth) {
    const Real64 a = load<Real64>(strip.first + k), b = load<Real64>(strip.second + k);
    store(exact + k, exact_value<F, M>(a, b));
  }
  strip.scatter(exact, out);
}

/// Runs one method on arguments in whole vectors; results go to the same places.
template <Function F, Method M, int DA, int DB>
void run_method(const double* a, const double* b, double* out, int count) {
  if constexpr (!kHasStrip<F, M, DA, DB>) {
    for (int k = 0; k < count; k += kWidth) {
      store(out + k, partial<F, M, DA, DB>(load<Real64>(a + k), load<Real64>(b + k)));
    }
  } else {
    Packed strip;
    for (int k = 0; k < count; k += kWidth) {
      const Real64 first = load<Real64>(a + k), second = load<Real64>(b + k);
      const Real64 result = partial<F, M, DA, DB>(first, second);
      store(out + k, result);
      const mask_t<Real64> near = needs_exact<F>(result, first, second);
      if (any(near)) strip.add(near, first, second, count_from(k));
    }
    if (strip.count > 0) run_exact<F, M>(strip, out);
  }
}

/// A block, padded to whole vectors, and the method of each element (-1 in the padding).
struct Block {
  alignas(64) double first[kRoom];
  alignas(64) double second[kRoom];
  alignas(64) double method[kRoom];
  int count;
};

template <Function F, int DA, int DB>
LONGTAIL_INLINE void open_block(const double* a, const double* b, int n, Block& block) {
  __builtin_memcpy(block.first, a, sizeof(double) * n);
  __builtin_memcpy(block.second, b, sizeof(double) * n);
  for (int k = n; k % kWidth != 0; ++k) block.first[k] = block.second[k] = kNan<double>;
  for (int k = 0; k < n; k += kWidth) {
    const Coordinates<Real64> c =
        coordinates<F>(load<Real64>(block.first + k), load<Real64>(block.second + k));
    store(block.method + k, choose_method<F, DA, DB>(c.v, c.x));
  }
  for (int k = n; k % kWidth != 0; ++k) block.method[k] = -1.0;
  block.count = n;
}

/// Runs method M on those elements of the block that chose it.
template <Function F, Method M, int DA, int DB>
LONGTAIL_INLINE void run_share(const Block& block, double* out) {
  if constexpr (M == Method::special) {
    for (int k = 0; k < block.count; ++k) {
      if (block.method[k] != int(M)) continue;
      out[k] = evaluate_point(F, DA, DB, block.first[k], block.second[k]);
    }
  } else if constexpr (uses(F, DA + DB, M)) {
    Packed share;
    for (int k = 0; k < block.count; k += kWidth) {
      const mask_t<Real64> chosen = load<Real64>(block.method + k) == double(int(M));
      if (!any(chosen)) continue;
      share.add(chosen, load<Real64>(block.first + k), load<Real64>(block.second + k),
                count_from(k));
    }
    if (share.count == 0) return;
    share.fill();
    alignas(64) double results[kRoom];
    run_method<F, M, DA, DB>(share.first, share.second, results, share.count);
    share.scatter(results, out);
  }
}

template <Function F, int DA, int DB, int... M>
LONGTAIL_INLINE void run_shares(const Block& block, double* out, std::integer_sequence<int, M...>) {
  (run_share<F, static_cast<Method>(M), DA, DB>(block, out), ...);
}

/// The block kernel of one partial derivative.
template <Function F, int DA, int DB>
void block_kernel_of(const double* a, const double* b, double* out, std::int64_t n) {
  if constexpr (kWidth == 1) {
    for (std::int64_t k = 0; k < n; ++k) out[k] = evaluate<F, DA, DB>(a[k], b[k]);
  } else {
    Block block;
    open_block<F, DA, DB>(a, b, static_cast<int>(n), block);
    run_shares<F, DA, DB>(block, out, std::make_integer_sequence<int, kMethods>());
  }
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::bessel
