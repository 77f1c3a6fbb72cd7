// Samples of arguments, and the largest error of a function over a sample.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "core/simd.h"
#include "test.h"

namespace test {

#if defined(__aarch64__)
inline constexpr bool kEmulated = true;  // qemu takes tens of times as long
#else
inline constexpr bool kEmulated = false;
#endif

/// splitmix64 (Steele, Lea, Flood 2014): the same numbers on every machine.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  /// Uniform in [low, high).
  double uniform(double low, double high) {
    return low + (high - low) * std::ldexp(double(next() >> 11), -53);
  }

 private:
  std::uint64_t state_;
};

template <class E, class Bits>
E from_pattern(Bits bits) {
  E value;
  static_assert(sizeof(E) == sizeof(Bits));
  std::memcpy(&value, &bits, sizeof(E));
  return value;
}

/// One random float out of each of `count` equal ranges of bit patterns.
inline std::vector<float> stratified_floats(std::size_t count) {
  Random random(32);
  const std::uint64_t width = (std::uint64_t(1) << 32) / count;
  std::vector<float> sample(count);
  for (std::size_t i = 0; i < count; ++i) {
    sample[i] = from_pattern<float>(std::uint32_t(i * width + random.next() % width));
  }
  return sample;
}

/// A quarter each: any bit pattern, uniform in (-1, 1), every magnitude from 2^-70 to 2^10 with
/// either sign, and uniform in [low, high], where the function is neither trivial nor infinite.
inline std::vector<double> mixed_doubles(std::size_t count, double low, double high) {
  Random random(64);
  std::vector<double> sample(count);
  for (std::size_t i = 0; i < count; ++i) {
    switch (i % 4) {
      case 0:
        sample[i] = from_pattern<double>(random.next());
        break;
      case 1:
        sample[i] = random.uniform(-1, 1);
        break;
      case 2:
        sample[i] = random.uniform(-1, 1) * std::exp2(random.uniform(-70, 10));
        break;
      default:
        sample[i] = random.uniform(low, high);
    }
  }
  return sample;
}

/// The arguments where implementations go wrong, with both signs.
template <class E>
std::vector<E> edge_cases() {
  using limits = std::numeric_limits<E>;
  std::vector<E> edges;
  for (const E positive : {E(0),
                           limits::denorm_min(),
                           limits::min(),
                           std::nextafter(limits::min(), E(0)),
                           limits::epsilon(),
                           E(0.5),
                           E(1),
                           std::nextafter(E(1), E(0)),
                           std::nextafter(E(1), E(2)),
                           E(2),
                           E(709.782712893384),
                           E(710.5),
                           E(745.14),
                           E(746),
                           E(88.722839),
                           E(89.5),
                           E(103.97),
                           E(104),
                           E(150),
                           E(1e6),
                           limits::max(),
                           limits::infinity(),
                           limits::quiet_NaN()}) {
    edges.push_back(positive);
    edges.push_back(-positive);
  }
  return edges;
}

/// f on every argument, in vectors of T. The last vector is filled up with ones.
template <class T, class E, class F>
std::vector<E> evaluate(const std::vector<E>& arguments, F f) {
  constexpr std::size_t width = longtail::kLanes<T>;
  std::vector<E> padded = arguments, results(arguments.size() + width);
  padded.resize(arguments.size() + width, E(1));
  for (std::size_t i = 0; i < arguments.size(); i += width) {
    longtail::store(&results[i], f(longtail::load<T>(&padded[i])));
  }
  results.resize(arguments.size());
  return results;
}

/// Size of the last place of a number of type E near `exact`.
template <class E, class Exact>
double last_place(Exact exact) {
  using limits = std::numeric_limits<E>;
  const double size = std::fabs(double(exact));
  if (!(size < double(limits::max())))
    return std::ldexp(1.0, limits::max_exponent - limits::digits);
  int exponent;
  std::frexp(size, &exponent);
  if (Exact(std::ldexp(1.0, exponent - 1)) > (exact < 0 ? -exact : exact)) --exponent;
  return std::ldexp(1.0, std::max(exponent, limits::min_exponent) - limits::digits);
}

/// |got - exact| in last places of E, 0.5 for whatever is correctly rounded; infinity for a wrong
/// nan, infinity or sign of zero. An infinity counts as the power of two that it rounds from.
template <class E, class Exact>
double error_in_ulp(E got, Exact exact) {
  constexpr double wrong = std::numeric_limits<double>::infinity();
  if (exact != exact || got != got) return exact != exact && got != got ? 0 : wrong;
  if (exact == 0) return got == 0 && std::signbit(got) == std::signbit(double(exact)) ? 0 : wrong;
  if (got == E(exact)) return 0.5;
  const Exact top = Exact(std::ldexp(1.0, std::numeric_limits<E>::max_exponent - 1)) * Exact(2);
  const auto clamp = [&](Exact x) { return x > top ? top : x < -top ? -top : x; };
  const Exact difference = clamp(Exact(got)) - clamp(exact);
  return std::fabs(double(difference / Exact(last_place<E>(exact))));
}

/// |got - exact| in epsilons of max(floor, |exact|); infinity for a wrong nan or infinity.
template <class E, class Exact>
double error_in_epsilon(E got, Exact exact, double floor) {
  constexpr double wrong = std::numeric_limits<double>::infinity();
  if (exact != exact || got != got) return exact != exact && got != got ? 0 : wrong;
  if (std::isinf(got) || std::isinf(E(exact))) return got == E(exact) ? 0 : wrong;
  const double scale =
      std::numeric_limits<E>::epsilon() * std::max(floor, std::fabs(double(exact)));
  const Exact difference = Exact(got) - exact;
  return scale == 0 ? (difference == 0 ? 0 : wrong) : std::fabs(double(difference / Exact(scale)));
}

/// Fails unless F keeps its contract on every argument; says how large the errors are.
template <class F, class T, class E>
void check_contract(const std::vector<E>& arguments) {
  const double bound = sizeof(E) == 8 ? F::bound.in_double : F::bound.in_float;
  const auto results = evaluate<T>(arguments, [](T x) { return F::ours(x); });
  double worst = 0;
  E where = 0;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const double error = F::error(arguments[i], results[i]);
    if (!(error <= worst)) worst = error, where = arguments[i];
  }
  std::ostringstream text;
  text << F::name << (sizeof(E) == 8 ? ", double" : ", float") << ": largest error " << worst
       << " of " << bound << " at " << std::hexfloat << where;
  std::cout << "  " << text.str() << "\n";
  if (!(worst <= bound)) fail(__FILE__, __LINE__, text.str());
}

}  // namespace test
