#include "multigrid/learned_cycle_memory.h"

#include <algorithm>

namespace longtail::multigrid {
namespace {

constexpr int kNone = -1;

/// Places of scratch fields: each memory is used again when nobody reads it any more, by the very
/// step that reads it last if that reads each element before it writes it.
class Memory {
 public:
  Memory(const CycleShape& shape, CyclePlan& plan) : shape_(shape), plan_(plan) {
    last_.assign(plan.fields.size(), kNone);
    for (int s = 0; s < static_cast<int>(plan.steps.size()); ++s) {
      const CycleStep& step = plan.steps[s];
      for (const int field : {step.from, step.add, step.to}) {
        if (field != kNone) last_[field] = s;
      }
    }
    plan.scratch = 0;
    for (int s = 0; s < static_cast<int>(plan.steps.size()); ++s) place(s);
  }

 private:
  struct Hole {
    std::int64_t offset, size;
  };

  bool scratch(int field) const {
    return field != kNone && plan_.fields[field].place == Place::scratch;
  }
  /// Rounded up, so that fields start at whole vectors.
  std::int64_t size(int field) const {
    return (floats_of(shape_, plan_.fields[field]) + 15) / 16 * 16;
  }
  void place(int s) {
    const CycleStep& step = plan_.steps[s];
    bool taken_over = false;
    if (scratch(step.to)) {
      taken_over = scratch(step.add) && last_[step.add] == s && step.add != step.from &&
                   size(step.add) == size(step.to);
      plan_.fields[step.to].offset =
          taken_over ? plan_.fields[step.add].offset : first_fit(size(step.to));
    }
    if (scratch(step.from) && last_[step.from] == s) give_back(step.from);
    if (scratch(step.add) && last_[step.add] == s && step.add != step.from && !taken_over) {
      give_back(step.add);
    }
  }
  std::int64_t first_fit(std::int64_t size) {
    for (auto hole = holes_.begin(); hole != holes_.end(); ++hole) {
      if (hole->size < size) continue;
      const std::int64_t at = hole->offset;
      *hole = {at + size, hole->size - size};
      if (hole->size == 0) holes_.erase(hole);
      return at;
    }
    const std::int64_t at = plan_.scratch;
    plan_.scratch += size;
    return at;
  }
  void give_back(int field) {
    const Hole hole{plan_.fields[field].offset, size(field)};
    auto behind = std::find_if(holes_.begin(), holes_.end(),
                               [&](const Hole& each) { return each.offset > hole.offset; });
    behind = holes_.insert(behind, hole);
    if (behind + 1 != holes_.end() && hole.offset + hole.size == (behind + 1)->offset) {
      behind->size += (behind + 1)->size;
      holes_.erase(behind + 1);
    }
    if (behind != holes_.begin() && (behind - 1)->offset + (behind - 1)->size == behind->offset) {
      (behind - 1)->size += behind->size;
      holes_.erase(behind);
    }
  }

  const CycleShape& shape_;
  CyclePlan& plan_;
  std::vector<int> last_;  // step that uses a field last
  std::vector<Hole> holes_;
};

}  // namespace

void place_scratch(const CycleShape& shape, CyclePlan& plan) { Memory(shape, plan); }

}  // namespace longtail::multigrid
