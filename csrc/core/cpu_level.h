// CPU levels: one binary holds the same kernels compiled for several instruction sets.
//
// A level's kernels are compiled from `*.level.cpp` files, once per level, with that level's
// flags and inside an inline namespace of its name (the macro LONGTAIL_LEVEL). Nothing in them
// runs before cpu_level() has said that the machine can.
//
//   level       instruction set                       built on
//   scalar      the baseline: x86-64-v2, armv8-a      all
//   avx2        x86-64-v3 (AVX2, FMA, BMI)            x86-64
//   avx512      x86-64-v4 (AVX-512 F, BW, CD, DQ, VL) x86-64
//   avx512vnni  avx512 and dot products of bytes      x86-64
//   neon        armv8-a                               aarch64
//   neondot     neon and dot products of bytes        aarch64
//
// Dot products of bytes matter to integer kernels only. Those are compiled from `*.dot.level.cpp`,
// for all levels, into a PerDotLevel; everything else is compiled without avx512vnni and neondot,
// where the level below serves.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace longtail {

enum class CpuLevel { scalar, avx2, avx512, avx512vnni, neon, neondot };

std::string_view to_string(CpuLevel level);

// The levels in this binary, worst to best, and those of them that this machine can run.
std::vector<CpuLevel> built_cpu_levels();
std::vector<CpuLevel> available_cpu_levels();

// The best available level or, if `forced` names one, that level. Throws std::invalid_argument
// for a name that is unknown or not available here.
CpuLevel choose_cpu_level(std::optional<std::string_view> forced);

// choose_cpu_level of the environment variable LONGTAIL_CPU_LEVEL; decided once, at the first
// call that does not throw. Safe to call from several threads.
CpuLevel cpu_level();

// LONGTAIL_DECLARE_PER_LEVEL(type, name) declares `extern const type name` in the namespace of
// every level built here, inside the namespace where it stands; LONGTAIL_ADDRESS_PER_LEVEL(name)
// initialises a PerLevel with their addresses. The same with DOT_LEVEL for a PerDotLevel.
#if defined(__x86_64__)
#define LONGTAIL_DECLARE_PER_LEVEL(type, name) \
  namespace scalar {                           \
  extern const type name;                      \
  }                                            \
  namespace avx2 {                             \
  extern const type name;                      \
  }                                            \
  namespace avx512 {                           \
  extern const type name;                      \
  }
#define LONGTAIL_ADDRESS_PER_LEVEL(name) {&scalar::name, &avx2::name, &avx512::name}
#define LONGTAIL_DECLARE_PER_DOT_LEVEL(type, name) \
  LONGTAIL_DECLARE_PER_LEVEL(type, name)           \
  namespace avx512vnni {                           \
  extern const type name;                          \
  }
#define LONGTAIL_ADDRESS_PER_DOT_LEVEL(name) {LONGTAIL_ADDRESS_PER_LEVEL(name), &avx512vnni::name}
#else
#define LONGTAIL_DECLARE_PER_LEVEL(type, name) \
  namespace scalar {                           \
  extern const type name;                      \
  }                                            \
  namespace neon {                             \
  extern const type name;                      \
  }
#define LONGTAIL_ADDRESS_PER_LEVEL(name) {&scalar::name, &neon::name}
#define LONGTAIL_DECLARE_PER_DOT_LEVEL(type, name) \
  LONGTAIL_DECLARE_PER_LEVEL(type, name)           \
  namespace neondot {                              \
  extern const type name;                          \
  }
#define LONGTAIL_ADDRESS_PER_DOT_LEVEL(name) {LONGTAIL_ADDRESS_PER_LEVEL(name), &neondot::name}
#endif

// One value per level built here, usually a kernel or a table of kernels.
template <class T>
struct PerLevel {
  T scalar;
#if defined(__x86_64__)
  T avx2;
  T avx512;
#elif defined(__aarch64__)
  T neon;
#endif

  const T& operator[](CpuLevel level) const {
#if defined(__x86_64__)
    if (level == CpuLevel::avx512 || level == CpuLevel::avx512vnni) return avx512;
    if (level == CpuLevel::avx2) return avx2;
#elif defined(__aarch64__)
    if (level == CpuLevel::neon || level == CpuLevel::neondot) return neon;
#endif
    return scalar;
  }
};

// The same with the levels that add dot products of bytes.
template <class T>
struct PerDotLevel {
  PerLevel<T> base;
  T dot;

  const T& operator[](CpuLevel level) const {
    const bool has_dot = level == CpuLevel::avx512vnni || level == CpuLevel::neondot;
    return has_dot ? dot : base[level];
  }
};

}  // namespace longtail
