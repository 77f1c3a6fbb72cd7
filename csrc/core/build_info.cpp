#include "core/build_info.h"

#include "core/cpu_level.h"

// The build passes these four to this file alone (CMakeLists.txt).
#if !defined(LONGTAIL_VERSION) || !defined(LONGTAIL_BUILD_TYPE) || !defined(LONGTAIL_FLAGS) || \
    !defined(LONGTAIL_CUDA_INFO)
#error "compile build_info.cpp through CMake"
#endif

#if defined(__clang__)
#define LONGTAIL_COMPILER "Clang " __clang_version__
#else
#define LONGTAIL_COMPILER "GCC " __VERSION__
#endif

namespace longtail {

BuildInfo build_info() {
  BuildInfo info{LONGTAIL_VERSION,  LONGTAIL_COMPILER, LONGTAIL_BUILD_TYPE, LONGTAIL_FLAGS, {},
                 LONGTAIL_CUDA_INFO};
  for (CpuLevel level : built_cpu_levels()) info.cpu_levels.emplace_back(to_string(level));
  return info;
}

}  // namespace longtail
