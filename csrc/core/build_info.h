// How this binary was built, for `longtail doctor` and bug reports.
#pragma once

#include <string>
#include <vector>

namespace longtail {

struct BuildInfo {
  std::string version;
  std::string compiler;
  std::string build_type;
  std::string flags;
  std::vector<std::string> cpu_levels;
  std::string cuda;  // architectures, or why there are none
};

BuildInfo build_info();

}  // namespace longtail
