// long_conv and its gradients beside sums over taps, all memory exactly as long as it must be, so
// that the address sanitizer sees a step too far.
#include "longconv/long_conv.h"

#include <cmath>
#include <vector>

#include "core/half.h"
#include "errors.h"
#include "test.h"

namespace longtail::longconv {
namespace {

using Numbers = std::vector<double>;

template <class E>
struct Array {
  std::vector<E> narrow;
  Numbers wide;
  Array(std::int64_t count, test::Random& random) : narrow(count), wide(count) {
    for (std::int64_t i = 0; i < count; ++i) {
      narrow[i] = static_cast<E>(random.uniform(-1, 1));
      wide[i] = static_cast<double>(narrow[i]);
    }
  }
  explicit Array(std::int64_t count) : narrow(count), wide(count) {}
  void* data() { return narrow.empty() ? nullptr : narrow.data(); }
};

struct Problem {
  ConvShape shape;
  bool skip, gates;
};

// Results and gradients of everything, in double, by their definition.
struct Exact {
  Numbers y, u, k, k_rev, skip, gate_in, state;
};

template <class Row, class Taps>
Exact exact(const Problem& p, const Row& u, const Taps& k, const Taps& k_rev, const Taps& skip,
            const Row& gate_in, const Row& gate_out, const Row& state, const Row& grad) {
  const auto& [batch, heads, outputs, length, taps, before, has_state] = p.shape;
  Exact to;
  to.y.resize(batch * outputs * heads * length);
  to.u.resize(u.wide.size());
  to.k.resize(k.wide.size());
  to.k_rev.resize(k_rev.wide.size());
  to.skip.resize(skip.wide.size());
  to.gate_in.resize(gate_in.wide.size());
  to.state.resize(state.wide.size());
  for (std::int64_t b = 0; b < batch; ++b) {
    for (std::int64_t h = 0; h < heads; ++h) {
      const std::int64_t row = (b * heads + h) * length, old = (b * heads + h) * (taps - 1);
      const auto x = [&](std::int64_t n) {
        if (n < 0) return has_state ? state.wide[old + n + taps - 1] : 0.0;
        return u.wide[row + n] * (p.gates ? gate_in.wide[row + n] : 1);
      };
      const std::int64_t first = has_state ? 1 - taps : 0;
      Numbers dx(length - first);
      for (std::int64_t c = 0; c < outputs; ++c) {
        const std::int64_t of_taps = c * heads + h, of_y = ((b * outputs + c) * heads + h) * length;
        for (std::int64_t n = 0; n < length; ++n) {
          const double gate = p.gates ? gate_out.wide[of_y + n] : 1;
          const double dz = gate * grad.wide[of_y + n];
          double z = 0;
          const auto term = [&](double tap, double& d_tap, std::int64_t m) {
            if (m < first || m >= length) return;
            z += tap * x(m);
            d_tap += dz * x(m);
            dx[m - first] += dz * tap;
          };
          for (std::int64_t j = 0; j < taps; ++j) {
            term(k.wide[of_taps * taps + j], to.k[of_taps * taps + j], n - j);
          }
          for (std::int64_t j = 0; j < before; ++j) {
            term(k_rev.wide[of_taps * before + j], to.k_rev[of_taps * before + j], n + 1 + j);
          }
          if (p.skip) term(skip.wide[of_taps], to.skip[of_taps], n);
          to.y[of_y + n] = gate * z;
        }
      }
      for (std::int64_t n = first; n < length; ++n) {
        if (n < 0) {
          to.state[old + n + taps - 1] = dx[n - first];
        } else {
          to.u[row + n] = dx[n - first] * (p.gates ? gate_in.wide[row + n] : 1);
          if (p.gates) to.gate_in[row + n] = dx[n - first] * u.wide[row + n];
        }
      }
    }
  }
  return to;
}

template <class E>
void check_near(const Array<E>& got, const Numbers& want, double bound, const char* what) {
  double error = 0, size = 1e-30;
  for (std::size_t i = 0; i < want.size(); ++i) {
    error += std::pow(static_cast<double>(got.narrow[i]) - want[i], 2);
    size += want[i] * want[i];
  }
  if (std::sqrt(error / size) > bound) test::fail(__FILE__, __LINE__, what);
}

template <class E, class W>
void check(const Problem& p, DType rows, DType taps, double bound) {
  const ConvShape& s = p.shape;
  const ConvTypes types = {rows, taps};
  test::Random random(17);
  const std::int64_t of_rows = s.batch * s.heads * s.length, of_taps = s.outputs * s.heads;
  Array<E> u(of_rows, random), gate_in(p.gates ? of_rows : 0, random);
  Array<E> gate_out(p.gates ? of_rows * s.outputs : 0, random), grad(of_rows * s.outputs, random);
  Array<E> state(s.state ? s.batch * s.heads * (s.taps - 1) : 0, random);
  Array<W> k(of_taps * s.taps, random), k_rev(of_taps * s.taps_before, random);
  Array<W> skip(p.skip ? of_taps : 0, random);
  const Exact want = exact(p, u, k, k_rev, skip, gate_in, gate_out, state, grad);

  std::vector<double> memory(spectrum_size(s, rows));
  conv_spectrum(s, types, k.data(), k_rev.data(), memory.data());
  const ConvInputs inputs = {u.data(),       memory.data(),   skip.data(),
                             gate_in.data(), gate_out.data(), state.data()};
  Array<E> y(of_rows * s.outputs), du(of_rows), d_gate(p.gates ? of_rows : 0);
  Array<E> d_state(static_cast<std::int64_t>(state.wide.size()));
  Array<W> dk(of_taps * s.taps), dk_rev(of_taps * s.taps_before), d_skip(p.skip ? of_taps : 0);
  long_conv(s, types, inputs, y.data());
  long_conv_backward(
      s, types, inputs, grad.data(),
      {du.data(), dk.data(), dk_rev.data(), d_skip.data(), d_gate.data(), d_state.data()});
  check_near(y, want.y, bound, "y");
  check_near(du, want.u, bound, "du");
  check_near(dk, want.k, bound, "dk");
  check_near(dk_rev, want.k_rev, bound, "dk_rev");
  check_near(d_skip, want.skip, bound, "dskip");
  check_near(d_gate, want.gate_in, bound, "dgate_in");
  check_near(d_state, want.state, bound, "dstate");
}

TEST(values_and_gradients) {
  const Problem problems[] = {
      {{2, 2, 1, 193, 193, 0, false}, false, false}, {{3, 1, 2, 127, 60, 0, false}, true, true},
      {{1, 2, 1, 300, 7, 400, false}, true, true},   {{2, 1, 1, 1030, 20, 30, false}, true, false},
      {{2, 2, 1, 700, 33, 0, true}, true, true},     {{1, 1, 2, 5, 40, 0, true}, false, false},
      {{1, 3, 1, 1, 1, 0, false}, true, true},       {{2, 1, 1, 0, 3, 2, false}, true, true},
  };
  for (const Problem& p : problems) {
    if (test::kEmulated && p.shape.length > 700) continue;
    check<double, double>(p, DType::float64, DType::float64, 1e-14);
    check<float, float>(p, DType::float32, DType::float32, 1e-6);
    check<bfloat16, float>(p, DType::bfloat16, DType::float32, 4e-3);
    check<float16, float16>(p, DType::float16, DType::float16, 5e-4);
  }
}

TEST(types) {
  // float32 taps are read as such beside narrower rows only.
  const ConvShape shape{1, 1, 1, 5, 3, 0, false};
  const ConvTypes types{DType::float64, DType::float32};
  const double u[5] = {};
  const float k[3] = {};
  double spectrum[64], y[5];
  const ConvInputs inputs{u, spectrum, nullptr, nullptr, nullptr, nullptr};
  const ConvGradients none{};
  CHECK_THROWS(conv_spectrum(shape, types, k, nullptr, spectrum), "conv_spectrum", "`types.taps`",
               "float32", "float64");
  CHECK_THROWS(long_conv(shape, types, inputs, y), "long_conv", "`types.taps`", "float32");
  CHECK_THROWS(long_conv_backward(shape, types, inputs, u, none), "long_conv_backward",
               "`types.taps`", "float32");
}

TEST(plans) {
  // Few taps go in blocks, as many as the row is long at once; a state always in blocks.
  CHECK(!conv_plan({1, 1, 1, 1 << 16, 16, 0, false}, DType::float32).whole);
  CHECK(conv_plan({1, 1, 1, 1 << 16, 1 << 16, 0, false}, DType::float32).whole);
  CHECK(!conv_plan({1, 1, 1, 4096, 4096, 0, true}, DType::float32).whole);
  CHECK_EQUAL(conv_plan({1, 1, 1, 4096, 4096, 4095, false}, DType::float32).size, 4096);
}

}  // namespace
}  // namespace longtail::longconv
