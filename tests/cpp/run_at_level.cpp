// run_at_level LEVEL PROGRAM: becomes PROGRAM, or exits with 77 (skipped) on a CPU without LEVEL.
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <string_view>

#include "core/cpu_level.h"

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::string_view wanted = argv[1];
  const auto available = longtail::available_cpu_levels();
  const bool runs = std::ranges::any_of(
      available, [&](longtail::CpuLevel level) { return to_string(level) == wanted; });
  if (!runs) {
    std::cout << "skipped: this CPU has no " << wanted << "\n";
    return 77;
  }
  execl(argv[2], argv[2], static_cast<char*>(nullptr));
  std::cerr << "cannot run " << argv[2] << "\n";
  return 2;
}
