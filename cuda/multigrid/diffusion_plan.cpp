#include "cuda/multigrid/diffusion_plan.h"

#include <type_traits>

#include "cuda/multigrid/point_tiles.h"

namespace longtail::cuda {

template <class C>
DiffusionPlan<C>::DiffusionPlan(const multigrid::DiffusionShape& of, std::int64_t of_systems,
                                std::int64_t of_batch, const DiffusionOptions& with, bool is_given)
    : shape(of),
      systems(of_systems),
      batch(of_batch),
      options(with),
      given(is_given),
      wide(multigrid::plan_levels<double>(of)),
      narrow(multigrid::plan_levels<C>(of)),
      cycle(narrow, 0, of_batch, {{}, true, with.shared_bytes}),
      sums(all_points(of.sizes).blocks) {}

template <class C>
std::int64_t DiffusionViews<C>::place(const DiffusionPlan<C>& plan, std::byte* base) {
  Layout layout(base);
  wide = {&plan.wide, layout.place<double>(plan.systems * plan.wide_numbers()), plan.systems,
          plan.wide_numbers()};
  narrow = {&plan.narrow, nullptr, plan.systems, plan.narrow.numbers};
  if (!plan.given) {
    if constexpr (std::is_same_v<C, double>) {
      narrow.memory = wide.memory;
    } else {
      narrow.memory = layout.place<C>(plan.systems * plan.narrow.numbers);
    }
  }
  singular = layout.place<int>(plan.systems);
  const std::int64_t all = plan.batch * plan.points();
  cycle_f = layout.place<C>(all);
  cycle_u = layout.place<C>(all);
  cycle.place(plan.cycle, layout);
  residual = layout.place<double>(all);
  direction = layout.place<double>(all);
  product = layout.place<double>(all);
  sums = layout.place<double>(plan.batch * plan.sums);
  totals = layout.place<double>(plan.batch * plan.sums);
  states = layout.place<DiffusionState>(plan.batch);
  active = layout.place<int>(plan.batch + 1);
  doubted = layout.place<int>(plan.batch);
  return layout.size();
}

template struct DiffusionPlan<float>;
template struct DiffusionPlan<double>;
template struct DiffusionViews<float>;
template struct DiffusionViews<double>;

}  // namespace longtail::cuda
