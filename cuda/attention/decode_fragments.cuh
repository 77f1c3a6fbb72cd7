// Operands of the tensor cores in attention over a quantised cache: codes out of words, and 8-bit
// or 16-bit integers of queries or weights beside them.
//
// With g = lane / 4 and t = lane % 4 (prefill_warp.cuh), a step multiplies 32 channels of keys, or
// 32 tokens of values. Which of them stand in which place of the product is free if both operands
// agree, so lane t takes the numbers 8 t ... 8 t + 7 of a step, which are one word of 4-bit codes
// (as cache_layout.h has them, masked its first four are a register, shifted the others) or two
// words of 8-bit codes, registers as they are. Rows are free as well: lane g takes four words side
// by side, which are rows g and g + 8 of two fragments, in one load of 16 bytes.
#pragma once

#include <cuda_runtime.h>

#include "attention/cache_math.h"
#include "cuda/attention/prefill_warp.cuh"

namespace longtail::cuda {

// Before a loop whose arrays must stay in registers although it may end early.
#if defined(__CUDACC__)
#define LONGTAIL_UNROLL _Pragma("unroll")
#else
#define LONGTAIL_UNROLL
#endif

constexpr unsigned kWholeWarp = 0xffffffffu;

struct alignas(16) FourWords {
  std::uint32_t of[4];
};
__device__ inline FourWords load_four(const std::uint32_t* from) {
  return *reinterpret_cast<const FourWords*>(from);
}

// Asks for words that will be read soon, a line of 128 bytes a lane at a time: what a warp loads
// for a step waits then for the L2 cache only, not for memory.
__device__ inline void fetch_ahead(const std::uint32_t* words, int count) {
#if defined(__CUDA_ARCH__)
  for (int i = static_cast<int>(threadIdx.x % 32) * 32; i < count; i += 32 * 32) {
    asm volatile("prefetch.global.L2 [%0];" ::"l"(words + i));
  }
#else
  (void)words, (void)count;
#endif
}

struct alignas(16) FourFloats {
  float of[4];
};

struct Lane {
  int warp, g, t;
  __device__ Lane()
      : warp(static_cast<int>(threadIdx.x / 32)),
        g(static_cast<int>(threadIdx.x % 32 / 4)),
        t(static_cast<int>(threadIdx.x % 4)) {}

  // Of row g, known to its four lanes, for column 2 t + i of a product.
  __device__ float to_column(float x, int i) const {
    return __shfl_sync(kWholeWarp, x, static_cast<unsigned>(8 * t + 4 * i));
  }
};

// Over the four lanes of a row.
__device__ inline float largest_of_row(float x) {
  x = longtail::max(x, __shfl_xor_sync(kWholeWarp, x, 1));
  return longtail::max(x, __shfl_xor_sync(kWholeWarp, x, 2));
}
template <class T>
__device__ T sum_of_row(T x) {
  x += __shfl_xor_sync(kWholeWarp, x, 1);
  return x + __shfl_xor_sync(kWholeWarp, x, 2);
}

// Rows 4 g ... 4 g + 3 of 32 of step `step`: words [.., stride], of which `words` is the first of
// the 32. Row 4 g + 2 m is row g of fragment m, 4 g + 2 m + 1 its row g + 8.
template <int Bits>
__device__ inline void load_codes(const std::uint32_t* words, int stride, int step,
                                  const Lane& lane, FragmentA (&to)[2]) {
  if constexpr (Bits == 4) {
    constexpr unsigned mask = attention::CodeFormat<4>::kLaneMask;
    const FourWords all = load_four(words + (4 * step + lane.t) * stride + 4 * lane.g);
    for (int m = 0; m < 2; ++m) {
      const unsigned upper = all.of[2 * m], lower = all.of[2 * m + 1];
      to[m] = {{upper & mask, lower & mask, upper >> 4 & mask, lower >> 4 & mask}};
    }
  } else {
    const std::uint32_t* from = words + (8 * step + 2 * lane.t) * stride + 4 * lane.g;
    const FourWords left = load_four(from), right = load_four(from + stride);
    for (int m = 0; m < 2; ++m) {
      to[m] = {{left.of[2 * m], left.of[2 * m + 1], right.of[2 * m], right.of[2 * m + 1]}};
    }
  }
}

// 8-bit integers beside 4-bit codes are one operand; 16-bit integers beside 8-bit codes are two,
// their lower and their upper bytes.
template <int Bits>
inline constexpr int kPlanes = Bits / 4;
template <int Bits>
struct Numbers {
  FragmentB of[kPlanes<Bits>];
};

// x times `inverse` to the nearest integers, of 8 or 16 bits; their sum is added to `total`.
template <int Bits>
__device__ inline Numbers<Bits> round_eight(const float (&x)[8], float inverse, int& total) {
  // The places of the bytes of a word's codes: cache_layout.h.
  constexpr int place[4] = {0, Bits == 4 ? 1 : 2, Bits == 4 ? 2 : 1, 3};
  constexpr float shift = 0x1.8p23f;  // the last bit of a sum with it is worth 1
  Numbers<Bits> result{};
  for (int i = 0; i < 8; ++i) {
    const auto sum = static_cast<unsigned>(longtail::bits(x[i] * inverse + shift));
    total += static_cast<int>(sum - 0x4b400000u);
    for (int plane = 0; plane < kPlanes<Bits>; ++plane) {
      result.of[plane].of[i / 4] |= (sum >> 8 * plane & 0xff) << 8 * place[i % 4];
    }
  }
  return result;
}

// A [16, 8] sum of products, exact.
template <int Bits>
struct Dots {
  int of[kPlanes<Bits>][4] = {};

  template <bool SignedNumbers>
  __device__ void add(const FragmentA& codes, const Numbers<Bits>& numbers) {
    mma_bytes<(SignedNumbers && Bits == 4)>(of[0], codes, numbers.of[0]);
    if constexpr (Bits == 8) mma_bytes<SignedNumbers>(of[1], codes, numbers.of[1]);
  }
  __device__ float sum(int i) const {
    if constexpr (Bits == 4) {
      return static_cast<float>(of[0][i]);
    } else {
      return static_cast<float>(of[0][i] + 256 * of[1][i]);
    }
  }
};

// Steps of integers up to `largest_number` for numbers up to `largest`: 0 below what is not told
// from zero, as on the CPU.
struct Rounding {
  float step, inverse;
  __device__ Rounding(float largest, float largest_number)
      : step(largest > attention::kSmallestScale ? largest / largest_number : 0.0f),
        inverse(largest > attention::kSmallestScale ? largest_number / largest : 0.0f) {}
};

}  // namespace longtail::cuda
