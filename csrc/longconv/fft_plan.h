#pragma once
// How a transform of `size` complex points is taken apart, and its tables of roots of unity.
//
// The ring. Real sequences a of 2 N numbers with x^(2 N) = -1 (negacyclic) are complex ones of N,
//
//   c[n] = (a[n] - i a[n + N]) w^n,   w = exp(-i pi / (2 N)),
//
// and their products are products of the N-point Fourier transforms of c: those are the values of
// the polynomial at half of the roots of x^(2 N) + 1; at the other half they are the conjugates.
// (Nussbaumer's right-angle convolution; Crandall and Fagin, Math. Comp. 62, 1994.) A row of N
// real numbers is so convolved with taps at lags -N + 1 ... N - 1 by one transform of N points and
// one back, without a zero that is stored, and without a partner row.
//
// A pass of radix R takes blocks of `length` to R blocks of length / R, decimated in frequency;
// blocks of lanes^2 points are the last, with the lanes as their second index. Nothing is put back
// into order: a spectrum is only ever multiplied by another of the same plan.

#include <cstdint>
#include <memory>
#include <vector>

namespace longtail::longconv {

/// Of a pass but the first: for every vector of n < length / R and q = 1 ... R - 1, real parts and
/// imaginary parts of t(n, q) = exp(-2 pi i n q / length). Of the first, where t(n, q) has a factor
/// w^n, the numbers t(n, q) of every n that is a multiple of lanes and q = 0 ... R - 1, which times
/// the plan's t(lane, q) are the others: a table as large as the rows would cost rows their place
/// in the cache (8 % of the time at 2^16 points, 18 % at 2^20).
struct FftPass {
  int radix;
  std::int64_t length;
  const void* roots;
};

struct FftPlan {
  std::int64_t size = 0;
  int lanes = 1;
  int passes = 0;
  FftPass pass[16];
  const void* lane_roots;  // of the first pass, t(lane, q): vectors for q = 0 ... R - 1
  const void* last_roots;  // exp(-2 pi i n q / lanes^2), n the lane, q = 1 ... lanes - 1

  /// Keeps the tables alive.
  std::vector<std::shared_ptr<const void>> tables;
};

/// The smallest size >= least that a plan can have.
std::int64_t fft_size(std::int64_t least, int lanes);

/// The plan for S = float or double; made at the first use of a size and kept.
template <class S>
const FftPlan& fft_plan(std::int64_t size, int lanes);

}  // namespace longtail::longconv
