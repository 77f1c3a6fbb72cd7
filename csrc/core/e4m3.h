// E4M3 (OFP8) as a storage type, converted to and from float: 1 sign bit, 4 bits of exponent with
// bias 7, 3 of mantissa. There is no infinity: 0x7f and 0xff are nan, and 0x7e, 448, is the
// largest.
//
//   to float     exact for every bit pattern
//   from float   round to nearest, ties to even; subnormals included; what is larger than 448, and
//                inf, becomes 448; nan becomes 0x7f. So does cvt.rn.satfinite.e4m3x2.f32.
#pragma once

#include <cstdint>

#include "core/half.h"

namespace longtail {

struct E4m3 {
  static constexpr int kMantissaBits = 3, kBias = 7;
  static constexpr std::uint8_t kNan = 0x7f, kLargestBits = 0x7e;
  static constexpr float kLargest = 448;
  static constexpr int kShift = 23 - kMantissaBits;      // float's extra mantissa bits
  static constexpr std::uint32_t kRebias = 127 - kBias;  // exponent field: float - ours

  std::uint8_t bits;

  E4m3() = default;

  LONGTAIL_INLINE static E4m3 from_bits(std::uint8_t bits) {
    E4m3 result;
    result.bits = bits;
    return result;
  }

  LONGTAIL_INLINE explicit operator float() const {
    const std::uint32_t magnitude = bits & 0x7fu;
    const std::uint32_t sign = static_cast<std::uint32_t>(bits >> 7) << 31;
    // Subnormals are integers times the spacing 2^-9; that product is exact.
    const float subnormal = static_cast<float>(static_cast<std::int32_t>(magnitude)) * 0x1p-9f;
    std::uint32_t wide = magnitude < 1u << kMantissaBits ? bits_as<std::uint32_t>(subnormal)
                                                         : (magnitude << kShift) + (kRebias << 23);
    wide = magnitude == kNan ? 0x7fc00000u : wide;
    return bits_as<float>(wide | sign);
  }

  LONGTAIL_INLINE explicit E4m3(float value) {
    const std::uint32_t wide = bits_as<std::uint32_t>(value);
    const std::uint32_t magnitude = wide & 0x7fffffffu;
    const auto sign = static_cast<std::uint8_t>(wide >> 31 << 7);
    // As in half.h: just under half a unit of the last kept bit, plus that bit itself; a carry runs
    // into the exponent.
    const std::uint32_t last = magnitude >> kShift & 1;
    const std::uint32_t rounded = (magnitude + (1u << (kShift - 1)) - 1 + last) >> kShift;
    const std::uint32_t normal = rounded - (kRebias << kMantissaBits);
    // 2^14 is 2^23 spacings: the addition rounds to a whole spacing.
    const std::uint32_t subnormal = bits_as<std::uint32_t>(bits_as<float>(magnitude) + 0x1p14f) -
                                    bits_as<std::uint32_t>(0x1p14f);
    std::uint32_t narrow = magnitude < (kRebias + 1) << 23 ? subnormal : normal;
    narrow = narrow > kLargestBits ? kLargestBits : narrow;
    bits = static_cast<std::uint8_t>(narrow) | sign;
    if (magnitude > 0x7f800000u) bits = kNan;
  }
};

}  // namespace longtail
