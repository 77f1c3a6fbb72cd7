// float16 (IEEE binary16) and bfloat16 as storage types, converted to and from double.
//
// Kernels compute in double and round once. Going through float would round twice and be wrong
// for values that float rounds onto a midpoint, so the conversions here are direct.
//
//   to double    exact for every bit pattern; signalling NaNs stay NaN
//   from double  round to nearest, ties to even; subnormals, overflow to inf and NaN included
#pragma once

#include <cstdint>
#include <cstring>

#include "core/host_device.h"

namespace longtail {

// The bits of `from` read as a To of the same size. Stands in for std::bit_cast, which is not a
// device function.
template <class To, class From>
LONGTAIL_INLINE To bits_as(const From& from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof(To));
  return to;
}

// A 16-bit floating-point format: 1 sign bit, then exponent bits, then kMantissaBits.
template <int kMantissaBits>
struct Float16Format {
  static constexpr int kExponentBits = 15 - kMantissaBits;
  static constexpr int kBias = (1 << (kExponentBits - 1)) - 1;
  static constexpr std::uint16_t kInf = ((1 << kExponentBits) - 1) << kMantissaBits;
  static constexpr std::uint16_t kQuietNan = kInf | (1 << (kMantissaBits - 1));
  static constexpr int kShift = 52 - kMantissaBits;      // double's extra mantissa bits
  static constexpr std::int64_t kRebias = 1023 - kBias;  // exponent field: double - ours
  static constexpr std::uint64_t kOne = 1;

  std::uint16_t bits;

  Float16Format() = default;

  LONGTAIL_INLINE static Float16Format from_bits(std::uint16_t bits) {
    Float16Format result;
    result.bits = bits;
    return result;
  }

  // 2^exponent by its bits, for |exponent| < 1023.
  LONGTAIL_INLINE static double power_of_two(int exponent) {
    return bits_as<double>(static_cast<std::uint64_t>(1023 + exponent) << 52);
  }

  LONGTAIL_INLINE explicit operator double() const {
    const std::uint64_t magnitude = bits & 0x7fff;
    const std::uint64_t sign = static_cast<std::uint64_t>(bits >> 15) << 63;
    // Subnormals are integers times the spacing 2^(1 - bias - mantissa); that product is exact.
    const double subnormal = static_cast<double>(static_cast<std::int32_t>(magnitude)) *
                             power_of_two(1 - kBias - kMantissaBits);
    const std::uint64_t normal =
        (magnitude << kShift) + (static_cast<std::uint64_t>(kRebias) << 52);
    const std::uint64_t special = (magnitude << kShift) | (std::uint64_t{0x7ff} << 52);
    std::uint64_t wide =
        magnitude < (kOne << kMantissaBits) ? bits_as<std::uint64_t>(subnormal) : normal;
    wide = magnitude >= kInf ? special : wide;
    return bits_as<double>(wide | sign);
  }

  LONGTAIL_INLINE explicit Float16Format(double value) {
    const std::uint64_t wide = bits_as<std::uint64_t>(value);
    const std::uint64_t magnitude = wide & ~(kOne << 63);
    const auto sign = static_cast<std::uint16_t>((wide >> 63) << 15);
    // Normal range: add just under half a unit of the last kept bit, plus that bit itself (ties
    // to even), then drop the tail. A carry runs into the exponent as it should, up to inf.
    const std::uint64_t last = (magnitude >> kShift) & 1;
    const std::uint64_t rounded = (magnitude + (kOne << (kShift - 1)) - 1 + last) >> kShift;
    const std::uint64_t normal = rounded - (static_cast<std::uint64_t>(kRebias) << kMantissaBits);
    // Subnormal range: adding 2^52 spacings makes the addition itself round to a whole spacing.
    const double anchor = power_of_two(52 + 1 - kBias - kMantissaBits);
    const std::uint64_t subnormal = bits_as<std::uint64_t>(bits_as<double>(magnitude) + anchor) -
                                    bits_as<std::uint64_t>(anchor);
    const std::uint64_t smallest_normal = static_cast<std::uint64_t>(kRebias + 1) << 52;
    std::uint64_t narrow = magnitude < smallest_normal ? subnormal : normal;
    narrow = narrow > kInf ? kInf : narrow;
    narrow = magnitude > (std::uint64_t{0x7ff} << 52) ? kQuietNan : narrow;
    bits = static_cast<std::uint16_t>(narrow) | sign;
  }
};

using float16 = Float16Format<10>;
using bfloat16 = Float16Format<7>;

}  // namespace longtail
