// The kernels of a diffusion call in their order; `Launch` as of poisson_steps.cuh.
#pragma once

#include <type_traits>

#include "cuda/multigrid/diffusion_outer.cuh"
#include "cuda/multigrid/hierarchy_steps.cuh"

namespace longtail::cuda {

template <class Launch, class C>
class DiffusionSteps {
 public:
  // `given`: null, or the levels of all systems.
  DiffusionSteps(const DiffusionPlan<C>& plan, const DiffusionViews<C>& views, const C* given,
                 const Launch& launch)
      : plan_(plan),
        views_(views),
        launch_(launch),
        of_{plan.batch, plan.points(), plan.systems > 1, views.singular, views.states},
        sums_{plan.sums, views.sums},
        totals_{plan.sums, views.totals},
        all_{plan.batch, nullptr},
        active_{plan.batch, views.active},
        doubted_{plan.batch, views.doubted},
        exact_(systems_of(views.wide)),
        tiles_(all_points(plan.shape.sizes)),
        finest_(views.wide.level(0).stencil),
        narrow_{views.narrow.plan, given ? given : views.narrow.memory, plan.systems,
                plan.narrow.numbers},
        cycle_(plan.cycle, views.cycle, narrow_, active_, launch) {}

  // The levels of all systems, or of given ones only the operator in float64.
  void prepare(const FacesView<double>& faces) const {
    HierarchyTask task{plan_.shape, views_.wide, {}, views_.singular, {0, nullptr}};
    if constexpr (std::is_same_v<C, float>) task.narrow = views_.narrow;
    const HierarchySteps<Launch> steps(task, launch_);
    steps.finest(faces);
    if (!plan_.given) steps.coarser();
  }

  // f, u and, unless null, initial as of multigrid::diffusion_solve, on the device.
  void solve(const double* f, const double* initial, double* x,
             const DiffusionReport& report) const {
    each(largest_of<double>, tiles_, plan_.batch, of_.points, f, sums_);
    conclude_with<Step::size>(all_);
    each(sum_values<true>, of_, tiles_, f, sums_);
    conclude_with<Step::mean>(all_);
    each(read_diffusion<>, of_, tiles_, f, views_.residual, sums_);
    conclude_with<Step::whole>(all_);
    if (initial != nullptr) {
      each(sum_values<true>, of_, tiles_, initial, sums_);
      conclude_with<Step::shift>(all_);
    }
    each(without_mean<true>, of_, tiles_, initial, x);
    if (initial != nullptr) {
      residual(all_, f, x);
      conclude_with<Step::first_residual>(all_);
      each(leave_far_starts<>, of_, tiles_, f, x, views_.residual);
    }
    for (int i = 0; i < plan_.options.most_iterations; ++i) {
      const bool asks =
          plan_.options.tolerance > 0 && i > 0 && i % plan_.options.iterations_a_look == 0;
      if (asks && !is_any_active()) break;
      iterate(f, x);
    }
    each(sum_values<false>, of_, tiles_, x, sums_);
    conclude_with<Step::shift>(all_);
    each(without_mean<false>, of_, tiles_, x, x);
    residual(all_, f, x);
    conclude_with<Step::last>(all_, report);
    each(give_size_back<>, of_, tiles_, x);
  }

 private:
  void iterate(const double* f, double* x) const {
    double *const r = views_.residual, *const p = views_.direction, *const q = views_.product;
    each(narrow_residual<C>, of_, tiles_, active_, r, views_.cycle_f);
    cycle_.cycle(views_.cycle_f, views_.cycle_u, true);
    each(product_with_found<C>, of_, tiles_, active_, r, views_.cycle_u, sums_);
    conclude_with<Step::product>(active_);
    each(new_direction<C>, of_, tiles_, active_, views_.cycle_u, p);
    each(apply_to_direction<>, of_, finest_, exact_, tiles_, active_, p, q, sums_, totals_);
    conclude_with<Step::curvature>(active_);
    each(step_along<>, of_, tiles_, active_, p, q, x, r, sums_);
    conclude_with<Step::residual>(active_);
    residual(doubted_, f, x);
    conclude_with<Step::doubt>(doubted_);
  }
  void residual(const Batch& batch, const double* f, const double* x) const {
    each(true_residual<>, of_, finest_, exact_, tiles_, batch, f, x, views_.residual, sums_,
         totals_);
  }
  bool is_any_active() const {
    int* const any = views_.active + plan_.batch;
    launch_(find_active<>, dim3{1, 1, 1}, kPointThreads, 0, plan_.batch, views_.active, any);
    return launch_.read(any) != 0;
  }

  template <Step What>
  void conclude_with(const Batch& batch, const DiffusionReport& report = {}) const {
    launch_(conclude<What>, dim3{1, block_rows(plan_.batch), 1}, kPointThreads, 0, of_, batch,
            sums_, totals_, Limits{plan_.options.tolerance, plan_.options.most_iterations},
            views_.active, views_.doubted, report);
  }
  template <class... P, class... A>
  void each(void (*kernel)(P...), const A&... arguments) const {
    launch_(kernel, point_grid(tiles_, plan_.batch), kPointThreads, 0, arguments...);
  }
  const DiffusionPlan<C>& plan_;
  const DiffusionViews<C>& views_;
  const Launch& launch_;
  Diffusion of_;
  Sums sums_, totals_;
  Batch all_, active_, doubted_;
  Systems exact_;
  PointTiles tiles_;
  multigrid::StencilView<double> finest_;
  Hierarchies<C> narrow_;
  StencilCycle<C, Launch> cycle_;
};

}  // namespace longtail::cuda
