// The functions themselves, compiled once per CPU level.

#include "bessel/block.h"
#include "bessel/function_table.h"

namespace longtail::bessel {
inline namespace LONGTAIL_LEVEL {

extern const KernelTable<0> kValues;
const KernelTable<0> kValues = kernel_table<0>();

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::bessel
