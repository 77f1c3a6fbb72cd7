#pragma once
// Complex numbers, for transforms and states: vectors of a level, or one number (CUDA).

#include "core/simd.h"

namespace longtail::longconv {
inline namespace LONGTAIL_LEVEL {

template <class T>
struct Complex {
  T re, im;
};

template <class T>
LONGTAIL_INLINE Complex<T> operator+(const Complex<T>& a, const Complex<T>& b) {
  return {a.re + b.re, a.im + b.im};
}
template <class T>
LONGTAIL_INLINE Complex<T> operator-(const Complex<T>& a, const Complex<T>& b) {
  return {a.re - b.re, a.im - b.im};
}
template <class T>
LONGTAIL_INLINE Complex<T> operator*(const Complex<T>& a, const Complex<T>& b) {
  return {fma(a.re, b.re, T(-(a.im * b.im))), fma(a.re, b.im, T(a.im * b.re))};
}
template <class T>
LONGTAIL_INLINE Complex<T> reciprocal(const Complex<T>& a) {
  const T inverse = T(1.0) / fma(a.re, a.re, T(a.im * a.im));
  return {a.re * inverse, -(a.im * inverse)};
}
/// conj(a) b
template <class T>
LONGTAIL_INLINE Complex<T> conjugate_times(const Complex<T>& a, const Complex<T>& b) {
  return {fma(a.re, b.re, a.im * b.im), fma(a.re, b.im, -(a.im * b.re))};
}
/// -i a
template <class T>
LONGTAIL_INLINE Complex<T> turned(const Complex<T>& a) {
  return {a.im, -a.re};
}
template <class T>
LONGTAIL_INLINE Complex<T> swapped(const Complex<T>& a) {
  return {a.im, a.re};
}
/// a times exp(-2 pi i turn), whose parts are given.
template <class T>
LONGTAIL_INLINE Complex<T> rotated(const Complex<T>& a, double cosine, double sine) {
  using S = scalar_t<T>;
  const T c = T(S(cosine)), s = T(S(sine));
  return {fma(a.re, c, a.im * s), fma(a.im, c, -(a.re * s))};
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::longconv
