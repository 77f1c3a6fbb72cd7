// The recurrence of diagonal state spaces on CUDA, and a single step of it.
//
// A warp goes along a row in blocks of 32 steps, four rows of one head beside each other. For its
// state a lane holds what each step of a block adds; for its step, what each of 32 states gives:
// both in registers, but for float64, of which there are not enough. States are carried in double.
// More than 32 states are several launches, which add up.
#pragma once

#include "cuda/core/element_type.h"
#include "cuda/core/reduce.cuh"
#include "cuda/longconv/s4d_powers.cuh"

namespace longtail::cuda {

constexpr int kS4dScanThreads = kS4dScanWarps * kS4dLanes;

/// The states from `group` on, 32 of them. `before` holds the results of those before, or is null;
/// `out` may be the same memory.
template <class E, class S, class Out>
__global__ void __launch_bounds__(kS4dScanThreads)
    s4d_scan(longconv::S4dShape shape, longconv::S4dInputs in, std::int64_t group, const S* before,
             Out* out, double* final_state) {
  __shared__ PowerTable<S> table;
  __shared__ S response[2 * kS4dLanes];  // zeros before the first tap
  __shared__ S inputs[kS4dScanWarps][kS4dLanes];
  __shared__ S states_re[kS4dScanWarps][kS4dLanes], states_im[kS4dScanWarps][kS4dLanes];
  const int lane = threadIdx.x % kS4dLanes, warp = threadIdx.x / kS4dLanes;
  const std::int64_t n = group + lane, parts = (shape.batch + kS4dScanWarps - 1) / kS4dScanWarps;
  const std::int64_t tasks = shape.heads * shape.outputs * parts;
  const E* const u = static_cast<const E*>(in.u);
  for (std::int64_t task = blockIdx.x; task < tasks; task += gridDim.x) {
    const std::int64_t part = task % parts, of_c = task / parts;  // c * H + h
    const std::int64_t c = of_c / shape.heads, h = of_c % shape.heads;
    const std::int64_t b = part * kS4dScanWarps + warp;
    const bool there = b < shape.batch;
    const Complex<double> base = pair_at(in.base + 2 * h * shape.states, n, shape.states);
    const Complex<double> drive = pair_at(in.drive + 2 * h * shape.states, n, shape.states);
    const Complex<double> readout = pair_at(in.readout + 2 * of_c * shape.states, n, shape.states);
    const Complex<double> far = power(base, kS4dLanes);
    __syncthreads();
    table.fill(readout * drive, base, kS4dScanWarps);
    __syncthreads();
    if (warp == 0) {
      S tap = S(0);
      for (int m = 0; m < kS4dLanes; ++m) tap += table.at(m, lane).re;
      response[lane] = S(0);
      response[kS4dLanes + lane] = tap;
    }
    __syncthreads();
    table.fill(readout * base, base, kS4dScanWarps);
    __syncthreads();
    // 32 pairs of double fill half of a thread's registers: the others stay in the table.
    constexpr bool kept = sizeof(S) < 8;
    Complex<S> adds[kS4dLanes], gives[kept ? kS4dLanes : 1];
    Complex<double> value = drive;
    LONGTAIL_UNROLL
    for (int t = 0; t < kS4dLanes; ++t) {
      if constexpr (kept) gives[t] = table.at(t, lane);
      adds[kS4dLanes - 1 - t] = {static_cast<S>(value.re), static_cast<S>(value.im)};
      value = value * base;
    }
    Complex<double> x = {0, 0};
    if (there && in.state != nullptr) {
      x = pair_at(in.state + 2 * (b * shape.heads + h) * shape.states, n, shape.states);
    }
    const S skip = group == 0 && in.skip != nullptr ? static_cast<S>(in.skip[of_c]) : S(0);
    for (std::int64_t l = 0; l < shape.length; l += kS4dLanes) {
      const std::int64_t at = (b * shape.heads + h) * shape.length + l + lane;
      const bool seen = there && l + lane < shape.length;
      __syncthreads();  // what stood here has been read
      inputs[warp][lane] = seen ? read_as<S>(u[at]) : S(0);
      states_re[warp][lane] = static_cast<S>(x.re);
      states_im[warp][lane] = static_cast<S>(x.im);
      __syncthreads();
      S re = S(0), im = S(0), y = skip * inputs[warp][lane];
      LONGTAIL_UNROLL
      for (int t = 0; t < kS4dLanes; ++t) {
        const S input = inputs[warp][t];
        re = fma(adds[t].re, input, re);
        im = fma(adds[t].im, input, im);
        const Complex<S> give = kept ? gives[kept ? t : 0] : table.at(t, lane);
        y = fma(give.re, states_re[warp][t], fma(-give.im, states_im[warp][t], y));
        y = fma(response[kS4dLanes + lane - t], input, y);
      }
      if (l + kS4dLanes <= shape.length) {
        x = far * x;
        x = {x.re + static_cast<double>(re), x.im + static_cast<double>(im)};
      } else {  // the end of the row: fewer steps than a block has
        for (int t = 0; t < shape.length - l; ++t) {
          const double input = static_cast<double>(inputs[warp][t]);
          x = base * x;
          x = {fma(drive.re, input, x.re), fma(drive.im, input, x.im)};
        }
      }
      if (seen) {
        const std::int64_t to =
            ((b * shape.outputs + c) * shape.heads + h) * shape.length + l + lane;
        if (before != nullptr) y += before[to];
        out[to] = write_as<Out>(y);
      }
    }
    if (there && c == 0 && n < shape.states) {
      double* const to = final_state + 2 * ((b * shape.heads + h) * shape.states + n);
      to[0] = x.re;
      to[1] = x.im;
    }
  }
}

/// One step, a warp a row: the discretisation anew for every row and result.
template <class E, class P>
__global__ void __launch_bounds__(kS4dLanes) s4d_step(longconv::S4dStep step, E* y, P* new_state) {
  __shared__ double of_warp;
  const std::int64_t tasks = step.batch * step.heads;
  for (std::int64_t row = blockIdx.x; row < tasks; row += gridDim.x) {
    const std::int64_t b = row / step.heads, h = row % step.heads;
    const double u = read_as<double>(static_cast<const E*>(step.u)[row]);
    const double dt = static_cast<double>(static_cast<const P*>(step.dt)[h]);
    const P* const state = static_cast<const P*>(step.state) + 2 * row * step.states;
    for (std::int64_t c = 0; c < (step.outputs > 0 ? step.outputs : 1); ++c) {
      const std::int64_t of_c = c * step.heads + h, of_h = 2 * h * step.states;
      double sum = 0;
      for (std::int64_t n = threadIdx.x; n < step.states; n += kS4dLanes) {
        const auto rate = pair_at(static_cast<const P*>(step.a) + of_h, n, step.states);
        const auto discrete = step.method == longconv::Discretization::bilinear
                                  ? longconv::bilinear(dt, rate)
                                  : longconv::zero_order_hold(dt, rate);
        const auto drive =
            discrete.b * pair_at(static_cast<const P*>(step.b) + of_h, n, step.states);
        const auto moved = discrete.a * pair_at(state, n, step.states);
        const Complex<double> x = {fma(drive.re, u, moved.re), fma(drive.im, u, moved.im)};
        if (c == 0) {
          new_state[2 * (row * step.states + n)] = static_cast<P>(x.re);
          new_state[2 * (row * step.states + n) + 1] = static_cast<P>(x.im);
        }
        if (step.outputs == 0) continue;
        const auto weight =
            pair_at(static_cast<const P*>(step.c) + 2 * of_c * step.states, n, step.states);
        sum = fma(weight.re, x.re, fma(-weight.im, x.im, sum));
      }
      const double total = 2 * block_sum<kS4dLanes>(sum, &of_warp);
      if (threadIdx.x != 0 || step.outputs == 0) continue;
      const double skip =
          step.skip == nullptr ? 0 : static_cast<double>(static_cast<const P*>(step.skip)[of_c]);
      y[(b * step.outputs + c) * step.heads + h] = write_as<E>(static_cast<P>(fma(skip, u, total)));
    }
  }
}

}  // namespace longtail::cuda
