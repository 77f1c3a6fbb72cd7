#pragma once
// Forward-mode derivatives: a Jet carries a value and its partial derivatives up to order two in
// two variables a and b. A formula written for T gives its own derivatives when it is called with
// Jet<T>; components that nobody reads are removed by the compiler after inlining.
//
// Rules: Taylor's theorem to second order (Griewank and Walther, Evaluating Derivatives, 2008,
// section 13.2). Values are computed by the very operations of the plain formula.

#include "core/exp.h"
#include "core/log.h"
#include "core/simd.h"

namespace longtail {
inline namespace LONGTAIL_LEVEL {

template <class T>
struct Jet {
  T f, a, b, aa, ab, bb;

  Jet() = default;
  LONGTAIL_INLINE Jet(T value) : f(value), a(0.0), b(0.0), aa(0.0), ab(0.0), bb(0.0) {}
  LONGTAIL_INLINE Jet(T f_, T a_, T b_, T aa_, T ab_, T bb_)
      : f(f_), a(a_), b(b_), aa(aa_), ab(ab_), bb(bb_) {}

  LONGTAIL_INLINE static Jet first_variable(T value) { return {value, 1.0, 0.0, 0.0, 0.0, 0.0}; }
  LONGTAIL_INLINE static Jet second_variable(T value) { return {value, 0.0, 1.0, 0.0, 0.0, 0.0}; }

  friend LONGTAIL_INLINE Jet operator+(Jet u, Jet w) {
    return {u.f + w.f, u.a + w.a, u.b + w.b, u.aa + w.aa, u.ab + w.ab, u.bb + w.bb};
  }
  friend LONGTAIL_INLINE Jet operator-(Jet u, Jet w) {
    return {u.f - w.f, u.a - w.a, u.b - w.b, u.aa - w.aa, u.ab - w.ab, u.bb - w.bb};
  }
  friend LONGTAIL_INLINE Jet operator-(Jet u) { return {-u.f, -u.a, -u.b, -u.aa, -u.ab, -u.bb}; }
  friend LONGTAIL_INLINE Jet operator*(Jet u, Jet w) {
    return {u.f * w.f,
            fma(u.a, w.f, u.f * w.a),
            fma(u.b, w.f, u.f * w.b),
            fma(u.aa, w.f, fma(u.f, w.aa, T(2.0) * (u.a * w.a))),
            fma(u.ab, w.f, fma(u.f, w.ab, fma(u.a, w.b, u.b * w.a))),
            fma(u.bb, w.f, fma(u.f, w.bb, T(2.0) * (u.b * w.b)))};
  }
  friend LONGTAIL_INLINE Jet operator/(Jet u, Jet w) { return u * reciprocal(w); }

  // Next to plain numbers the derivative parts need no products with zero.
  friend LONGTAIL_INLINE Jet operator+(Jet u, T c) { return u.with_value(u.f + c); }
  friend LONGTAIL_INLINE Jet operator+(T c, Jet u) { return u.with_value(c + u.f); }
  friend LONGTAIL_INLINE Jet operator-(Jet u, T c) { return u.with_value(u.f - c); }
  friend LONGTAIL_INLINE Jet operator-(T c, Jet u) { return (-u).with_value(c - u.f); }
  friend LONGTAIL_INLINE Jet operator*(Jet u, T c) {
    return {u.f * c, u.a * c, u.b * c, u.aa * c, u.ab * c, u.bb * c};
  }
  friend LONGTAIL_INLINE Jet operator*(T c, Jet u) { return u * c; }
  friend LONGTAIL_INLINE Jet operator/(Jet u, T c) { return u * (1.0 / c); }
  friend LONGTAIL_INLINE Jet operator/(T c, Jet u) { return reciprocal(u) * c; }

  LONGTAIL_INLINE Jet with_value(T value) const { return {value, a, b, aa, ab, bb}; }

  /// g(u) from g, g' and g'' at u.f.
  friend LONGTAIL_INLINE Jet chain(Jet u, T g, T g1, T g2) {
    return {g,
            g1 * u.a,
            g1 * u.b,
            fma(g2, u.a * u.a, g1 * u.aa),
            fma(g2, u.a * u.b, g1 * u.ab),
            fma(g2, u.b * u.b, g1 * u.bb)};
  }
  friend LONGTAIL_INLINE Jet exp(Jet u) {
    const T e = exp(u.f);
    return chain(u, e, e, e);
  }
  // The next four work on derivatives divided by the value: r^2 and r^3 alone could overflow.
  friend LONGTAIL_INLINE Jet reciprocal(Jet u) {
    const T r = T(1.0) / u.f;
    const Jet d = u * r;
    return Jet(T(1.0), -d.a, -d.b, fma(T(2.0) * d.a, d.a, -d.aa), fma(T(2.0) * d.a, d.b, -d.ab),
               fma(T(2.0) * d.b, d.b, -d.bb)) *
           r;
  }
  friend LONGTAIL_INLINE Jet sqrt(Jet u) {
    const Jet d = u * (T(0.5) / u.f);
    return Jet(1.0, d.a, d.b, fma(-d.a, d.a, d.aa), fma(-d.a, d.b, d.ab), fma(-d.b, d.b, d.bb)) *
           sqrt(u.f);
  }
  friend LONGTAIL_INLINE Jet log(Jet u) { return logarithm(log(u.f), u * (T(1.0) / u.f)); }
  friend LONGTAIL_INLINE Jet log1p(Jet u) {
    return logarithm(log1p(u.f), u * (T(1.0) / (T(1.0) + u.f)));
  }
  /// A logarithm from its value and the derivatives d of its argument over the argument.
  friend LONGTAIL_INLINE Jet logarithm(T value, Jet d) {
    return {value, d.a, d.b, fma(-d.a, d.a, d.aa), fma(-d.a, d.b, d.ab), fma(-d.b, d.b, d.bb)};
  }
  friend LONGTAIL_INLINE Jet select(mask_t<T> m, Jet u, Jet w) {
    return {select(m, u.f, w.f),   select(m, u.a, w.a),   select(m, u.b, w.b),
            select(m, u.aa, w.aa), select(m, u.ab, w.ab), select(m, u.bb, w.bb)};
  }
  friend LONGTAIL_INLINE Jet fma(Jet u, Jet w, Jet z) { return u * w + z; }
};

/// g * d, where a derivative d that is exactly zero wins over an infinite g: at the far ends of the
/// argument range some partial derivatives overflow that are not even asked for. Scalars only; the
/// vector kernels never see such arguments.
template <Real T>
LONGTAIL_INLINE T weigh(T g, T d) {
  if constexpr (Scalar<T>) return d == T(0.0) ? T(0.0) : g * d;
  return g * d;
}

/// The partial derivatives of a function of two variables at a point.
template <class T>
struct Partials {
  T f, u, v, uu, uv, vv;
};
/// g(u, v) for jets u and v.
template <class T>
LONGTAIL_INLINE Jet<T> chain(const Jet<T>& u, const Jet<T>& v, const Partials<T>& g) {
  const auto first = [&](T du, T dv) { return weigh(g.u, du) + weigh(g.v, dv); };
  const auto second = [&](T up, T vp, T uq, T vq, T u2, T v2) {
    const T mixed = weigh(g.uv, T(fma(up, vq, uq * vp)));
    const T pure = weigh(g.uu, T(up * uq)) + weigh(g.vv, T(vp * vq));
    return first(u2, v2) + (pure + mixed);
  };
  return {g.f,
          first(u.a, v.a),
          first(u.b, v.b),
          second(u.a, v.a, u.a, v.a, u.aa, v.aa),
          second(u.a, v.a, u.b, v.b, u.ab, v.ab),
          second(u.b, v.b, u.b, v.b, u.bb, v.bb)};
}

template <class J>
struct Plain {
  using type = J;
};
template <class T>
struct Plain<Jet<T>> {
  using type = T;
};
/// T for Jet<T>, and T for T itself.
template <class J>
using plain_t = typename Plain<J>::type;
template <class J>
inline constexpr bool kIsJet = !std::is_same_v<J, plain_t<J>>;

/// The value without its derivatives.
template <Real T>
LONGTAIL_INLINE T value(T x) {
  return x;
}
template <class T>
LONGTAIL_INLINE T value(const Jet<T>& x) {
  return x.f;
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail
