#pragma once
// Macros that let one header serve g++ at every CPU level and nvcc.
//
// LONGTAIL_HOST_DEVICE marks a function that runs on CPU and GPU; LONGTAIL_INLINE is the same for
// small helpers that must vanish into their caller.
//
// LONGTAIL_LEVEL names the CPU level a translation unit is compiled for. Every header with
// level-dependent code opens `namespace longtail { inline namespace LONGTAIL_LEVEL {`, so that no
// function compiled with AVX-512 flags can be linked in place of its baseline twin. The build sets
// the macro together with the flags; a plain `g++ -march=...` gets the level its flags allow.

#if defined(__CUDACC__)
#define LONGTAIL_HOST_DEVICE __host__ __device__
#else
#define LONGTAIL_HOST_DEVICE
#endif

#define LONGTAIL_INLINE LONGTAIL_HOST_DEVICE inline __attribute__((always_inline))

// A rare branch that recurses into its caller. nvcc would inline it several levels deep, and ptxas
// needs minutes for such a kernel; g++ keeps its measure.
#if defined(__CUDACC__)
#define LONGTAIL_OUT_OF_LINE LONGTAIL_HOST_DEVICE __noinline__
#else
#define LONGTAIL_OUT_OF_LINE
#endif

// Before a loop over a long table: keeps the code small where the body is large.
#if defined(__CUDACC__)
#define LONGTAIL_KEEP_LOOP _Pragma("unroll 1")
#else
#define LONGTAIL_KEEP_LOOP _Pragma("GCC unroll 1")
#endif

// Before a loop over the elements of a CUDA thread's small array, which must stay in registers.
#if defined(__CUDACC__)
#define LONGTAIL_UNROLL _Pragma("unroll")
#else
#define LONGTAIL_UNROLL
#endif

#if !defined(LONGTAIL_LEVEL)
#if defined(__CUDACC__)
#define LONGTAIL_LEVEL scalar
#elif defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#define LONGTAIL_LEVEL avx512
#elif defined(__AVX2__) && defined(__FMA__)
#define LONGTAIL_LEVEL avx2
#elif defined(__aarch64__)
#define LONGTAIL_LEVEL neon
#else
#define LONGTAIL_LEVEL scalar
#endif
#endif

// Whether this is the scalar level, whatever vectors the flags would allow.
#define LONGTAIL_LEVEL_IS_scalar 1
#define LONGTAIL_JOIN_EXPANDED(a, b) a##b
#define LONGTAIL_JOIN(a, b) LONGTAIL_JOIN_EXPANDED(a, b)
#define LONGTAIL_SCALAR_LEVEL LONGTAIL_JOIN(LONGTAIL_LEVEL_IS_, LONGTAIL_LEVEL)
