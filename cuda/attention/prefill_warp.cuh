// Instructions of a warp: products of small matrices, loads of their operands, copies to shared
// memory that do not wait. On the CPU (tests/cpp/simt) the threads of a warp show each other their
// registers and follow the layouts of the PTX ISA (sections "Matrix fragments for mma.m16n8k..."),
// so that a wrong index is a wrong result there too.
//
// With g = lane / 4 and t = lane % 4, a register holds 4 bytes side by side of a row of 32:
//
//   A [16 rows]     0: row g, bytes 4 t    1: row g + 8    2: row g, bytes 16 + 4 t    3: row g + 8
//   B [8 columns]   0: column g, bytes 4 t               1: column g, bytes 16 + 4 t
//   C [16, 8]       0, 1: row g, columns 2 t, 2 t + 1    2, 3: row g + 8
//
// 32 bytes are 64 4-bit codes (the first in the low bits), 32 8-bit codes or numbers in E4M3, or 16
// halves.
#pragma once

#include <cuda_runtime.h>

#include <cmath>
#include <cstdint>

#include "cuda/attention/prefill_element.cuh"

namespace longtail::cuda {

struct FragmentA {
  unsigned of[4];
};
struct FragmentB {
  unsigned of[2];
};

#if !defined(__CUDA_ARCH__)
/// c += A B for numbers that `number(register, k)` takes out of registers of `per_register`.
template <class Sum, class Number>
inline void mma_by_layout(Sum (&c)[4], const FragmentA& a, const FragmentB& b, int per_register,
                          const Number& number) {
#if defined(__CUDACC__)  // nvcc's pass for the host, where nothing calls this
  (void)c, (void)a, (void)b, (void)per_register, (void)number;
#else
  struct Both {
    FragmentA a;
    FragmentB b;
  };
  const auto all = simt::Block::current()->show(Both{a, b});
  const unsigned g = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
  for (int i = 0; i < 4; ++i) {
    const unsigned row = g + i / 2 * 8, column = 2 * t + i % 2;
    for (unsigned k = 0; k < 8u * per_register; ++k) {
      const unsigned part = k / (4 * per_register), owner = k % (4 * per_register) / per_register;
      const int within = static_cast<int>(k) % per_register;
      const unsigned of_a = all[row % 8 * 4 + owner].a.of[row / 8 + 2 * part];
      const unsigned of_b = all[column * 4 + owner].b.of[part];
      c[i] += Sum(number(of_a, within)) * Sum(number(of_b, within));
    }
  }
#endif
}
#endif

/// 4-bit codes, [16, 64] times [64, 8]. From sm_90 on an emulation by ptxas.
__device__ inline void mma_s4(int (&c)[4], const FragmentA& a, const FragmentB& b) {
#if defined(__CUDA_ARCH__)
  asm("mma.sync.aligned.m16n8k64.row.col.s32.s4.s4.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
      : "r"(a.of[0]), "r"(a.of[1]), "r"(a.of[2]), "r"(a.of[3]), "r"(b.of[0]), "r"(b.of[1]));
#else
  mma_by_layout(c, a, b, 8, [](unsigned word, int k) {
    return static_cast<std::int8_t>((word >> 4 * k & 15) << 4) / 16;
  });
#endif
}

/// 8-bit codes, [16, 32] times [32, 8].
__device__ inline void mma_s8(int (&c)[4], const FragmentA& a, const FragmentB& b) {
#if defined(__CUDA_ARCH__)
  asm("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
      : "r"(a.of[0]), "r"(a.of[1]), "r"(a.of[2]), "r"(a.of[3]), "r"(b.of[0]), "r"(b.of[1]));
#else
  mma_by_layout(c, a, b, 4,
                [](unsigned word, int k) { return static_cast<std::int8_t>(word >> 8 * k); });
#endif
}

/// float16, [16, 16] times [16, 8], summed in float32.
__device__ inline void mma_f16(float (&c)[4], const FragmentA& a, const FragmentB& b) {
#if defined(__CUDA_ARCH__)
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a.of[0]), "r"(a.of[1]), "r"(a.of[2]), "r"(a.of[3]), "r"(b.of[0]), "r"(b.of[1]));
#else
  mma_by_layout(c, a, b, 2, [](unsigned word, int k) {
    return half_to_float(static_cast<std::uint16_t>(word >> 16 * k));
  });
