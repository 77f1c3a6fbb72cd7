// One step of diagonal state spaces, compiled once per CPU level: lanes are states of one
// head or several, all arithmetic in double.
#include "core/element_lanes.h"
#include "longconv/s4d_lanes.h"
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
  P re[kLanes<D>] = {}, im[kLanes<D>] = {};
  if (count == kLanes<D>) {  // a loop of known length becomes a few shuffles
    for (int i = 0; i < kLanes<D>; ++i) re[i] = pairs[2 * i], im[i] = pairs[2 * i + 1];
  } else {
    for (int i = 0; i < count; ++i) re[i] = pairs[2 * i], im[i] = pairs[2 * i + 1];
  }
  return {load_states<D>(re), load_states<D>(im)};
}
template <class P>
LONGTAIL_INLINE void store_pairs(P* pairs, const Complex<D>& a, int count) {
  P re[kLanes<D>], im[kLanes<D>];
  put_states(re, a.re);
  put_states(im, a.im);
  if (count == kLanes<D>) {
    for (int i = 0; i < kLanes<D>; ++i) pairs[2 * i] = re[i], pairs[2 * i + 1] = im[i];
  } else {
    for (int i = 0; i < count; ++i) pairs[2 * i] = re[i], pairs[2 * i + 1] = im[i];
  }
}

/// The sum of a row: whole vectors, their lanes, then what is left, in this order.
LONGTAIL_INLINE double sum_of(const double* row, std::int64_t count) {
  double total = 0;
  std::int64_t n = 0;
  if (count >= kLanes<D>) {
    D sum(0.0);
    for (; n + kLanes<D> <= count; n += kLanes<D>) sum = sum + load<D>(row + n);
    for (int i = 0; i < kLanes<D>; ++i) total += lane(sum, i);
  }
  for (; n < count; ++n) total += row[n];
  return total;
}

/// Some neighbouring heads. Their states lie beside each other, so that lanes are states of any of
/// them, and few states a head fill as many lanes as many do.
template <class E, class P>
class Heads {
 public:
  Heads(const S4dStep& step, void* y, void* new_state, std::int64_t most, double* memory)
      : step_(step), y_(static_cast<E*>(y)), new_state_(static_cast<P*>(new_state)) {
    const std::int64_t padded = (most * step.states + kLanes<D> - 1) / kLanes<D> * kLanes<D>;
    a_ = {memory, padded};
    b_ = {memory + 2 * padded, padded};
    x_ = {memory + 4 * padded, padded};
    each_ = memory + 6 * padded;
  }

  void run(std::int64_t begin, std::int64_t end) {
    begin_ = begin;
    heads_ = end - begin;
    count_ = heads_ * step_.states;
    discretize();
    for (std::int64_t b = 0; b < step_.batch; ++b) {
      advance(b);
      for (std::int64_t c = 0; c < step_.outputs; ++c) result(b, c);
    }
  }

 private:
  /// Pairs as vectors, in memory that the caller gave.
  struct Vectors {
    double* data;
    std::int64_t padded;
    Complex<D> at(std::int64_t n) const { return {load<D>(data + n), load<D>(data + padded + n)}; }
    void put(std::int64_t n, const Complex<D>& a) const {
      store(data + n, a.re);
      store(data + padded + n, a.im);
    }
  };

  /// Calls run(n, count) for each vector of states.
  template <class Run>
  LONGTAIL_INLINE void vectors(const Run& run) const {
    std::int64_t n = 0;
    for (; n + kLanes<D> <= count_; n += kLanes<D>) run(n, kLanes<D>);
    if (n < count_) run(n, static_cast<int>(count_ - n));
  }
  /// A number of each head, for each of its states.
  template <class T>
  LONGTAIL_INLINE void spread(const T* numbers) const {
    for (std::int64_t h = 0; h < heads_; ++h) {
      const double number = widen<double>(numbers[h]);
      for (std::int64_t n = 0; n < step_.states; ++n) each_[h * step_.states + n] = number;
    }
  }

  void discretize() const {
    spread(static_cast<const P*>(step_.dt) + begin_);
    const P* const a = static_cast<const P*>(step_.a) + 2 * begin_ * step_.states;
    const P* const b = static_cast<const P*>(step_.b) + 2 * begin_ * step_.states;
    vectors([&](std::int64_t n, int count) {
      const D dt = load<D>(each_ + n);
      const Complex<D> rate = load_pairs(a + 2 * n, count);
      const Discrete<D> step =
          step_.method == Discretization::bilinear ? bilinear(dt, rate) : zero_order_hold(dt, rate);
      a_.put(n, step.a);
      b_.put(n, step.b * load_pairs(b + 2 * n, count));
    });
  }

  void advance(std::int64_t batch) const {
    const std::int64_t row = batch * step_.heads + begin_;
    spread(static_cast<const E*>(step_.u) + row);
    const P* const from = static_cast<const P*>(step_.state) + 2 * row * step_.states;
    P* const to = new_state_ + 2 * row * step_.states;
    vectors([&](std::int64_t n, int count) {
      const Complex<D> moved = a_.at(n) * load_pairs(from + 2 * n, count), b = b_.at(n);
      const D u = load<D>(each_ + n);
      const Complex<D> x = {fma(b.re, u, moved.re), fma(b.im, u, moved.im)};
      x_.put(n, x);
      store_pairs(to + 2 * n, x, count);
    });
  }

  void result(std::int64_t batch, std::int64_t c) const {
    const std::int64_t of_c = c * step_.heads + begin_;
    const P* const readout = static_cast<const P*>(step_.c) + 2 * of_c * step_.states;
    vectors([&](std::int64_t n, int count) {
      const Complex<D> x = x_.at(n), weight = load_pairs(readout + 2 * n, count);
      store(each_ + n, D(fma(weight.re, x.re, D(-(weight.im * x.im)))));
    });
    const E* const u = static_cast<const E*>(step_.u) + batch * step_.heads + begin_;
    E* const y = y_ + (batch * step_.outputs + c) * step_.heads + begin_;
    for (std::int64_t h = 0; h < heads_; ++h) {
      double total = 2 * sum_of(each_ + h * step_.states, step_.states);
      if (step_.skip) {
        total +=
            static_cast<double>(static_cast<const P*>(step_.skip)[of_c + h]) * widen<double>(u[h]);
      }
      y[h] = narrow<E>(static_cast<P>(total));
    }
  }

  const S4dStep& step_;
  E* y_;
  P* new_state_;
  Vectors a_, b_, x_;
  double* each_;
  std::int64_t begin_ = 0, heads_ = 0, count_ = 0;
};

template <class E, class P>
void run(const S4dStep& step, void* y, void* new_state, std::int64_t begin, std::int64_t end,
         std::int64_t most, double* memory) {
  Heads<E, P> heads(step, y, new_state, most, memory);
  for (; begin < end; begin += most) heads.run(begin, end - begin < most ? end : begin + most);
}

void run_heads(const S4dStep& step, void* y, void* new_state, std::int64_t begin, std::int64_t end,
               std::int64_t most, double* memory) {
  switch (step.rows) {
    case DType::float64:
      return run<double, double>(step, y, new_state, begin, end, most, memory);
    case DType::float32:
      return run<float, float>(step, y, new_state, begin, end, most, memory);
    case DType::float16:
      return run<float16, float>(step, y, new_state, begin, end, most, memory);
    default:
      return run<bfloat16, float>(step, y, new_state, begin, end, most, memory);
  }
}

}  // namespace

extern const StepHeads kS4dStep;
const StepHeads kS4dStep = {run_heads, kLanes<D>};

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::longconv
