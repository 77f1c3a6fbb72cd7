// The CUDA kernels of diagonal state spaces, run on the CPU by simt/cuda_runtime.h, beside the CPU
// kernels: lengths and states that fill no tile, more states than a warp has lanes, several
// results.
#include "cuda/longconv/s4d_scan.cuh"
#include "cuda/longconv/s4d_vandermonde.cuh"
#include "test.h"

#include <cmath>
#include <vector>

namespace {

using namespace longtail;
using longconv::S4dShape;
using longconv::VandermondeShape;

/// Pairs of modulus below 1 (bases) or about 1, different from each other.
std::vector<double> pairs(std::int64_t count, double modulus, double phase) {
  std::vector<double> result(2 * count);
  for (std::int64_t n = 0; n < count; ++n) {
    const double size = modulus - 0.01 * static_cast<double>(n % 7);
    result[2 * n] = size * std::cos(phase * static_cast<double>(n + 1));
    result[2 * n + 1] = size * std::sin(phase * static_cast<double>(n + 1));
  }
  return result;
}
/// As good as noise: nothing that is summed cancels.
template <class E>
std::vector<E> waves(std::int64_t count) {
  std::vector<E> result(count);
  for (std::int64_t i = 0; i < count; ++i) {
    result[i] = static_cast<E>(std::sin(1.0 + 0.7 * static_cast<double>(i * i)));
  }
  return result;
}

/// The distance relative to the norm.
template <class E>
double distance(const std::vector<E>& result, const std::vector<E>& exact) {
  double difference = 0, norm = 1e-300;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    const double a = static_cast<double>(result[i]), b = static_cast<double>(exact[i]);
    difference += (a - b) * (a - b);
    norm += b * b;
  }
  return std::sqrt(difference / norm);
}

template <class S>
void compare_vandermonde(const VandermondeShape& shape, double bar) {
  const DType dtype = sizeof(S) == 8 ? DType::float64 : DType::float32;
  const auto base = pairs(shape.heads * shape.states, 0.999, 0.31);
  const auto weights = pairs(shape.rows * shape.heads * shape.states, 1.0, 0.9);
  const std::int64_t taps = shape.rows * shape.heads * shape.length;
  std::vector<S> k(taps), on_cpu(taps);
  longconv::vandermonde(shape, dtype, base.data(), weights.data(), on_cpu.data());
  simt::launch({2, 1, 1}, cuda::kS4dThreads,
               [&] { cuda::vandermonde<S>(shape, base.data(), weights.data(), k.data()); });
  CHECK(distance(k, on_cpu) < bar);

  const auto v = waves<S>(taps);
  const std::int64_t tiles = cuda::s4d_tiles(shape.length);
  std::vector<double> sums(weights.size()), sums_on_cpu(weights.size());
  std::vector<double> partial(weights.size() * tiles);
  longconv::vandermonde_transposed(shape, dtype, base.data(), v.data(), sums_on_cpu.data());
  simt::launch({2, 1, 1}, cuda::kS4dThreads,
               [&] { cuda::vandermonde_tiles<S>(shape, base.data(), v.data(), partial.data()); });
  simt::launch({1, 1, 1}, cuda::kS4dThreads,
               [&] { cuda::vandermonde_combine(shape, base.data(), partial.data(), sums.data()); });
  CHECK(distance(sums, sums_on_cpu) < bar);
}

template <class E>
void compare_scan(const S4dShape& shape, DType dtype, bool whole, double bar) {
  using S = cuda::compute_type<E>;
  const std::int64_t states = shape.heads * shape.states, rows = shape.batch * shape.heads;
  const auto base = pairs(states, 0.999, 0.31), drive = pairs(states, 1.0, 0.7);
  const auto readout = pairs(shape.outputs * states, 1.0, 0.2);
  const auto state = pairs(shape.batch * states, 1.0, 0.4);
  const auto skip = waves<double>(shape.outputs * shape.heads);
  const auto u = waves<E>(rows * shape.length);
  const std::int64_t results = rows * shape.outputs * shape.length;
  std::vector<E> y(results), y_on_cpu(results);
  std::vector<double> last(2 * shape.batch * states), last_on_cpu(last.size());
  const longconv::S4dInputs inputs = {u.data(),
                                      base.data(),
                                      drive.data(),
                                      readout.data(),
                                      whole ? skip.data() : nullptr,
                                      whole ? state.data() : nullptr};
  longconv::s4d_scan(shape, dtype, inputs, y_on_cpu.data(), last_on_cpu.data());
  std::vector<S> between(results);
  const auto launch = [&](auto* out, std::int64_t group) {
    simt::launch({2, 1, 1}, cuda::kS4dScanThreads, [&] {
      cuda::s4d_scan<E, S>(shape, inputs, group, group == 0 ? nullptr : between.data(), out,
                           last.data());
    });
  };
  std::int64_t group = 0;
  for (; group + cuda::kS4dLanes < shape.states; group += cuda::kS4dLanes) {
    launch(between.data(), group);
  }
  launch(y.data(), group);
  CHECK(distance(y, y_on_cpu) < bar);
  CHECK(distance(last, last_on_cpu) < (sizeof(S) == 8 ? 1e-13 : 1e-6));
}

