// The kernels of a diffusion call in their order; `Launch` as of poisson_steps.cuh.
#pragma once

#include "cuda/multigrid/diffusion_outer.cuh"
#include "cuda/multigrid/diffusion_setup.cuh"

namespace longtail::cuda {

template <class Launch>
class DiffusionSteps {
 public:
  DiffusionSteps(const DiffusionPlan& plan, const DiffusionViews& views, const Launch& launch)
      : plan_(plan),
        views_(views),
        launch_(launch),
        of_{plan.batch, plan.levels[0].stencil.shape.points(), plan.systems > 1, views.singular,
            views.states},
        sums_{plan.sums, views.sums},
        all_{plan.batch, nullptr},
        active_{plan.batch, views.active},
        doubted_{plan.batch, views.doubted},
        exact_{plan.systems > 1 ? views.exact.system : 0},
        narrow_{plan.systems > 1 ? views.narrow.system : 0} {
    for (const auto& level : plan.levels) tiles_.push_back(all_points(level.stencil.shape.sizes));
    const std::int64_t first = plan.first_shared;
    shared_.count = static_cast<int>(std::ssize(plan.levels) - first);
    for (int i = 0; i < shared_.count; ++i) {
      shared_.levels[i] = views.narrow.levels[first + i];
      shared_.odd_seam[i] = plan.odd_seam(first + i);
      shared_.numbers += shared_.levels[i].stencil.shape.points();
    }
    const std::int64_t few = plan.levels.back().stencil.shape.points();
    shared_.inverse = views.inverse;
    shared_.inverse_step = plan.systems > 1 ? few * few : 0;
  }

  // The levels of all systems.
  void prepare(const double* const faces[3]) const {
    const Faces given = {{faces[0], faces[1], faces[2]}};
    launch_(find_singular<>, dim3{1, rows(plan_.systems), 1}, kPointThreads, 0, plan_.shape,
            plan_.systems, given, views_.singular);
    launch_(stencil_of_faces<>, point_grid(tiles_[0], plan_.systems), kPointThreads, 0, both(0),
            tiles_[0], given);
    const std::size_t last = plan_.levels.size() - 1;
    for (std::size_t i = 0; i < last; ++i) {
      const PointTiles& tiles = tiles_[i + 1];
      const int axes = plan_.shape.flat ? 2 : 3;
      for (int count = 1; count <= axes; ++count) {
        launch_(make_shares<>, point_grid(tiles, 27 * plan_.systems), kPointThreads, 0, both(i),
                tiles, count);
      }
      launch_(make_coarser<>, point_grid(tiles, 14 * plan_.systems), kPointThreads, 0, both(i),
              both(i + 1), tiles);
    }
    launch_(invert_coarsest<>, dim3{1, rows(plan_.systems), 1}, kInverseThreads, 0, both(last),
            views_.singular, views_.inverse);
  }

  // f, u and, unless null, initial as of multigrid::diffusion_solve, on the device.
  void solve(const double* f, const double* initial, double* x,
             const DiffusionReport& report) const {
    each(sum_values<>, of_, tiles_[0], f, sums_);
    conclude_with<Step::mean>(all_);
    each(read_diffusion<>, of_, tiles_[0], f, views_.residual, sums_);
    conclude_with<Step::whole>(all_);
    if (initial != nullptr) {
      each(sum_values<>, of_, tiles_[0], initial, sums_);
      conclude_with<Step::shift>(all_);
    }
    each(without_mean<>, of_, tiles_[0], initial, x);
    if (initial != nullptr) {
      residual(all_, f, x);
      conclude_with<Step::first_residual>(all_);
    }
    for (int i = 0; i < plan_.options.most_iterations; ++i) {
      const bool asks =
          plan_.options.tolerance > 0 && i > 0 && i % plan_.options.iterations_a_look == 0;
      if (asks && !is_any_active()) break;
      iterate(f, x);
    }
    each(sum_values<>, of_, tiles_[0], x, sums_);
    conclude_with<Step::shift>(all_);
    each(without_mean<>, of_, tiles_[0], x, x);
    residual(all_, f, x);
    conclude_with<Step::last>(all_, report);
  }

