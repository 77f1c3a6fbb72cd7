#pragma once
// Where the fields of a cycle lie in its scratch memory.

#include "multigrid/learned_cycle.h"

namespace longtail::multigrid {

inline std::int64_t floats_of(const CycleShape& shape, const CycleField& field) {
  return shape.points(field.level) * field.channels;
}

/// Sets the offsets of all scratch fields that steps use, and plan.scratch.
void place_scratch(const CycleShape& shape, CyclePlan& plan);

}  // namespace longtail::multigrid
