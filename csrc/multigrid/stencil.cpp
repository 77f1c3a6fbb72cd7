#include "multigrid/stencil.h"

#include <algorithm>

namespace longtail::multigrid {

const std::vector<int>& offsets_before(Reach reach) {
  static const std::vector<int> all[4] = {
      {offset_index(0, -1, 0), offset_index(0, 0, -1)},
      {9, 10, 11, 12},
      {offset_index(-1, 0, 0), offset_index(0, -1, 0), offset_index(0, 0, -1)},
      {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}};
  return all[static_cast<int>(reach)];
}

bool Stencil::has(int offset) const {
  const std::vector<int>& before = offsets_before(reach);
  const int earlier = std::min(offset, 2 * kCentre - offset);
  return earlier == kCentre || std::find(before.begin(), before.end(), earlier) != before.end();
}

}  // namespace longtail::multigrid
