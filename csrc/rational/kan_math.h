#pragma once
// The bases of Kolmogorov-Arnold networks at a point, for every T: values, slopes and what the
// functions' own parameters change. Each family is a visit of its functions in order.
//
//   bspline       B_j,d(x) on knots t_0 <= ... <= t_(K+d), Cox and de Boor's recurrence
//                 (de Boor, "A Practical Guide to Splines", 1978, chapter X); 0 outside
//   gaussian_rbf  exp(-u^2), u = (x - c) / w     (Li, "FastKAN", 2024)
//   rswaf         1 - tanh(u)^2                  (Delis, "FasterKAN", 2024)
//   chebyshev     T_0 ... T_d, legendre P_0 ... P_d, hermite H_0 ... H_d (physicists')
//   relu_window   16 (relu(x - s) relu(e - x))^2 / (e - s)^4 (Qiu et al., "ReLU-KAN", 2024), or
//                 AF-KAN's combinations of a = A(x - s) and b = A(e - x) (Ta et al., 2025)
//   fourier       cos x ... cos dx, sin x ... sin dx
//
// Largest errors, of values and slopes, over the largest element (csrc/rational/contract.json):
// 1e-12 in float64, 1e-5 in float32; narrow results are computed in float32 and rounded once.
//
// Recurrences only: cos(n acos x) has no slope at 1, and truncated powers cancel.

#include <cstdint>

#include "core/hyperbolic.h"

namespace longtail::rational {

enum class BasisKind : int {
  bspline,
  gaussian_rbf,
  rswaf,
  chebyshev,
  legendre,
  hermite,
  relu_window,
  fourier,
  mexican_hat,  // per edge: kan_hat.h
};
inline constexpr int kBasisKinds = 8;  // those that are functions of the input alone

/// What relu_window combines, for its own windows (0) and AF-KAN's (1 + 7 activation +
/// combination).
enum class Activation : int { relu, silu, sigmoid, tanh };
enum class Combination : int { quad1, quad2, sum, prod, sum_prod, cubic1, cubic2 };
inline constexpr int kActivations = 4, kCombinations = 7;

/// Largest number of functions of one input, with the degree and the base added.
inline constexpr int kMaxFunctions = 96;

struct BasisShape {
  BasisKind kind;
  int functions;  // K, without the base
  int degree;     // of splines
  int variant;    // of windows
  bool base;      // whether silu(x) comes after the others

