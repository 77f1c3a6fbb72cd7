// longtail._native: NumPy ufuncs, and what the binary knows about itself.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <string>
#include <vector>

#include "core/build_info.h"
#include "core/cpu_level.h"
#include "numpy/ufuncs.h"

namespace nb = nanobind;

namespace {

std::vector<std::string> names_of(const std::vector<longtail::CpuLevel>& levels) {
  std::vector<std::string> names;
  for (longtail::CpuLevel level : levels) names.emplace_back(longtail::to_string(level));
  return names;
}

nb::dict build_info() {
  const longtail::BuildInfo info = longtail::build_info();
  nb::dict result;
  result["version"] = info.version;
  result["compiler"] = info.compiler;
  result["build_type"] = info.build_type;
  result["flags"] = info.flags;
  result["cpu_levels"] = info.cpu_levels;
  result["cuda"] = info.cuda;
  return result;
}

}  // namespace

NB_MODULE(_native, module) {
  module.doc() = "longtail's native NumPy layer; use longtail.special and `longtail doctor`.";
  module.def(
      "cpu_level", [] { return std::string(longtail::to_string(longtail::cpu_level())); },
      "The CPU level in use. Raises ValueError if LONGTAIL_CPU_LEVEL names none that runs here.");
  module.def(
      "available_cpu_levels", [] { return names_of(longtail::available_cpu_levels()); },
      "The CPU levels of this binary that this machine can run, worst to best.");
  module.def("build_info", &build_info, "How this binary was built.");
  if (!longtail::numpy_layer::add_ufuncs(module.ptr())) throw nb::python_error();
}
