// short_conv at the best level of the machine against sums written out in double; sizes around
// blocks and vectors under the sanitizers. Gradients against the transposed sums.
#include "longconv/short_conv.h"

#include <cstring>

#include "numbers_near.h"

namespace {

using namespace numbers_near;
using longconv::ShortConvShape;

double silu(double a) { return a / (1 + std::exp(-a)); }
double silu_slope(double a) {
  const double s = 1 / (1 + std::exp(-a));
  return s * (1 + a * (1 - s));
}

// E is the type of rows, P that of taps.
template <class E, class P>
void compare(const ShortConvShape& shape, bool with_bias, bool with_state) {
  const std::int64_t rows = shape.batch * shape.heads, past = shape.taps - 1, n = shape.length;
  const auto u = numbers<E>(rows * n, 2, 0.1), state = numbers<E>(rows * past, 2, 0.2);
  const auto taps = numbers<P>(shape.heads * shape.taps, 1, 0.3);
  const auto bias = numbers<P>(shape.heads, 1, 0.4);
  const auto grad = numbers<E>(rows * n, 1, 0.5);
  std::vector<double> y(rows * n), du(rows * n), dstate(rows * past);
  std::vector<double> dtaps(taps.size()), dbias(bias.size());
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::int64_t h = r % shape.heads;
    for (std::int64_t i = 0; i < n; ++i) {
      const auto place = [&](std::int64_t t) { return i - past + t; };
      double a = with_bias ? static_cast<double>(bias[h]) : 0;
      const auto x = [&](std::int64_t at) {
        if (at >= 0) return static_cast<double>(u[r * n + at]);
        return with_state ? static_cast<double>(state[r * past + past + at]) : 0.0;
      };
      for (std::int64_t t = 0; t < shape.taps; ++t) {
        a += static_cast<double>(taps[h * shape.taps + t]) * x(place(t));
      }
      y[r * n + i] = shape.silu ? silu(a) : a;
      const double g = static_cast<double>(grad[r * n + i]) * (shape.silu ? silu_slope(a) : 1);
      dbias[h] += g;
      for (std::int64_t t = 0; t < shape.taps; ++t) {
        dtaps[h * shape.taps + t] += g * x(place(t));
        double& to = place(t) >= 0 ? du[r * n + place(t)] : dstate[r * past + past + place(t)];
        to += g * static_cast<double>(taps[h * shape.taps + t]);
      }
    }
  }
  const longconv::ShortConvTypes types = {kDType<E>, kDType<P>};
  const longconv::ShortConvInputs inputs = {u.data(), taps.data(),
                                            with_bias ? bias.data() : nullptr,
                                            with_state ? state.data() : nullptr};
  std::vector<E> got(u.size()), got_u(u.size()), got_state(state.size(), static_cast<E>(7));
  std::vector<P> got_taps(taps.size()), got_bias(bias.size());
  longconv::short_conv(shape, types, inputs, got.data());
  CHECK(near(got, y, kTolerance<E>));
  longconv::short_conv_backward(
      shape, types, inputs, grad.data(),
      {got_u.data(), got_taps.data(), with_bias ? got_bias.data() : nullptr,
       with_state ? got_state.data() : nullptr});
  CHECK(near(got_u, du, kTolerance<E>));
  CHECK(near(got_taps, dtaps, kTolerance<P>));
  if (with_bias) CHECK(near(got_bias, dbias, kTolerance<P>));
  if (with_state) CHECK(near(got_state, dstate, kTolerance<E>));
}

template <class E, class P>
void compare_all() {
  for (const std::int64_t length : {1, 15, 16, 17, 130, 1023, 1024, 1025, 2100}) {
    for (const std::int64_t taps : {1, 2, 4, 9, 128}) {
      compare<E, P>({1, 2, length, taps, length % 2 == 1}, taps != 2, length % 3 != 0);
    }
  }
  compare<E, P>({2, 3, 0, 5, false}, true, true);
  compare<E, P>({70, 1, 3, 4, true}, true, true);  // the batch is cut into parts
}
TEST(float64) { compare_all<double, double>(); }
TEST(float32) { compare_all<float, float>(); }
TEST(bfloat16) { compare_all<bfloat16, float>(); }

/// Step by step, in memory that ends where the numbers do: the bits of the whole row, and states
/// that are its last inputs.
template <class E, class P>
void take_steps(const ShortConvShape& shape) {
  const std::int64_t rows = shape.batch * shape.heads, past = shape.taps - 1, n = shape.length;
  const auto u = numbers<E>(rows * n, 2, 0.1), first = numbers<E>(rows * past, 2, 0.2);
  const auto taps = numbers<P>(shape.heads * shape.taps, 1, 0.3);
  const auto bias = numbers<P>(shape.heads, 1, 0.4);
  const longconv::ShortConvTypes types = {kDType<E>, kDType<P>};
  std::vector<E> whole(u.size()), state = first, next(state.size()), now(rows), y(rows);
  longconv::short_conv(shape, types, {u.data(), taps.data(), bias.data(), first.data()},
                       whole.data());
  ShortConvShape step = shape;
  step.length = 1;
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t r = 0; r < rows; ++r) now[r] = u[r * n + i];
    longconv::short_conv_step(step, types, {now.data(), taps.data(), bias.data(), state.data()},
                              y.data(), next.data());
    for (std::int64_t r = 0; r < rows; ++r) {
      CHECK(std::memcmp(&y[r], &whole[r * n + i], sizeof(E)) == 0);
      for (std::int64_t t = 0; t < past; ++t) {
        const std::int64_t at = i + 1 + t - past;
        const E& exact = at >= 0 ? u[r * n + at] : first[r * past + past + at];
        CHECK(std::memcmp(&next[r * past + t], &exact, sizeof(E)) == 0);
      }
    }
    state.swap(next);
  }
}
TEST(steps) {
  for (const std::int64_t heads : {1, 15, 16, 17, 32, 40}) {
    for (const std::int64_t taps : {1, 2, 3, 4, 5, 6, 17, 128}) {
      for (const std::int64_t batch : {1, 3}) {
        const ShortConvShape shape = {batch, heads, 5, taps, taps % 2 == 0};
        take_steps<double, double>(shape);
        take_steps<float, float>(shape);
        take_steps<bfloat16, float>(shape);
        take_steps<float16, float16>(shape);
      }
    }
  }
}

}  // namespace
