#pragma once
// Discrete Fourier transforms of R points that a few registers hold:
//
//   X[q] = sum over r of z[r] exp(-2 pi i r q / R),   R = 1 ... 5, 8, 16,   at z[place<R>(q)]
//
// on any type with + - * and fma: vectors of a level, or one number (CUDA). Swapping real and
// imaginary parts of all numbers gives the inverse, without its 1 / R.

#include "longconv/complex.h"

namespace longtail::longconv {
inline namespace LONGTAIL_LEVEL {

/// In place, of R numbers `Step` apart.
template <int R, int Step, class T>
struct Dft;

template <int Step, class T>
struct Dft<1, Step, T> {
  static LONGTAIL_INLINE void run(Complex<T>*) {}
};

template <int Step, class T>
struct Dft<2, Step, T> {
  static LONGTAIL_INLINE void run(Complex<T>* z) {
    const Complex<T> a = z[0], b = z[Step];
    z[0] = a + b;
    z[Step] = a - b;
  }
};

template <int Step, class T>
struct Dft<3, Step, T> {
  static LONGTAIL_INLINE void run(Complex<T>* z) {
    using S = scalar_t<T>;
    const T half = T(S(-0.5)), h = T(S(0.86602540378443864676));
    const Complex<T> sum = z[Step] + z[2 * Step], difference = z[Step] - z[2 * Step];
    const Complex<T> middle = {fma(sum.re, half, z[0].re), fma(sum.im, half, z[0].im)};
    const Complex<T> side = {difference.im * h, -(difference.re * h)};
    z[0] = z[0] + sum;
    z[Step] = middle + side;
    z[2 * Step] = middle - side;
  }
};

template <int Step, class T>
struct Dft<4, Step, T> {
  static LONGTAIL_INLINE void run(Complex<T>* z) {
    const Complex<T> a = z[0] + z[2 * Step], b = z[0] - z[2 * Step];
    const Complex<T> c = z[Step] + z[3 * Step], d = turned(z[Step] - z[3 * Step]);
    z[0] = a + c;
    z[Step] = b + d;
    z[2 * Step] = a - c;
    z[3 * Step] = b - d;
  }
};

template <int Step, class T>
struct Dft<5, Step, T> {
  static LONGTAIL_INLINE void run(Complex<T>* z) {
    using S = scalar_t<T>;
    const T c1 = T(S(0.30901699437494742410)), s1 = T(S(0.95105651629515357212));
    const T c2 = T(S(-0.80901699437494742410)), s2 = T(S(0.58778525229247312917));
    const Complex<T> a = z[Step] + z[4 * Step], b = z[2 * Step] + z[3 * Step];
    const Complex<T> c = turned(z[Step] - z[4 * Step]), d = turned(z[2 * Step] - z[3 * Step]);
    const auto even = [&](T x, T y) {
      return Complex<T>{fma(a.re, x, fma(b.re, y, z[0].re)), fma(a.im, x, fma(b.im, y, z[0].im))};
    };
    const auto odd = [&](T x, T y) {
      return Complex<T>{fma(c.re, x, d.re * y), fma(c.im, x, d.im * y)};
    };
    const Complex<T> p = even(c1, c2), q = even(c2, c1), s = odd(s1, s2), t = odd(s2, -s1);
    z[0] = z[0] + a + b;
    z[Step] = p + s;
    z[2 * Step] = q + t;
    z[3 * Step] = q - t;
    z[4 * Step] = p - s;
  }
};

/// exp(-2 pi i k / 16) for k = 1 ... 3, 6, 9; and eighths.
inline constexpr double kCos16[] = {
    1,  0.92387953251128675613,  0.70710678118654752440,  0.38268343236508977173,
    0,  -0.38268343236508977173, -0.70710678118654752440, -0.92387953251128675613,
    -1, -0.92387953251128675613};
inline constexpr double kSin16[] = {
    0, 0.38268343236508977173, 0.70710678118654752440, 0.92387953251128675613,
    1, 0.92387953251128675613, 0.70710678118654752440, 0.38268343236508977173,
    0, -0.38268343236508977173};

/// a exp(-2 pi i K / 16)
template <int K, class T>
LONGTAIL_INLINE Complex<T> turned_16(const Complex<T>& a) {
  using S = scalar_t<T>;
  if constexpr (K == 0) {
    return a;
  } else if constexpr (K == 4) {
    return turned(a);
  } else if constexpr (K == 2) {
    const T h = T(S(kCos16[2]));
    return {(a.re + a.im) * h, (a.im - a.re) * h};
  } else if constexpr (K == 6) {
    const T h = T(S(kCos16[2]));
    return {(a.im - a.re) * h, -(a.re + a.im) * h};
  } else {
    constexpr double cosine = kCos16[K], sine = kSin16[K];  // numbers, not arrays, on a GPU
    return rotated(a, cosine, sine);
  }
}

template <int Step, class T>
struct Dft<8, Step, T> {
  static LONGTAIL_INLINE void run(Complex<T>* z) {
    Dft<4, 2 * Step, T>::run(z);
    Dft<4, 2 * Step, T>::run(z + Step);
    z[3 * Step] = turned_16<2>(z[3 * Step]);
    z[5 * Step] = turned_16<4>(z[5 * Step]);
    z[7 * Step] = turned_16<6>(z[7 * Step]);
    Dft<2, Step, T>::run(z);
    Dft<2, Step, T>::run(z + 2 * Step);
    Dft<2, Step, T>::run(z + 4 * Step);
    Dft<2, Step, T>::run(z + 6 * Step);
  }
};

template <int Step, class T>
struct Dft<16, Step, T> {
  static LONGTAIL_INLINE void run(Complex<T>* z) {
    Dft<4, 4 * Step, T>::run(z);
    Dft<4, 4 * Step, T>::run(z + Step);
    Dft<4, 4 * Step, T>::run(z + 2 * Step);
    Dft<4, 4 * Step, T>::run(z + 3 * Step);
    Dft<4, Step, T>::run(z);
    column<1>(z + 4 * Step);
    column<2>(z + 8 * Step);
    column<3>(z + 12 * Step);
  }

 private:
  template <int K>
  static LONGTAIL_INLINE void column(Complex<T>* z) {
    z[Step] = turned_16<K>(z[Step]);
    z[2 * Step] = turned_16<2 * K>(z[2 * Step]);
    z[3 * Step] = turned_16<3 * K>(z[3 * Step]);
    Dft<4, Step, T>::run(z);
  }
};

/// Where Dft<R> leaves X[q].
template <int R>
constexpr int place(int q) {
  return R == 16 ? 4 * (q % 4) + q / 4 : R == 8 ? 2 * (q % 4) + q / 4 : q;
}

/// w^(r N / R), the turn of the r-th part of a row: cos and sin of pi r / (2 R).
template <int R>
struct Turn {
  double cosine[R], sine[R];
  constexpr Turn() : cosine(), sine() {
    // By Taylor's series around 0; angles are below pi / 2.
    for (int r = 0; r < R; ++r) {
      const double x = 1.57079632679489661923 * r / R;
      double c = 0, s = 0, term = 1;
      for (int k = 0; k < 28; k += 2) {
        c += (k / 2 % 2 == 0 ? 1 : -1) * term;
        term *= x / (k + 1);
        s += (k / 2 % 2 == 0 ? 1 : -1) * term;
        term *= x / (k + 2);
      }
      cosine[r] = c;
      sine[r] = s;
    }
  }
};
template <int R>
inline constexpr Turn<R> kTurn{};

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::longconv