  LONGTAIL_HOST_DEVICE int total() const { return functions + (base ? 1 : 0); }
  LONGTAIL_HOST_DEVICE int knots() const { return functions + degree + 1; }
  /// Slots that a visit needs to work in.
  LONGTAIL_HOST_DEVICE int work() const {
    return kind == BasisKind::bspline ? knots() - 1 : functions;
  }
};

// The table of one input, precomputed in float64, has these rows:
//   bspline       t_0 ... t_(J-1), then for p = 1 ... d the J - p values 1 / (t_(j+p) - t_j)
//   gaussian_rbf  c_0 ..., 1/w_0 ...; rswaf alike
//   relu_window   s_0 ..., e_0 ..., 4 / (e - s) ...
LONGTAIL_HOST_DEVICE inline int spline_reciprocals(const BasisShape& shape, int p) {
  const int knots = shape.knots();
  return knots + (p - 1) * knots - p * (p - 1) / 2;
}
LONGTAIL_HOST_DEVICE inline int table_rows(const BasisShape& shape) {
  switch (shape.kind) {
    case BasisKind::bspline:
      return spline_reciprocals(shape, shape.degree + 1);
    case BasisKind::gaussian_rbf:
    case BasisKind::rswaf:
      return 2 * shape.functions;
    case BasisKind::relu_window:
      return 3 * shape.functions;
    default:
      return 0;
  }
}
/// Writes the table of one input, from its knots, centres and widths, or starts and ends: anything
/// that gives doubles by index.
template <class From, class S>
LONGTAIL_HOST_DEVICE inline void fill_table(const BasisShape& shape, const From& first,
                                            const From& second, S* column, std::int64_t stride) {
  const auto set = [&](std::int64_t row, double value) {
    column[row * stride] = static_cast<S>(value);
  };
  if (shape.kind == BasisKind::bspline) {
    const int knots = shape.knots();
    for (int j = 0; j < knots; ++j) set(j, first[j]);
    for (int p = 1; p <= shape.degree; ++p) {
      for (int j = 0; j + p < knots; ++j) {
        const double width = first[j + p] - first[j];
        set(spline_reciprocals(shape, p) + j, width > 0 ? 1 / width : 0);
      }
    }
    return;
  }
  const std::int64_t count = shape.functions;
  for (std::int64_t k = 0; k < count; ++k) {
    set(k, first[k]);
    if (shape.kind == BasisKind::relu_window) {
      set(count + k, second[k]);
      set(2 * count + k, 4 / (second[k] - first[k]));
    } else {
      set(count + k, 1 / second[k]);
    }
  }
}
/// Knots, centres or starts of one input.
LONGTAIL_HOST_DEVICE inline int parameters_of_input(const BasisShape& shape) {
  return shape.kind == BasisKind::bspline ? shape.knots() : shape.functions;
}

/// Whether the functions have two parameters each that can be trained.
LONGTAIL_HOST_DEVICE constexpr bool has_parameters(BasisKind kind) {
  return kind == BasisKind::gaussian_rbf || kind == BasisKind::rswaf ||
         kind == BasisKind::relu_window;
}

inline namespace LONGTAIL_LEVEL {

/// One function at x: its value, its slope in x and those in its two parameters (centre and width,
/// start and end).
template <class T>
struct Term {
  T value, slope, first, second;
};

/// Infinities become the largest number: no function here tells them apart, and inf * 0 is nan.
template <Real T>
LONGTAIL_INLINE T finite(T x) {
  constexpr auto largest = Format<scalar_t<T>>::largest;
  return max(T(-largest), min(T(largest), x));  // nan stays nan
}

template <Real T>
LONGTAIL_INLINE T logistic(T x) {
  return T(1) / (T(1) + exp(-x));
}

/// value and slope of an activation.
template <class T>
struct Bent {
  T value, slope;
};
template <Real T>
LONGTAIL_INLINE Bent<T> bent(Activation activation, T x) {
  switch (activation) {
    case Activation::relu:
      return {select(x < T(0), T(0), x), select(x > T(0), T(1), T(0))};
    case Activation::silu: {
      const T s = logistic(x);
      return {x * s, s * fma(x, T(1) - s, T(1))};
    }
    case Activation::sigmoid: {
      const T s = logistic(x);
      return {s, s * (T(1) - s)};
    }
    default: {
      const T t = tanh(x);
      return {t, fma(-t, t, T(1))};
    }
  }
}

/// A combination of a and b with its partial derivatives.
template <class T>
struct Combined {
  T value, by_a, by_b;
};
template <Real T>
LONGTAIL_INLINE Combined<T> combined(Combination combination, T a, T b) {
  const T ab = a * b;
  switch (combination) {
    case Combination::quad1:
      return {ab * ab, T(2) * ab * b, T(2) * ab * a};
    case Combination::quad2:
      return {ab + a * a + b * b, b + T(2) * a, a + T(2) * b};
    case Combination::sum:
      return {a + b, T(1), T(1)};
    case Combination::prod:
      return {ab, b, a};
    case Combination::sum_prod:
      return {a + b + ab, T(1) + b, T(1) + a};
    case Combination::cubic1: {
      const T squares = a * a + b * b, sum = a + b;
      return {sum * squares, fma(T(2) * a, sum, squares), fma(T(2) * b, sum, squares)};
    }
    default:
      return {ab * ab * ab, T(3) * ab * ab * b, T(3) * ab * ab * a};
  }
}

/// `work` has shape.work() slots: get(j) and set(j, value); it holds B_j,p while p rises.
template <bool Slopes, class T, class Table, class Work, class Visit>
LONGTAIL_INLINE void visit_spline(const BasisShape& shape, T x, const Table& table, Work& work,
                                  const Visit& visit) {
  const int knots = shape.knots(), degree = shape.degree;
  const T inside = max(table(0), min(table(knots - 1), x));
  for (int j = 0; j + 1 < knots; ++j) {
    work.set(j, select((table(j) <= x) & (x < table(j + 1)), T(1), T(0)));
  }
  if (degree == 0) {  // no recurrence to carry nan along
    for (int j = 0; j < shape.functions; ++j) {
      visit(j, Term<T>{select(is_nan(x), x, work.get(j)), T(0), T(0), T(0)});
    }
    return;
  }
  for (int p = 1; p <= degree; ++p) {
    const int reciprocals = spline_reciprocals(shape, p);
    T below = work.get(0), inverse = table(reciprocals);
    for (int j = 0; j + p + 1 < knots; ++j) {
      const T above = work.get(j + 1), next = table(reciprocals + j + 1);
      const T left = inverse * below, right = next * above;
      const T value = fma(inside - table(j), left, (table(j + p + 1) - inside) * right);
      if (p == degree) {
        const T slope = Slopes ? T(scalar_t<T>(degree)) * (left - right) : T(0);
        visit(j, Term<T>{value, slope, T(0), T(0)});
      } else {
        work.set(j, value);
      }
      below = above;
      inverse = next;
    }
  }
}

/// u = (x - c) / w, far from overflow when squared.
template <bool Slopes, BasisKind kind, class T, class Table, class Visit>
LONGTAIL_INLINE void visit_radial(const BasisShape& shape, T x, const Table& table,
                                  const Visit& visit) {
  const T far(scalar_t<T>(0x1p60));
  for (int k = 0; k < shape.functions; ++k) {
    const T inverse = table(shape.functions + k);
    const T u = max(-far, min(far, T((x - table(k)) * inverse)));
    T value, by_u(0);
    if constexpr (kind == BasisKind::gaussian_rbf) {
      value = exp(-u * u);
      if constexpr (Slopes) by_u = T(-2) * u * value;
    } else {
      const T e = exp(T(-2) * abs(u)), sum = T(1) + e;
      value = T(4) * e / (sum * sum);
      if constexpr (Slopes) by_u = T(-2) * copysign(T((T(1) - e) / sum), u) * value;
    }
    const T slope = by_u * inverse;
    visit(k, Term<T>{value, slope, -slope, -slope * u});
  }
}

/// p_(k+1) = a x p_k - c p_(k-1).
template <BasisKind kind, class S>
LONGTAIL_INLINE S recurrence_a(int k) {
  if constexpr (kind == BasisKind::legendre) return S(2 * k + 1) / S(k + 1);
  if constexpr (kind == BasisKind::chebyshev) return k == 0 ? S(1) : S(2);
  return S(2);
}
template <BasisKind kind, class S>
LONGTAIL_INLINE S recurrence_c(int k) {
  if constexpr (kind == BasisKind::legendre) return S(k) / S(k + 1);
  if constexpr (kind == BasisKind::hermite) return S(2 * k);
  return S(1);
}
template <bool Slopes, BasisKind kind, class T, class Visit>
LONGTAIL_INLINE void visit_polynomials(const BasisShape& shape, T x, const Visit& visit) {
  using S = scalar_t<T>;
  T before(0), value(1), slope_before(0), slope(0);
  for (int k = 0; k < shape.functions; ++k) {
    visit(k, Term<T>{value, slope, T(0), T(0)});
    const T a(recurrence_a<kind, S>(k)), c(recurrence_c<kind, S>(k));
    const T next = fma(a * x, value, -c * before);
    if constexpr (Slopes) {
      const T next_slope = fma(a, fma(x, slope, value), -c * slope_before);
      slope_before = slope;
      slope = next_slope;
    }
    before = value;
    value = next;
  }
}

template <bool Slopes, class T, class Table, class Visit>
LONGTAIL_INLINE void visit_windows(const BasisShape& shape, T x, const Table& table,
                                   const Visit& visit) {
  const bool normalised = shape.variant == 0;
  const int code = normalised ? 0 : shape.variant - 1;
  const auto activation = static_cast<Activation>(code / kCombinations);
  const auto combination = static_cast<Combination>(code % kCombinations);
  for (int k = 0; k < shape.functions; ++k) {
    const T start = table(k), end = table(shape.functions + k);
    if (normalised) {  // h = 4 a b / (e - s)^2 is at most 1; the value is h^2
      const T inverse = table(2 * shape.functions + k);  // 4 / (e - s)
      const T scale = inverse * inverse * T(scalar_t<T>(0.25));
      const T from = x - start, to = end - x;
      const auto open = (from > T(0)) & (to > T(0));
      const T h = select(open | is_nan(x), scale * from * to, T(0));
      const T twice = select(open, T(2) * h, T(0));
      const T by_from = twice * scale * to, by_to = twice * scale * from;
      const T by_width = h * h * inverse;
      visit(k, Term<T>{h * h, by_from - by_to, by_width - by_from, by_to - by_width});
    } else {
      const Bent<T> a = bent(activation, T(x - start)), b = bent(activation, T(end - x));
      const Combined<T> c = combined(combination, a.value, b.value);
      const T by_from = c.by_a * a.slope, by_to = c.by_b * b.slope;
      visit(k, Term<T>{c.value, by_from - by_to, -by_from, by_to});
    }
  }
}

/// sin and cos: the C library's, lane by lane; the recurrence does the rest.
template <class T>
LONGTAIL_INLINE void sine_cosine(T x, T& sine, T& cosine) {
  if constexpr (std::is_same_v<T, double>) {
    sine = __builtin_sin(x);
    cosine = __builtin_cos(x);
  } else if constexpr (std::is_same_v<T, float>) {
    sine = __builtin_sinf(x);
    cosine = __builtin_cosf(x);
  } else {
    scalar_t<T> s, c;
    for (int i = 0; i < kLanes<T>; ++i) {
      sine_cosine(lane(x, i), s, c);
      sine.set(i, s);
      cosine.set(i, c);
    }
  }
}
template <class T, class Visit>
LONGTAIL_INLINE void visit_fourier(const BasisShape& shape, T x, const Visit& visit) {
  const int degree = shape.functions / 2;
  T sine, cosine;
  sine_cosine(x, sine, cosine);
  T s = sine, c = cosine;
  for (int k = 1; k <= degree; ++k) {
    const T frequency = T(scalar_t<T>(k));
    visit(k - 1, Term<T>{c, -frequency * s, T(0), T(0)});
    visit(degree + k - 1, Term<T>{s, frequency * c, T(0), T(0)});
    const T next = fma(c, cosine, -s * sine);
    s = fma(s, cosine, c * sine);
    c = next;
  }
}

/// Calls visit(k, term) for the functions of one input in order, the base last. Only with Slopes do
/// the terms hold more than values.
template <BasisKind kind, bool Slopes, class T, class Table, class Work, class Visit>
LONGTAIL_INLINE void visit_basis(const BasisShape& shape, T x, const Table& table, Work& work,
                                 const Visit& visit) {
  const T inner = finite(x);
  if constexpr (kind == BasisKind::bspline) visit_spline<Slopes>(shape, inner, table, work, visit);
  if constexpr (kind == BasisKind::gaussian_rbf || kind == BasisKind::rswaf) {
    visit_radial<Slopes, kind>(shape, inner, table, visit);
  }
  if constexpr (kind == BasisKind::chebyshev || kind == BasisKind::legendre ||
                kind == BasisKind::hermite) {
    visit_polynomials<Slopes, kind>(shape, x, visit);
  }
  if constexpr (kind == BasisKind::relu_window) visit_windows<Slopes>(shape, inner, table, visit);
  if constexpr (kind == BasisKind::fourier) visit_fourier(shape, x, visit);
  if (shape.base) {
    const Bent<T> base = bent(Activation::silu, inner);
    visit(shape.functions, Term<T>{base.value, base.slope, T(0), T(0)});
  }
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::rational
