#include "core/cpu_level.h"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>
#include <string>

#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace longtail {
namespace {

#if defined(__x86_64__)
// These ask cpuid and, for the wide registers, whether the operating system saves them.
#if defined(__clang__) && __clang_major__ < 18  // which does not know the levels' names
bool has_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}
bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
}
#else
bool has_avx2() { return __builtin_cpu_supports("x86-64-v3"); }
bool has_avx512() { return __builtin_cpu_supports("x86-64-v4"); }
#endif
#endif

bool runs_here(CpuLevel level) {
  switch (level) {
    case CpuLevel::scalar:
      return true;
#if defined(__x86_64__)
    case CpuLevel::avx2:
      return has_avx2();
    case CpuLevel::avx512:
      return has_avx512();
    case CpuLevel::avx512vnni:
      return has_avx512() && __builtin_cpu_supports("avx512vnni");
#elif defined(__aarch64__)
    case CpuLevel::neon:
      return true;
    case CpuLevel::neondot:
      return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
#endif
    default:
      return false;
  }
}

std::string join(const std::vector<CpuLevel>& levels) {
  std::string names;
  for (CpuLevel level : levels) {
    names += (names.empty() ? "" : ", ") + std::string(to_string(level));
  }
  return names;
}

}  // namespace

std::string_view to_string(CpuLevel level) {
  switch (level) {
    case CpuLevel::scalar:
      return "scalar";
    case CpuLevel::avx2:
      return "avx2";
    case CpuLevel::avx512:
      return "avx512";
    case CpuLevel::avx512vnni:
      return "avx512vnni";
    case CpuLevel::neon:
      return "neon";
    case CpuLevel::neondot:
      return "neondot";
  }
  return "unknown";
}

std::vector<CpuLevel> built_cpu_levels() {
#if defined(__x86_64__)
  return {CpuLevel::scalar, CpuLevel::avx2, CpuLevel::avx512, CpuLevel::avx512vnni};
#elif defined(__aarch64__)
  return {CpuLevel::scalar, CpuLevel::neon, CpuLevel::neondot};
#else
  return {CpuLevel::scalar};
#endif
}

std::vector<CpuLevel> available_cpu_levels() {
  std::vector<CpuLevel> levels = built_cpu_levels();
  std::erase_if(levels, [](CpuLevel level) { return !runs_here(level); });
  return levels;
}

CpuLevel choose_cpu_level(std::optional<std::string_view> forced) {
  const std::vector<CpuLevel> available = available_cpu_levels();
  if (!forced) return available.back();
  const auto same_name = [&](CpuLevel level) { return to_string(level) == *forced; };
  const auto chosen = std::ranges::find_if(available, same_name);
  if (chosen != available.end()) return *chosen;
  const std::vector<CpuLevel> built = built_cpu_levels();
  const bool known = std::ranges::any_of(built, same_name);
  throw std::invalid_argument(
      "longtail: environment variable LONGTAIL_CPU_LEVEL is '" + std::string(*forced) + "'" +
      (known ? ", which this CPU cannot run" : "") + ", expected one of: " + join(available));
}

CpuLevel cpu_level() {
  // A throwing initialiser leaves the variable unset, so the next call tries again.
  static const CpuLevel level = [] {
    const char* forced = std::getenv("LONGTAIL_CPU_LEVEL");
    return forced != nullptr && *forced != '\0' ? choose_cpu_level(forced)
                                                : choose_cpu_level(std::nullopt);
  }();
  return level;
}

}  // namespace longtail
