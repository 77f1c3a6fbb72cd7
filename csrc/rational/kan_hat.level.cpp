// The rows of kan_hat_level.h, compiled once per CPU level: lanes are neighbouring inputs.

#include "rational/kan_hat_level.h"
#include "core/element_lanes.h"

namespace longtail::rational {
inline namespace LONGTAIL_LEVEL {
namespace {

template <class T, class Visit>
LONGTAIL_INLINE void for_vectors(std::int64_t count, const Visit& visit) {
  constexpr int width = kLanes<T>;
  for (std::int64_t i = 0; i < count; i += width) {
    visit(i, static_cast<int>(count - i < width ? count - i : width));
  }
}

template <class T>
scalar_t<T> value(const HatRow<scalar_t<T>>& row, const scalar_t<T>* x, std::int64_t count) {
  using S = scalar_t<T>;
  T sum(S(0));
  for_vectors<T>(count, [&](std::int64_t i, int some) {
    const T weight = load_lanes<T>(row.weight + i, some, 0);
    const T u = (load_lanes<T>(x + i, some, 0) - load_lanes<T>(row.shift + i, some, 0)) *
                load_lanes<T>(row.inverse + i, some, 0);
    sum = fma(weight, mexican_hat(u).value, sum);
  });
  S total(0);
  for (int l = 0; l < kLanes<T>; ++l) total += lane(sum, l);
  return total;
}

template <class T>
void pull(const HatRow<scalar_t<T>>& row, scalar_t<T> grad, const scalar_t<T>* x,
          std::int64_t count, scalar_t<T>* dx, const HatRowSums<scalar_t<T>>& sums) {
  using S = scalar_t<T>;
  const auto add = [](S* to, T value, int some) {
    store_lanes(to, T(load_lanes<T>(to, some, 0) + value), some);
  };
  for_vectors<T>(count, [&](std::int64_t i, int some) {
    const Edge<T> edge = {load_lanes<T>(row.weight + i, some, 0),
                          load_lanes<T>(row.inverse + i, some, 0),
                          load_lanes<T>(row.shift + i, some, 0)};
    const EdgePull<T> pulled = pull_edge(edge, T(grad), load_lanes<T>(x + i, some, 0));
    add(dx + i, pulled.x, some);
    add(sums.weight + i, pulled.weight, some);
    add(sums.scale + i, pulled.scale, some);
    add(sums.shift + i, pulled.shift, some);
  });
}

template <class S>
constexpr HatKernels<S> kernels() {
  return {value<native<S>>, pull<native<S>>};
}

}  // namespace

extern const HatKernels<float> kHatFloat;
extern const HatKernels<double> kHatDouble;
const HatKernels<float> kHatFloat = kernels<float>();
const HatKernels<double> kHatDouble = kernels<double>();

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::rational
