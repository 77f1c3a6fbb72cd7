#pragma once
// The block kernels of the family and the choice among them.

#include "bessel/function.h"
#include "core/elementwise.h"

namespace longtail::bessel {

/// out[k] = d^da/dfirst^da d^db/dsecond^db f(first[k], second[k]) at the best CPU level, or at the
/// one that LONGTAIL_CPU_LEVEL names. std::invalid_argument unless 0 <= da, db and da + db <= 2.
BlockKernel block_kernel(Function f, int da, int db);

/// The same for one element by the baseline's scalar code: what the vector kernels leave aside.
double evaluate_point(Function f, int da, int db, double a, double b);

}  // namespace longtail::bessel
