#pragma once
// Fills a KernelTable with the block kernels of every function.

#include <utility>

#include "bessel/block.h"
#include "bessel/level_kernels.h"

namespace longtail::bessel {
inline namespace LONGTAIL_LEVEL {

template <int Order, int F, int... DB>
constexpr void fill_row(KernelTable<Order>& table, std::integer_sequence<int, DB...>) {
  ((table.of[F][DB] = block_kernel_of<static_cast<Function>(F), Order - DB, DB>), ...);
}
template <int Order, int... F>
constexpr KernelTable<Order> fill_table(std::integer_sequence<int, F...>) {
  KernelTable<Order> table{};
  (fill_row<Order, F>(table, std::make_integer_sequence<int, Order + 1>()), ...);
  return table;
}
template <int Order>
constexpr KernelTable<Order> kernel_table() {
  return fill_table<Order>(std::make_integer_sequence<int, kFunctions>());
}

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::bessel
