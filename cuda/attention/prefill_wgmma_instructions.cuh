// sm_90a's products of a warpgroup (four warps, 64 rows): codes with codes, FP8 weights with FP8
// values. Operands in shared memory are told by descriptors, sums arrive when they are waited for.
// On the CPU (tests/cpp/simt/async.h) descriptors are read by the PTX ISA's rules, and products are
// formed at the wait, so that a wrong descriptor or a missing wait is a wrong result there too.
//
// Warp w of the four has rows 16 w ... 16 w + 15; sums lie as mma.m16n8k32 leaves them
// (prefill_warp.cuh), eight columns after eight, and weights as it wants them.
#pragma once

#include <type_traits>

#include "cuda/attention/prefill_async.cuh"
#include "cuda/attention/prefill_warp.cuh"

namespace longtail::cuda {

/// 64 columns of 16 rows of a warp.
template <class Number>
struct WideSum {
  Number of[8][4];
};

/// A matrix whose rows of RowBytes = 64 or 128 bytes lie one after another from a multiple of
/// 8 RowBytes on, 16-byte piece c of row r at c ^ (r / 2 & 3) or c ^ (r & 7). Rows are rows of A
/// and columns of B. The next 32 bytes of the rows: next_step.
template <int RowBytes>
__device__ inline std::uint64_t describe(const unsigned char* rows) {
  static_assert(RowBytes == 64 || RowBytes == 128);
  constexpr std::uint64_t layout = RowBytes == 128 ? 1 : 2, stride = 8 * RowBytes / 16;
  return (shared_address(rows) & 0x3ffff) >> 4 | std::uint64_t{1} << 16 | stride << 32 |
         layout << 62;
}
__device__ inline std::uint64_t next_step(std::uint64_t descriptor, int steps = 1) {
  return descriptor + static_cast<unsigned>(2 * steps);
}

/// Before the first of several products, after registers they use were written.
__device__ inline void fence_products() {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#elif !defined(__CUDACC__)
  simt::fence_warpgroup();
#endif
}

/// Ends a group of products.
__device__ inline void commit_products() {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
#elif !defined(__CUDACC__)
  simt::commit_warpgroup();
#endif
}

/// Waits for all groups but the last `Groups`.
template <int Groups>
__device__ inline void wait_for_products() {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(Groups) : "memory");
#elif !defined(__CUDACC__)
  simt::wait_for_warpgroup(Groups);
#endif
}

/// The compiler may neither read these later than here nor, what it reads after, earlier: for sums
/// after their wait, and for work that is to be done while products run.
template <class Number>
__device__ inline void settle(Number (&of)[8][4]) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  LONGTAIL_UNROLL
  for (int n = 0; n < 8; ++n) {
    LONGTAIL_UNROLL
    for (int i = 0; i < 4; ++i) {
      if constexpr (std::is_same_v<Number, int>) {
        asm volatile("" : "+r"(of[n][i])::"memory");
      } else {
        asm volatile("" : "+f"(of[n][i])::"memory");
      }
    }
  }
#else
  (void)of;
#endif
}

#if !defined(__CUDACC__)
/// sum += A B at the wait; rows of A are told by `row_of(row)`, `product` multiplies 32 bytes.
template <class Number, class RowOf, class Product>
inline void multiply_later(WideSum<Number>& sum, std::uint64_t b, const RowOf& row_of,
                           const Product& product) {
  simt::ask_warpgroup([&sum, b, row_of, product] {
    const simt::DescribedMatrix columns(b);
    const unsigned g = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
    const auto rows = row_of(g);
    for (unsigned n = 0; n < 8; ++n) {
      for (unsigned i = 0; i < 4; ++i) {
        sum.of[n][i] += product(rows[i / 2], columns.row(8 * n + 2 * t + i % 2));
      }
    }
  });
}
using WgmmaRow = std::array<unsigned char, 32>;
#endif

#define LONGTAIL_FOUR_SUMS(kind, n) \
  "+" kind(sum.of[n][0]), "+" kind(sum.of[n][1]), "+" kind(sum.of[n][2]), "+" kind(sum.of[n][3])
