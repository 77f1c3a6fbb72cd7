// Include this in a test_*.level.cpp whose routines pick a level by themselves: it is this one.
#pragma once

#include <cstdlib>

#include "core/cpu_level.h"
#include "test.h"

#define LONGTAIL_TEXT_OF(name) #name
#define LONGTAIL_TEXT(name) LONGTAIL_TEXT_OF(name)

namespace test {

inline constexpr const char* kThisLevel = LONGTAIL_TEXT(LONGTAIL_LEVEL);
/// Before main(), and so before the first call of cpu_level().
inline const bool kLevelForced = setenv("LONGTAIL_CPU_LEVEL", kThisLevel, 1) == 0;

}  // namespace test

TEST(runs_on_this_level) {
  CHECK(test::kLevelForced);
  CHECK_EQUAL(to_string(longtail::cpu_level()), test::kThisLevel);
}
