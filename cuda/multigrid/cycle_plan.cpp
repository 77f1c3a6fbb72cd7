#include "cuda/multigrid/cycle_plan.h"

#include <iterator>

namespace longtail::cuda {

template <class S>
CyclePlan<S>::CyclePlan(const multigrid::StencilPlan& of, std::int64_t from, std::int64_t problems,
                        const CycleOptions& with)
    : plan(of), first(from), batch(problems), options(with) {
  const std::int64_t levels = std::ssize(plan.levels);
  first_shared = options.deep ? levels - 1 : first;
  while (first_shared > first && levels - first_shared < kMostSharedStencils) {
    --first_shared;
    if (shared_numbers() * std::int64_t{sizeof(S)} <= options.shared_bytes) continue;
    ++first_shared;
    break;
  }
}

template <class S>
std::int64_t CyclePlan<S>::shared_numbers() const {
  std::int64_t all = 0;
  for (std::int64_t i = first_shared; i < std::ssize(plan.levels); ++i) all += shape(i).points();
  // The largest level also has its residual, and its direction.
  return 2 * all + (remembers() ? 2 : 1) * shape(first_shared).points();
}

template <class S>
void CycleViews<S>::place(const CyclePlan<S>& plan, Layout& layout) {
  f.clear();
  u.clear();
  for (std::int64_t i = plan.first + 1; i <= plan.first_shared; ++i) {
    const std::int64_t numbers = plan.batch * plan.shape(i).points();
    f.push_back(layout.place<S>(numbers));
    u.push_back(layout.place<S>(numbers));
  }
  const bool large = !plan.options.deep || plan.first_shared > plan.first;
  const std::int64_t numbers = large ? plan.batch * plan.shape(plan.first).points() : 0;
  rest = layout.place<S>(numbers);
  direction = plan.remembers() ? layout.place<S>(numbers) : nullptr;
}

template struct CyclePlan<float>;
template struct CyclePlan<double>;
template struct CycleViews<float>;
template struct CycleViews<double>;

}  // namespace longtail::cuda
