#include <algorithm>

#include "cuda/longconv/short_conv_launch.cuh"

namespace longtail::cuda {

std::int64_t short_conv_parts(const longconv::ShortConvShape& shape) {
  constexpr std::int64_t blocks = 4096;  // a few waves of any GPU
  const std::int64_t items = shape.batch * short_tiles(shape.length + shape.taps - 1);
  const std::int64_t heads = std::max<std::int64_t>(1, shape.heads);
  return std::clamp<std::int64_t>(blocks / heads, 1, std::max<std::int64_t>(1, items));
}

LONGTAIL_SHORT_CONV_OF(float, float)

}  // namespace longtail::cuda
