// First derivatives, compiled once per CPU level.

#include "bessel/block.h"
#include "bessel/function_table.h"

namespace longtail::bessel {
inline namespace LONGTAIL_LEVEL {

extern const KernelTable<1> kGradients;
const KernelTable<1> kGradients = kernel_table<1>();

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::bessel
