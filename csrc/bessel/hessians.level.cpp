// Second derivatives, compiled once per CPU level.

#include "bessel/block.h"
#include "bessel/function_table.h"

namespace longtail::bessel {
inline namespace LONGTAIL_LEVEL {

extern const KernelTable<2> kHessians;
const KernelTable<2> kHessians = kernel_table<2>();

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::bessel
