#include "core/cpu_level.h"

#include <algorithm>
#include <thread>

#include "test.h"

namespace {

using longtail::CpuLevel;

TEST(scalar_is_always_there) {
  CHECK(longtail::built_cpu_levels().front() == CpuLevel::scalar);
  CHECK(longtail::available_cpu_levels().front() == CpuLevel::scalar);
}

TEST(best_is_chosen) {
  CHECK(longtail::choose_cpu_level(std::nullopt) == longtail::available_cpu_levels().back());
}

TEST(every_available_level_can_be_forced) {
  for (CpuLevel level : longtail::available_cpu_levels()) {
    CHECK(longtail::choose_cpu_level(to_string(level)) == level);
  }
}

TEST(levels_this_cpu_lacks_are_refused) {
  const auto available = longtail::available_cpu_levels();
  for (CpuLevel level : longtail::built_cpu_levels()) {
    if (std::ranges::find(available, level) == available.end()) {
      CHECK_THROWS(longtail::choose_cpu_level(to_string(level)), "LONGTAIL_CPU_LEVEL",
                   "this CPU cannot run", "scalar");
    }
  }
}

TEST(unknown_levels_are_refused) {
  for (const char* name : {"sse9", "AVX2", "avx2 ", "0"}) {
    CHECK_THROWS(longtail::choose_cpu_level(name), "LONGTAIL_CPU_LEVEL", name, "one of: scalar");
  }
}

TEST(decided_once_for_all_threads) {
  const CpuLevel level = longtail::cpu_level();
  std::vector<CpuLevel> seen(4);
  std::vector<std::thread> threads;
  for (CpuLevel& slot : seen) threads.emplace_back([&slot] { slot = longtail::cpu_level(); });
  for (std::thread& thread : threads) thread.join();
  for (CpuLevel other : seen) CHECK(other == level);
}

TEST(per_level_table) {
#if defined(__x86_64__)
  const longtail::PerLevel<int> table{0, 1, 2};
  CHECK_EQUAL(table[CpuLevel::avx2], 1);
  CHECK_EQUAL(table[CpuLevel::avx512], 2);
#elif defined(__aarch64__)
  const longtail::PerLevel<int> table{0, 1};
  CHECK_EQUAL(table[CpuLevel::neon], 1);
#endif
  CHECK_EQUAL(table[CpuLevel::scalar], 0);
}

TEST(dot_levels_fall_back_to_the_level_below) {
#if defined(__x86_64__)
  const longtail::PerDotLevel<int> table{{0, 1, 2}, 3};
  CHECK_EQUAL(table.base[CpuLevel::avx512vnni], 2);
  CHECK_EQUAL(table[CpuLevel::avx512], 2);
  CHECK_EQUAL(table[CpuLevel::avx512vnni], 3);
#elif defined(__aarch64__)
  const longtail::PerDotLevel<int> table{{0, 1}, 3};
  CHECK_EQUAL(table.base[CpuLevel::neondot], 1);
  CHECK_EQUAL(table[CpuLevel::neon], 1);
  CHECK_EQUAL(table[CpuLevel::neondot], 3);
#endif
  CHECK_EQUAL(table[CpuLevel::scalar], 0);
}

}  // namespace