  // views.u[0] from views.f[0], of problems that are active.
  void cycle() const {
    const std::int64_t last = plan_.first_shared;
    for (std::int64_t i = 0; i < last; ++i) {
      on_level(begin_sweep<>, i, tiles_[i], views_.f[i], views_.u[i]);
      const int count = colours(i);
      for (int c = 1; count > 2 && c < count; ++c) relax(i, c);
      on_level(stencil_rest<>, i, tiles_[i], views_.u[i], views_.f[i], views_.rest);
      on_level(share_residual<>, i, tiles_[i + 1], views_.rest, views_.f[i + 1]);
    }
    launch_(shared_stencils<>, dim3{1, rows(plan_.batch), 1}, kStencilThreads,
            plan_.shared_numbers() * sizeof(float), shared_, active_, narrow_, views_.f[last],
            views_.u[last]);
    for (std::int64_t i = last; i-- > 0;) {
      on_level(add_shared<>, i, tiles_[i], views_.u[i + 1], views_.u[i]);
      for (int c = colours(i); c-- > 0;) relax(i, c);
    }
  }

 private:
  void iterate(const double* f, double* x) const {
    double *const r = views_.residual, *const p = views_.direction, *const q = views_.product;
    const PointTiles& tiles = tiles_[0];
    each(narrow_residual<>, of_, tiles, active_, r, views_.f[0]);
    cycle();
    each(product_with_found<>, of_, tiles, active_, r, views_.u[0], sums_);
    conclude_with<Step::product>(active_);
    each(new_direction<>, of_, tiles, active_, views_.u[0], p);
    each(apply_to_direction<>, of_, finest(), exact_, tiles, active_, p, q, sums_);
    conclude_with<Step::curvature>(active_);
    each(step_along<>, of_, tiles, active_, p, q, x, r, sums_);
    conclude_with<Step::residual>(active_);
    residual(doubted_, f, x);
    conclude_with<Step::doubt>(doubted_);
  }
  void residual(const Batch& batch, const double* f, const double* x) const {
    each(true_residual<>, of_, finest(), exact_, tiles_[0], batch, f, x, views_.residual, sums_);
  }
  bool is_any_active() const {
    int* const any = views_.active + plan_.batch;
    launch_(find_active<>, dim3{1, 1, 1}, kPointThreads, 0, plan_.batch, views_.active, any);
    return launch_.read(any) != 0;
  }

  int colours(std::int64_t level) const { return colours_of(plan_.levels[level].stencil.reach); }

  void relax(std::int64_t level, int colour) const {
    const GridShape& shape = plan_.levels[level].stencil.shape;
    const std::int64_t sizes[3] = {(shape.sizes[0] + 1 - colour / 4) / 2,
                                   (shape.sizes[1] + 1 - colour / 2 % 2) / 2,
                                   (shape.sizes[2] + 1 - colour % 2) / 2};
    const bool cross = colours(level) == 2;
    if (!cross && sizes[0] * sizes[1] * sizes[2] == 0) return;
    const PointTiles tiles = cross ? every_other_point(shape.sizes) : all_points(sizes);
    const bool seam = plan_.odd_seam(level);
    float* const u = views_.u[level];
    if (seam) each(copy_points<float>, shape.points(), tiles_[level], active_, u, views_.rest);
    on_level(relax_stencil<>, level, tiles, colour, seam ? views_.rest : u, views_.f[level], u);
  }

  BothLevels both(std::size_t level) const {
    return {views_.exact.levels[level], views_.narrow.levels[level], views_.exact.system,
            views_.narrow.system, plan_.systems};
  }
  const multigrid::StencilView<double>& finest() const { return views_.exact.levels[0].stencil; }
  static unsigned rows(std::int64_t problems) {
    return static_cast<unsigned>(std::min<std::int64_t>(problems, 65535));
  }

  template <Step What>
  void conclude_with(const Batch& batch, const DiffusionReport& report = {}) const {
    launch_(conclude<What>, dim3{1, rows(plan_.batch), 1}, kPointThreads, 0, of_, batch, sums_,
            Limits{plan_.options.tolerance, plan_.options.most_iterations}, views_.active,
            views_.doubted, report);
  }
  template <class... P, class... A>
  void each(void (*kernel)(P...), const A&... arguments) const {
    launch_(kernel, point_grid(tiles_[0], plan_.batch), kPointThreads, 0, arguments...);
  }
  template <class... P, class... A>
  void on_level(void (*kernel)(P...), std::int64_t level, const PointTiles& tiles,
                const A&... arguments) const {
    launch_(kernel, point_grid(tiles, plan_.batch), kPointThreads, 0, views_.narrow.levels[level],
            tiles, active_, narrow_, arguments...);
  }

  const DiffusionPlan& plan_;
  const DiffusionViews& views_;
  const Launch& launch_;
  Diffusion of_;
  Sums sums_;
  Batch all_, active_, doubted_;
  Systems exact_, narrow_;
  std::vector<PointTiles> tiles_;
  SharedStencils shared_{};
};

}  // namespace longtail::cuda
