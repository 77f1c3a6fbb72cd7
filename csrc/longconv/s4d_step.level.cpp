// One step of diagonal state spaces, compiled once per CPU level: lanes are states, all arithmetic
// in double.
#include "core/element_lanes.h"
#include "longconv/s4d_math.h"

// After what opens the level's namespace.
#include "longconv/s4d_level.h"

namespace longtail::longconv {
inline namespace LONGTAIL_LEVEL {
namespace {

using D = native<double>;

/// The first `count` of neighbouring pairs, zeros in the other lanes.
template <class P>
LONGTAIL_INLINE Complex<D> load_pairs(const P* pairs, int count) {
  double re[kLanes<D>], im[kLanes<D>];
  for (int i = 0; i < kLanes<D>; ++i) {
    re[i] = i < count ? static_cast<double>(pairs[2 * i]) : 0;
    im[i] = i < count ? static_cast<double>(pairs[2 * i + 1]) : 0;
  }
  return {load<D>(re), load<D>(im)};
}
template <class P>
LONGTAIL_INLINE void store_pairs(P* pairs, const Complex<D>& a, int count) {
  for (int i = 0; i < count; ++i) {
    pairs[2 * i] = static_cast<P>(lane(a.re, i));
    pairs[2 * i + 1] = static_cast<P>(lane(a.im, i));
  }
}

/// Pairs of one head as vectors, in memory that the caller gave.
struct Vectors {
  double* data;
  std::int64_t padded;
  Complex<D> at(std::int64_t n) const { return {load<D>(data + n), load<D>(data + padded + n)}; }
  void put(std::int64_t n, const Complex<D>& a) const {
    store(data + n, a.re);
    store(data + padded + n, a.im);
  }
};

LONGTAIL_INLINE int lanes_at(std::int64_t n, std::int64_t states) {
  return states - n < kLanes<D> ? static_cast<int>(states - n) : kLanes<D>;
}

template <class E, class P>
class Heads {
 public:
  Heads(const S4dStep& step, void* y, void* new_state, double* memory)
      : step_(step), y_(static_cast<E*>(y)), new_state_(static_cast<P*>(new_state)) {
    const std::int64_t padded = (step.states + kLanes<D> - 1) / kLanes<D> * kLanes<D>;
    a_ = {memory, padded};
    b_ = {memory + 2 * padded, padded};
    x_ = {memory + 4 * padded, padded};
  }

  void head(std::int64_t h) const {
    const D dt(static_cast<double>(static_cast<const P*>(step_.dt)[h]));
    for (std::int64_t n = 0; n < step_.states; n += kLanes<D>) {
      const std::int64_t at = 2 * (h * step_.states + n);
      const int count = lanes_at(n, step_.states);
      const Complex<D> rate = load_pairs(static_cast<const P*>(step_.a) + at, count);
      const Discrete<D> step =
          step_.method == Discretization::bilinear ? bilinear(dt, rate) : zero_order_hold(dt, rate);
      a_.put(n, step.a);
      b_.put(n, step.b * load_pairs(static_cast<const P*>(step_.b) + at, count));
    }
    for (std::int64_t b = 0; b < step_.batch; ++b) row(b, h);
  }

 private:
  void row(std::int64_t b, std::int64_t h) const {
    const std::int64_t at = 2 * (b * step_.heads + h) * step_.states;
    const double u = widen<double>(static_cast<const E*>(step_.u)[b * step_.heads + h]);
    for (std::int64_t n = 0; n < step_.states; n += kLanes<D>) {
      const int count = lanes_at(n, step_.states);
      const P* state = static_cast<const P*>(step_.state) + at + 2 * n;
      const Complex<D> moved = a_.at(n) * load_pairs(state, count), b = b_.at(n);
      const Complex<D> x = {fma(b.re, D(u), moved.re), fma(b.im, D(u), moved.im)};
      x_.put(n, x);
      store_pairs(new_state_ + at + 2 * n, x, count);
    }
    for (std::int64_t c = 0; c < step_.outputs; ++c) result(b, c, h, u);
  }

  void result(std::int64_t b, std::int64_t c, std::int64_t h, double u) const {
    const std::int64_t of_c = c * step_.heads + h;
    const P* readout = static_cast<const P*>(step_.c) + 2 * of_c * step_.states;
    D sum(0.0);
    for (std::int64_t n = 0; n < step_.states; n += kLanes<D>) {
      const Complex<D> x = x_.at(n);
      const Complex<D> weight = load_pairs(readout + 2 * n, lanes_at(n, step_.states));
      sum = fma(weight.re, x.re, fma(D(-weight.im), x.im, sum));
    }
    double total = 0;
    for (int i = 0; i < kLanes<D>; ++i) total += lane(sum, i);
    total *= 2;
    if (step_.skip) total += static_cast<double>(static_cast<const P*>(step_.skip)[of_c]) * u;
    y_[(b * step_.outputs + c) * step_.heads + h] = narrow<E>(static_cast<P>(total));
  }

  const S4dStep& step_;
  E* y_;
  P* new_state_;
  Vectors a_, b_, x_;
};

template <class E, class P>
void run(const S4dStep& step, void* y, void* new_state, std::int64_t begin, std::int64_t end,
         double* memory) {
  const Heads<E, P> heads(step, y, new_state, memory);
  for (std::int64_t h = begin; h < end; ++h) heads.head(h);
}

void run_heads(const S4dStep& step, void* y, void* new_state, std::int64_t begin, std::int64_t end,
               double* memory) {
  switch (step.rows) {
    case DType::float64:
      return run<double, double>(step, y, new_state, begin, end, memory);
    case DType::float32:
      return run<float, float>(step, y, new_state, begin, end, memory);
    case DType::float16:
      return run<float16, float>(step, y, new_state, begin, end, memory);
    default:
      return run<bfloat16, float>(step, y, new_state, begin, end, memory);
  }
}

}  // namespace

extern const StepHeads kS4dStep;
const StepHeads kS4dStep = {run_heads, kLanes<D>};

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::longconv