#define LONGTAIL_ALL_SUMS(kind)                                                              \
  LONGTAIL_FOUR_SUMS(kind, 0), LONGTAIL_FOUR_SUMS(kind, 1), LONGTAIL_FOUR_SUMS(kind, 2),     \
      LONGTAIL_FOUR_SUMS(kind, 3), LONGTAIL_FOUR_SUMS(kind, 4), LONGTAIL_FOUR_SUMS(kind, 5), \
      LONGTAIL_FOUR_SUMS(kind, 6), LONGTAIL_FOUR_SUMS(kind, 7)
#define LONGTAIL_SUM_NAMES                                                              \
  "{%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,%16,%17,%18,%19,%20,%21,%22," \
  "%23,%24,%25,%26,%27,%28,%29,%30,%31}"

/// Codes of 8 bits, [64, 32] times [32, 64], added to `sum`.
__device__ inline void multiply_s8(WideSum<int>& sum, std::uint64_t a, std::uint64_t b) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  asm volatile("wgmma.mma_async.sync.aligned.m64n64k32.s32.s8.s8 " LONGTAIL_SUM_NAMES
               ", %32, %33, 1;"
               : LONGTAIL_ALL_SUMS("r")
               : "l"(a), "l"(b));
#elif !defined(__CUDACC__)
  const auto row_of = [a](unsigned g) {
    const simt::DescribedMatrix rows(a);
    const unsigned first = threadIdx.x % 128 / 32 * 16 + g;
    return std::array<WgmmaRow, 2>{rows.row(first), rows.row(first + 8)};
  };
  multiply_later(sum, b, row_of, [](const WgmmaRow& x, const WgmmaRow& y) {
    int result = 0;
    for (int k = 0; k < 32; ++k) {
      result += int{static_cast<std::int8_t>(x[k])} * int{static_cast<std::int8_t>(y[k])};
    }
    return result;
  });
#else
  (void)sum, (void)a, (void)b;
#endif
}

/// E4M3, [64, 32] times [32, 64]; the first product of a sum forgets what was there.
template <bool First>
__device__ inline void multiply_e4m3(WideSum<float>& sum, const FragmentA& a, std::uint64_t b) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
  asm volatile("wgmma.mma_async.sync.aligned.m64n64k32.f32.e4m3.e4m3 " LONGTAIL_SUM_NAMES
               ", {%32,%33,%34,%35}, %36, %37, 1, 1;"
               : LONGTAIL_ALL_SUMS("f")
               : "r"(a.of[0]), "r"(a.of[1]), "r"(a.of[2]), "r"(a.of[3]), "l"(b),
                 "n"(First ? 0 : 1));
#elif !defined(__CUDACC__)
  for (auto& column : sum.of) {
    for (float& x : column) x = First ? __builtin_nanf("") : x;
  }
  const auto row_of = [&sum, &a](unsigned g) {
    if (First) sum = {};  // not before the wait
    const auto all = simt::Block::current()->show(a);
    std::array<WgmmaRow, 2> rows;
    for (unsigned part = 0; part < 16; ++part) {
      const unsigned word = all[g * 4 + part % 4].of[part / 4];
      std::memcpy(rows[part / 4 % 2].data() + part / 8 * 16 + part % 4 * 4, &word, 4);
    }
    return rows;
  };
  multiply_later(sum, b, row_of, [](const WgmmaRow& x, const WgmmaRow& y) {
    const auto number = [](unsigned char bits) {
      return static_cast<float>(E4m3::from_bits(bits));
    };
    float result = 0;
    for (int k = 0; k < 32; ++k) result += number(x[k]) * number(y[k]);
    return result;
  });
#else
  (void)sum, (void)a, (void)b;
#endif
}

#undef LONGTAIL_FOUR_SUMS
#undef LONGTAIL_ALL_SUMS
#undef LONGTAIL_SUM_NAMES

}  // namespace longtail::cuda
