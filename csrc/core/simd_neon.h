#pragma once
// AArch64 instructions behind simd_lanes.h.

#include "simd_lanes.h"

namespace longtail {
inline namespace LONGTAIL_LEVEL {
namespace lanes {

LONGTAIL_INLINE raw<double, 2> fma(raw<double, 2> a, raw<double, 2> b, raw<double, 2> c) {
  return (raw<double, 2>)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
}
LONGTAIL_INLINE raw<float, 4> fma(raw<float, 4> a, raw<float, 4> b, raw<float, 4> c) {
  return (raw<float, 4>)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
}
LONGTAIL_INLINE raw<double, 2> sqrt(raw<double, 2> a) {
  return (raw<double, 2>)vsqrtq_f64((float64x2_t)a);
}
LONGTAIL_INLINE raw<float, 4> sqrt(raw<float, 4> a) {
  return (raw<float, 4>)vsqrtq_f32((float32x4_t)a);
}
LONGTAIL_INLINE raw<double, 2> rint(raw<double, 2> a) {
  return (raw<double, 2>)vrndnq_f64((float64x2_t)a);
}
LONGTAIL_INLINE raw<float, 4> rint(raw<float, 4> a) {
  return (raw<float, 4>)vrndnq_f32((float32x4_t)a);
}
LONGTAIL_INLINE raw<double, 2> floor(raw<double, 2> a) {
  return (raw<double, 2>)vrndmq_f64((float64x2_t)a);
}
LONGTAIL_INLINE raw<float, 4> floor(raw<float, 4> a) {
  return (raw<float, 4>)vrndmq_f32((float32x4_t)a);
}
LONGTAIL_INLINE bool any(raw<std::int64_t, 2> m) { return vmaxvq_u32((uint32x4_t)m) != 0; }
LONGTAIL_INLINE bool any(raw<std::int32_t, 4> m) { return vmaxvq_u32((uint32x4_t)m) != 0; }

}  // namespace lanes
}  // namespace LONGTAIL_LEVEL
}  // namespace longtail