#endif
}

/// Whether mma_e4m3 is there: not before sm_89.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 890
constexpr bool kFp8Units = false;
#else
constexpr bool kFp8Units = true;
#endif

/// Ends the kernel with an error.
__device__ inline void trap() {
#if defined(__CUDA_ARCH__)
  asm volatile("trap;");
#else
  __builtin_trap();
#endif
}

/// E4M3, [16, 32] times [32, 8], summed in about 22 bits. On sm_90 an emulation by ptxas.
__device__ inline void mma_e4m3(float (&c)[4], const FragmentA& a, const FragmentB& b) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 890
  asm("mma.sync.aligned.m16n8k32.row.col.f32.e4m3.e4m3.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a.of[0]), "r"(a.of[1]), "r"(a.of[2]), "r"(a.of[3]), "r"(b.of[0]), "r"(b.of[1]));
#elif defined(__CUDA_ARCH__)
  trap();
#else
  mma_by_layout(c, a, b, 4, [](unsigned word, int k) {
    return static_cast<float>(E4m3::from_bits(static_cast<std::uint8_t>(word >> 8 * k)));
  });
#endif
}

/// Four matrices of 8 rows of 16 bytes: `row` of lanes 8 i ... 8 i + 7 are those of matrix i, of
/// which register i gets bytes 4 t ... of row g.
__device__ inline FragmentA load_matrices(const unsigned char* row) {
  FragmentA result{};
#if defined(__CUDA_ARCH__)
  const auto address = static_cast<unsigned>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(result.of[0]), "=r"(result.of[1]), "=r"(result.of[2]), "=r"(result.of[3])
               : "r"(address)
               : "memory");
#elif !defined(__CUDACC__)
  const auto rows = simt::Block::current()->show(row);
  const unsigned g = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
  for (unsigned i = 0; i < 4; ++i) std::memcpy(&result.of[i], rows[8 * i + g] + 4 * t, 4);
#endif
  return result;
}

/// The same of matrices of halves, transposed: register i gets column g of rows 2 t and 2 t + 1.
__device__ inline FragmentA load_transposed(const unsigned char* row) {
  FragmentA result{};
#if defined(__CUDA_ARCH__)
  const auto address = static_cast<unsigned>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(result.of[0]), "=r"(result.of[1]), "=r"(result.of[2]), "=r"(result.of[3])
               : "r"(address)
               : "memory");
#elif !defined(__CUDACC__)
  const auto rows = simt::Block::current()->show(row);
  const unsigned g = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
  for (unsigned i = 0; i < 4; ++i) {
    for (unsigned k = 0; k < 2; ++k) {
      std::uint16_t half;
      std::memcpy(&half, rows[8 * i + 2 * t + k] + 2 * g, 2);
      result.of[i] |= static_cast<unsigned>(half) << 16 * k;
    }
  }
#endif
  return result;
}

/// 16 bytes, both sides aligned, from global to shared memory, there after wait_for_copies and a
/// barrier.
__device__ inline void copy_async(void* to, const void* from) {
#if defined(__CUDA_ARCH__)
  const auto address = static_cast<unsigned>(__cvta_generic_to_shared(to));
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(address), "l"(from) : "memory");
#else
  __builtin_memcpy(to, from, 16);
#endif
}

/// Ends a group of copies.
__device__ inline void commit_copies() {
#if defined(__CUDA_ARCH__)
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

/// Waits for this thread's copies, but for the last `Groups` groups.
template <int Groups>
__device__ inline void wait_for_copies() {
#if defined(__CUDA_ARCH__)
  asm volatile("cp.async.wait_group %0;" ::"n"(Groups) : "memory");
#endif
}

}  // namespace longtail::cuda