template <class E>
void compare_step(DType dtype, std::int64_t states, std::int64_t outputs,
                  longconv::Discretization method, bool skips, double bar) {
  using P = cuda::compute_type<E>;
  const std::int64_t batch = 3, heads = 2;
  const auto narrow = [](const std::vector<double>& from) {
    return std::vector<P>(from.begin(), from.end());
  };
  auto rates = narrow(pairs(heads * states, 5.0, 0.3));
  for (std::size_t n = 0; n < rates.size(); n += 2) rates[n] = -std::abs(rates[n]);
  const auto b = narrow(pairs(heads * states, 1.0, 0.5));
  const auto c = narrow(pairs(outputs * heads * states, 1.0, 0.6));
  const auto state = narrow(pairs(batch * heads * states, 1.0, 0.8));
  const std::vector<P> dt = {P(0.01), P(0.00001)};
  const auto skip = waves<P>(outputs * heads);
  const auto u = waves<E>(batch * heads);
  const longconv::S4dStep step = {batch,
                                  heads,
                                  outputs,
                                  states,
                                  method,
                                  dtype,
                                  u.data(),
                                  state.data(),
                                  dt.data(),
                                  rates.data(),
                                  b.data(),
                                  c.data(),
                                  skips ? skip.data() : nullptr};
  std::vector<E> y(batch * outputs * heads), y_on_cpu(y.size());
  std::vector<P> next(state.size()), next_on_cpu(state.size());
  longconv::s4d_step(step, y_on_cpu.data(), next_on_cpu.data());
  simt::launch({2, 1, 1}, cuda::kS4dLanes,
               [&] { cuda::s4d_step<E, P>(step, y.data(), next.data()); });
  CHECK(distance(y, y_on_cpu) < bar);
  CHECK(distance(next, next_on_cpu) < (sizeof(P) == 8 ? 1e-15 : 1e-7));
}

TEST(vandermonde_products) {
  for (const std::int64_t states : {1, 5, 32, 33}) {
    for (const std::int64_t length : {1, 31, 33, 1025}) {
      compare_vandermonde<float>({2, 3, states, length}, 3e-7);
      compare_vandermonde<double>({2, 3, states, length}, 1e-13);
    }
  }
  compare_vandermonde<float>({1, 1, 3, 5000}, 3e-7);
}

TEST(recurrences) {
  for (const std::int64_t states : {1, 5, 32, 33, 70}) {
    for (const std::int64_t length : {0, 1, 32, 33, 200}) {
      compare_scan<float>({5, 2, 2, states, length}, DType::float32, true, 1e-6);
    }
    compare_scan<double>({3, 2, 1, states, 77}, DType::float64, true, 1e-13);
    compare_scan<float>({3, 2, 1, states, 77}, DType::float32, false, 1e-6);
    compare_scan<bfloat16>({3, 2, 1, states, 77}, DType::bfloat16, true, 2e-3);
    compare_scan<float16>({3, 2, 1, states, 77}, DType::float16, true, 3e-4);
  }
}

TEST(steps) {
  for (const auto method :
       {longconv::Discretization::zero_order_hold, longconv::Discretization::bilinear}) {
    for (const std::int64_t states : {1, 32, 45}) {
      compare_step<float>(DType::float32, states, 2, method, true, 2e-7);
      compare_step<double>(DType::float64, states, 1, method, false, 1e-14);
      compare_step<bfloat16>(DType::bfloat16, states, 1, method, true, 4e-3);
    }
  }
}

}  // namespace
