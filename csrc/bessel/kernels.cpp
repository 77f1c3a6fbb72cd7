#include "bessel/kernels.h"

#include "bessel/level_kernels.h"
#include "bessel/names.h"
#include "core/check.h"
#include "core/cpu_level.h"

namespace longtail::bessel {
namespace {

template <int Order>
BlockKernel pick(const PerLevel<const KernelTable<Order>*>& tables, CpuLevel level, Function f,
                 int db) {
  return tables[level]->of[static_cast<int>(f)][db];
}

BlockKernel kernel_of_level(CpuLevel level, Function f, int da, int db) {
  static constexpr PerLevel<const KernelTable<0>*> values = LONGTAIL_ADDRESS_PER_LEVEL(kValues);
  static constexpr PerLevel<const KernelTable<1>*> gradients =
      LONGTAIL_ADDRESS_PER_LEVEL(kGradients);
  static constexpr PerLevel<const KernelTable<2>*> hessians = LONGTAIL_ADDRESS_PER_LEVEL(kHessians);
  if (da + db == 0) return pick<0>(values, level, f, db);
  return da + db == 1 ? pick<1>(gradients, level, f, db) : pick<2>(hessians, level, f, db);
}

}  // namespace

BlockKernel block_kernel(Function f, int da, int db) {
  if (da < 0 || db < 0 || da + db > 2) {
    fail_argument(signature(f).name, "order", da + db, "derivatives of order at most 2");
  }
  return kernel_of_level(cpu_level(), f, da, db);
}

double evaluate_point(Function f, int da, int db, double a, double b) {
  double result;
  kernel_of_level(CpuLevel::scalar, f, da, db)(&a, &b, &result, 1);
  return result;
}

}  // namespace longtail::bessel
