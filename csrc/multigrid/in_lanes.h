#pragma once
// Sums and maxima of a row that need not wait for one addition after the other.

#include <cstdint>

namespace longtail::multigrid {

/// The terms of x < n joined to one number, in eight parts that do not wait for each other.
template <class Term, class Join>
double in_lanes(std::int64_t n, const Term& term, const Join& join) {
  constexpr int lanes = 8;
  double parts[lanes] = {};
  std::int64_t x = 0;
  for (; x + lanes <= n; x += lanes) {
    for (int i = 0; i < lanes; ++i) parts[i] = join(parts[i], term(x + i));
  }
  for (; x < n; ++x) parts[x % lanes] = join(parts[x % lanes], term(x));
  for (int i = 1; i < lanes; ++i) parts[0] = join(parts[0], parts[i]);
  return parts[0];
}

}  // namespace longtail::multigrid
