// The rows of pattention_level.h, compiled once per CPU level: lanes are neighbouring keys.

#include "attention/pattention_level.h"
#include "core/multiply.h"

namespace longtail::attention {
inline namespace LONGTAIL_LEVEL {
namespace {

template <class T>
RowNorm<scalar_t<T>> norm_of(const scalar_t<T>* scores, std::int64_t columns, scalar_t<T> tau) {
  using S = scalar_t<T>;
  T most(S(0));
  mask_t<T> lost = most != most;
  for (std::int64_t j = 0; j < columns; j += kLanes<T>) {
    const T s = load<T>(scores + j);
    most = max(abs(s), most);
    lost = lost | is_nan(s);
  }
  S largest(0);
  for (int i = 0; i < kLanes<T>; ++i) largest = max(lane(most, i), largest);
  if (any(lost)) largest = kNan<S>;
  if (!has_direction(largest)) return {S(0), S(0), S(0)};
  const S first = S(1) / largest;
  T squares(S(0));
  for (std::int64_t j = 0; j < columns; j += kLanes<T>) {
    const T s = load<T>(scores + j) * T(first);
    squares = fma(s, s, squares);
  }
  return row_norm(largest, sum_of_lanes(squares), tau);
}

template <class T>
void weigh(scalar_t<T>* scores, std::int64_t columns, scalar_t<T> tau) {
  const auto [first, second, inverse] = norm_of<T>(scores, columns, tau);
  for (std::int64_t j = 0; j < columns; j += kLanes<T>) {
    store(scores + j, gelu(T(load<T>(scores + j) * T(first) * T(second))).value);
  }
}

template <class T>
void pull(scalar_t<T>* scores, scalar_t<T>* dtheta, scalar_t<T>* u_of, std::int64_t columns,
          scalar_t<T> tau) {
  using S = scalar_t<T>;
  const auto [first, second, inverse] = norm_of<T>(scores, columns, tau);
  T product(S(0));
  for (std::int64_t j = 0; j < columns; j += kLanes<T>) {
    const T u = load<T>(scores + j) * T(first) * T(second);
    const Gelu<T> at = gelu(u);
    const T w = load<T>(dtheta + j) * at.slope;
    product = fma(u, w, product);
    store(u_of + j, u);
    store(scores + j, at.value);
    store(dtheta + j, w);
  }
  const S share = sum_of_lanes(product) / tau / tau, scale = tau * inverse;
  for (std::int64_t j = 0; j < columns; j += kLanes<T>) {
    store(dtheta + j, T(fma(load<T>(u_of + j), T(-share), load<T>(dtheta + j)) * T(scale)));
  }
}

template <class S>
constexpr PattentionKernels<S> kernels() {
  using T = native<S>;
  return {dense_kernels<S>(), weigh<T>, pull<T>};
}

}  // namespace

extern const PattentionKernels<float> kPattentionFloat;
extern const PattentionKernels<double> kPattentionDouble;
const PattentionKernels<float> kPattentionFloat = kernels<float>();
const PattentionKernels<double> kPattentionDouble = kernels<double>();

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::attention
