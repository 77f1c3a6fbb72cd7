// The vector vocabulary, lane by lane against plain arithmetic, for double and float.
#include "core/simd.h"
#include "errors.h"
#include "quad.h"

namespace longtail {
namespace {

using test::quad;

// Calls visit.template operator()<T>() for the vectors and scalars of this level.
template <class Visit>
void for_each_type(Visit visit) {
  visit.template operator()<native<double>>();
  visit.template operator()<native<float>>();
  visit.template operator()<double>();
  visit.template operator()<float>();
}

// Three vectors with different values in every lane: edge cases and random numbers.
template <class T, class Check>
void on_samples(Check check) {
  using E = scalar_t<T>;
  constexpr int width = kLanes<T>;
  const auto edges = test::edge_cases<E>();
  test::Random random(3);
  for (int round = 0; round < 500; ++round) {
    E values[3][width];
    for (auto& row : values) {
      for (E& value : row) {
        value = random.next() % 4 == 0
                    ? edges[random.next() % edges.size()]
                    : E(random.uniform(-4, 4) * std::exp2(random.uniform(-20, 20)));
      }
    }
    const T a = load<T>(values[0]), b = load<T>(values[1]);
    check(a, b, load<T>(values[2]));
  }
}

template <class E>
bool same(E got, E want) {
  return (got != got && want != want) || (got == want && std::signbit(got) == std::signbit(want));
}

// The vector operation against the scalar one in every lane.
#define CHECK_LANES(vector_result, scalar_result)             \
  do {                                                        \
    const auto result = (vector_result);                      \
    for (int i = 0; i < kLanes<T>; ++i) {                     \
      const E x = lane(a, i), y = lane(b, i), z = lane(c, i); \
      (void)x, (void)y, (void)z;                              \
      CHECK(same<E>(lane(result, i), scalar_result));         \
    }                                                         \
  } while (false)
#define CHECK_MASKS(vector_result, scalar_result)              \
  do {                                                         \
    const auto result = (vector_result);                       \
    for (int i = 0; i < kLanes<T>; ++i) {                      \
      const E x = lane(a, i), y = lane(b, i), z = lane(c, i);  \
      (void)x, (void)y, (void)z;                               \
      CHECK_EQUAL(bool(lane(result, i)), bool(scalar_result)); \
    }                                                          \
  } while (false)

TEST(arithmetic_and_rounding) {
  for_each_type([]<class T>() {
    using E = scalar_t<T>;
    on_samples<T>([](T a, T b, T c) {
      CHECK_LANES(T(a + b), x + y);
      CHECK_LANES(T(a - b), x - y);
      CHECK_LANES(T(a * b), x * y);
      CHECK_LANES(T(a / b), x / y);
      CHECK_LANES(T(-a), -x);
      CHECK_LANES(T(a + E(2)), x + E(2));
      CHECK_LANES(T(E(2) - a), E(2) - x);
      CHECK_LANES(sqrt(a), std::sqrt(x));
      CHECK_LANES(rint(a), std::nearbyint(x));
      CHECK_LANES(floor(a), std::floor(x));
      CHECK_LANES(fma(a, b, c), kHasFma ? std::fma(x, y, z) : x * y + z);
    });
  });
}

TEST(signs_and_minima) {
  for_each_type([]<class T>() {
    using E = scalar_t<T>;
    on_samples<T>([](T a, T b, T c) {
      CHECK_LANES(abs(a), std::fabs(x));
      CHECK_LANES(copysign(a, b), std::copysign(x, y));
      CHECK_LANES(min(a, b), x < y ? x : y);
      CHECK_LANES(max(a, b), x > y ? x : y);
      CHECK_LANES(T(E(-0.0)), E(-0.0));
    });
  });
}

TEST(comparisons_and_masks) {
  for_each_type([]<class T>() {
    using E = scalar_t<T>;
    on_samples<T>([](T a, T b, T c) {
      CHECK_MASKS(a < b, x < y);
      CHECK_MASKS(a <= b, x <= y);
      CHECK_MASKS(a > b, x > y);
      CHECK_MASKS(a >= b, x >= y);
      CHECK_MASKS(a == b, x == y);
      CHECK_MASKS(a != b, x != y);
      CHECK_MASKS((a < b) & (b < c), x < y && y < z);
      CHECK_MASKS((a < b) | (b < c), x < y || y < z);
      CHECK_MASKS(!(a < b), !(x < y));
      CHECK_MASKS(is_nan(a), x != x);
      CHECK_LANES(select(a < b, b, c), x < y ? y : z);
      bool some = false, every = true;
      for (int i = 0; i < kLanes<T>; ++i) {
        some |= lane(a, i) < lane(b, i);
        every &= lane(a, i) < lane(b, i);
      }
      CHECK_EQUAL(any(a < b), some);
      CHECK_EQUAL(all(a < b), every);
    });
  });
}

TEST(integers_and_bits) {
  for_each_type([]<class T>() {
    using E = scalar_t<T>;
    using I = int_t<T>;
    on_samples<T>([](T a, T b, T c) {
      const E limit = std::ldexp(E(1), Format<E>::mantissa_bits - 2);
      const T small = select(abs(a) < limit, a, T(E(0)));
      CHECK_MASKS(to_real(to_int(small)) == rint(small), true);
      CHECK_LANES(from_bits(bits(a)), x);
      for (const int n : {-1000, -300, -130, -5, 0, 1, 127, 900}) {
        if (std::abs(n) > 2 * Format<E>::bias) continue;
        const E least = std::ldexp(std::numeric_limits<E>::min(), -n / 2);
        const T large = select(abs(a) > least, a, T(E(1)));
        CHECK_LANES(ldexp(large, I(n)), std::ldexp(std::fabs(x) > least ? x : E(1), n));
        CHECK_LANES(scale(large, T(E(n))), std::ldexp(std::fabs(x) > least ? x : E(1), n));
      }
    });
  });
}

TEST(powers_of_two) {
  for_each_type([]<class T>() {
    using E = scalar_t<T>;
    const int top = int(Format<E>::bias);
    for (int n = 1 - top; n <= top; ++n) {
      CHECK_EQUAL(lane(exp2_real(T(E(n))), 0), std::ldexp(E(1), n));
      CHECK_EQUAL(lane(exp2_int<T>(int_t<T>(n)), 0), std::ldexp(E(1), n));
    }
  });
}

TEST(mantissa_and_exponent) {
  for_each_type([]<class T>() {
    using E = scalar_t<T>;
    on_samples<T>([](T a, T, T) {
      const auto split = split_exponent(abs(a));
      for (int i = 0; i < kLanes<T>; ++i) {
        const E x = std::fabs(lane(a, i)), m = lane(split.mantissa, i);
        if (!(x > 0) || std::isinf(x)) continue;
        CHECK(m >= E(0.70710677) && m < E(1.4142137));
        CHECK_EQUAL(std::ldexp(m, int(lane(split.exponent, i))), x);
      }
    });
  });
}

TEST(sums_and_products_without_error) {
  for_each_type([]<class T>() {
    using E = scalar_t<T>;
    on_samples<T>([](T a, T b, T) {
      const auto sum = two_sum(a, b), product = two_prod(a, b);
      const auto ordered = quick_two_sum(T(E(8) * abs(a)), T(min(a, T(-a))));
      for (int i = 0; i < kLanes<T>; ++i) {
        const E x = lane(a, i), y = lane(b, i);
        const auto moderate = [](E v) {
          return v == 0 || (std::fabs(v) > E(1e-9) && std::fabs(v) < E(1e9));
        };
        if (!moderate(x) || !moderate(y)) continue;
        CHECK(quad(lane(sum.hi, i)) + quad(lane(sum.lo, i)) == quad(x) + quad(y));
        CHECK_EQUAL(lane(sum.hi, i), x + y);
        CHECK(quad(lane(product.hi, i)) + quad(lane(product.lo, i)) == quad(x) * quad(y));
        CHECK_EQUAL(lane(product.hi, i), x * y);
        const E size = std::fabs(x);
        CHECK(quad(lane(ordered.hi, i)) + quad(lane(ordered.lo, i)) ==
              quad(E(8) * size) - quad(size));
      }
    });
  });
}

TEST(polynomial) {
  for_each_type([]<class T>() {
    using E = scalar_t<T>;
    CHECK_EQUAL(lane(horner(T(E(3)), 2.0, -1.0, 0.5), 0), E(3.5));
  });
}

}  // namespace
}  // namespace longtail
