// TEMPORARY, until the real kernels land: std::cyl_bessel_* and difference quotients, so that
// everything around the mathematics can be built and tested. Replaced as a whole by the lead.
#include "bessel/kernels.h"

#include <array>
#include <cmath>
#include <stdexcept>

#include "core/cpu_level.h"

namespace longtail::bessel {
namespace {

double value(Function f, double a, double b) {
  if (!(a >= 0) || !(b >= 0)) return NAN;
  switch (f) {
    case Function::log_bessel_i:
      return std::log(std::cyl_bessel_i(a, b));
    case Function::log_bessel_k:
      return std::log(std::cyl_bessel_k(a, b));
    case Function::log_bessel_ie:
      return std::log(std::cyl_bessel_i(a, b)) - b;
    case Function::log_bessel_ke:
      return std::log(std::cyl_bessel_k(a, b)) + b;
    case Function::bessel_i_ratio:
      return std::cyl_bessel_i(a + 1, b) / std::cyl_bessel_i(a, b);
    case Function::bessel_k_ratio:
      return std::cyl_bessel_k(a + 1, b) / std::cyl_bessel_k(a, b);
    case Function::log_hyp0f1:
      return b == 0 ? 0
                    : std::lgamma(a) + (1 - a) * std::log(std::sqrt(b)) +
                          std::log(std::cyl_bessel_i(a - 1, 2 * std::sqrt(b)));
    case Function::matern: {
      const double s = std::sqrt(2 * a) * b;
      return s == 0 ? 1
                    : std::exp2(1 - a) / std::tgamma(a) * std::pow(s, a) * std::cyl_bessel_k(a, s);
    }
  }
  return NAN;
}

double partial(Function f, double a, double b, int da, int db) {
  const double h = 1e-4;
  if (da > 0) {
    return (partial(f, a + h, b, da - 1, db) - partial(f, a - h, b, da - 1, db)) / (2 * h);
  }
  if (db > 0) {
    return (partial(f, a, b + h, da, db - 1) - partial(f, a, b - h, da, db - 1)) / (2 * h);
  }
  return value(f, a, b);
}

template <int f, int da, int db>
void block(const double* first, const double* second, double* out, std::int64_t n) {
  for (std::int64_t k = 0; k < n; ++k) {
    out[k] = partial(static_cast<Function>(f), first[k], second[k], da, db);
  }
}

template <int f>
constexpr std::array<BlockKernel, 6> kOrders = {block<f, 0, 0>, block<f, 1, 0>, block<f, 0, 1>,
                                                block<f, 2, 0>, block<f, 1, 1>, block<f, 0, 2>};
constexpr std::array<std::array<BlockKernel, 6>, 8> kKernels = {
    kOrders<0>, kOrders<1>, kOrders<2>, kOrders<3>, kOrders<4>, kOrders<5>, kOrders<6>, kOrders<7>};

}  // namespace

BlockKernel block_kernel(Function f, int da, int db) {
  if (da < 0 || db < 0 || da + db > 2) throw std::invalid_argument("derivative order above 2");
  cpu_level();
  const int order = da + db;
  return kKernels[static_cast<std::size_t>(f)][order == 0 ? 0 : order == 1 ? 1 + db : 3 + db];
}

}  // namespace longtail::bessel
