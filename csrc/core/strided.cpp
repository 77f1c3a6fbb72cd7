#include "core/strided.h"

#include <string>

#include "core/check.h"

namespace longtail {
namespace {

// True if stepping through `outer` and then `inner` is, for every operand, one walk of the stride
// of `inner`.
bool continues(const Dimension& outer, const Dimension& inner) {
  for (int k = 0; k < kOperands; ++k) {
    if (outer.strides[k] != inner.size * inner.strides[k]) return false;
  }
  return true;
}

}  // namespace

std::vector<Dimension> coalesce(std::span<const std::int64_t> sizes, const InputView& first,
                                const InputView& second, const OutputView& out) {
  const auto check_rank = [&](std::string_view name, std::size_t strides) {
    check_argument(strides == sizes.size(), "elementwise", name, strides,
                   "one stride per dimension, " + std::to_string(sizes.size()));
  };
  check_rank("first.strides", first.strides.size());
  check_rank("second.strides", second.strides.size());
  check_rank("out.strides", out.strides.size());

  std::vector<Dimension> merged;
  for (std::size_t d = 0; d < sizes.size(); ++d) {
    if (sizes[d] == 1) continue;
    const Dimension inner{sizes[d], {first.strides[d], second.strides[d], out.strides[d]}};
    if (!merged.empty() && continues(merged.back(), inner)) {
      merged.back() = {merged.back().size * inner.size, inner.strides};
    } else {
      merged.push_back(inner);
    }
  }
  if (merged.empty()) merged.push_back({1, {0, 0, 0}});
  return merged;
}

}  // namespace longtail
