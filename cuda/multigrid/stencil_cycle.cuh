// The kernels of smoothers and V-cycles in their order; `Launch` as of poisson_steps.cuh.
#pragma once

#include <algorithm>

#include "cuda/multigrid/stencil_shared.cuh"

namespace longtail::cuda {

inline unsigned block_rows(std::int64_t problems) {
  return static_cast<unsigned>(std::min<std::int64_t>(problems, 65535));
}

template <class S, class Launch>
class StencilCycle {
 public:
  StencilCycle(const CyclePlan<S>& plan, const CycleViews<S>& views, const Hierarchies<S>& of,
               const Batch& batch, const Launch& launch)
      : plan_(plan),
        views_(views),
        of_(of),
        systems_(systems_of(of)),
        batch_(batch),
        launch_(launch) {}

  // What the sweeps of the way down make of u, or of 0. Levels are counted from the first one.
  void smooth(const S* f, S* u, int sweeps, bool reverse, bool zero) const {
    level(plan_.first, f, u).smooth(sweeps, reverse, zero);
  }

  // u, or 0, after a V-cycle, of problems that are in the batch.
  void cycle(const S* f, S* u, bool zero) const {
    const multigrid::StencilMethod& method = plan_.options.method;
    for (std::int64_t i = plan_.first; i < plan_.first_shared; ++i) {
      const Level here = level(i, f, u);
      here.smooth(method.before, method.reverse_before, zero || i > plan_.first);
      here.find_rest();
      here.launch(share_residual<S>, level(i + 1, f, u).tiles(), views_.rest,
                  views_.f[i - plan_.first]);
    }
    solve_shared(level(plan_.first_shared, f, u), zero || plan_.first_shared > plan_.first);
    for (std::int64_t i = plan_.first_shared; i-- > plan_.first;) {
      const Level here = level(i, f, u);
      here.launch(add_shared<S>, here.tiles(), level(i + 1, f, u).u, here.u, here.u);
      here.smooth(method.after, method.reverse_after, false);
    }
  }

  void apply(const S* u, S* to) const {
    const Level here = level(plan_.first, nullptr, nullptr);
    here.launch(apply_stencil<S>, here.tiles(), u, to);
  }
  // P^T r, and P e.
  void restrict_to(const S* r, S* to) const {
    level(plan_.first, nullptr, nullptr)
        .launch(share_residual<S>, all_points(plan_.shape(plan_.first + 1).sizes), r, to);
  }
  void prolong(const S* e, S* to) const {
    const Level here = level(plan_.first, nullptr, nullptr);
    here.launch(add_shared<S>, here.tiles(), e, nullptr, to);
  }

 private:
  // A level of all problems, and the steps of its smoother (multigrid::run_smoother).
  struct Level {
    const StencilCycle& of;
    StencilPointLevel<S> level;
    const S* f;
    S* u;

    const GridShape& shape() const { return level.stencil.shape; }
    PointTiles tiles() const { return all_points(shape().sizes); }

    template <class... P, class... A>
    void launch(void (*kernel)(P...), const PointTiles& over, const A&... arguments) const {
      of.launch_(kernel, point_grid(over, of.batch_.size), kPointThreads, 0, level, over, of.batch_,
                 of.systems_, arguments...);
    }
    void find_rest() const { launch(stencil_rest<S>, tiles(), u, f, of.views_.rest); }
    void relax(int colour) const {
      const bool cross = multigrid::is_cross(level.stencil.reach);
      const std::int64_t* const n = shape().sizes;
      const std::int64_t sizes[3] = {(n[0] + 1 - colour / 4) / 2, (n[1] + 1 - colour / 2 % 2) / 2,
                                     (n[2] + 1 - colour % 2) / 2};
      if (!cross && sizes[0] * sizes[1] * sizes[2] == 0) return;
      const bool seam = has_odd_seam(shape());
      if (seam) {
        of.launch_(copy_points<S>, point_grid(tiles(), of.batch_.size), kPointThreads, 0,
                   shape().points(), tiles(), of.batch_, u, of.views_.rest);
      }
      const S* const from = seam ? of.views_.rest : u;
      launch(relax_stencil<S>, cross ? every_other_point(n) : all_points(sizes), colour,
             static_cast<S>(of.plan_.options.method.omega), from, f, u);
    }
    void move(const multigrid::MethodStep& step) const {
      find_rest();
      launch(move_along<S>, tiles(), step, of.views_.rest, of.views_.direction, u);
    }
    void smooth(int sweeps, bool reverse, bool zero) const {
      const multigrid::StencilMethod& method = of.plan_.options.method;
      const multigrid::Reach reach = level.stencil.reach;
      const int done = zero ? multigrid::colours_at_once(method, reach, sweeps) : 0;
      const Beginning how{done, reverse ? multigrid::colours_of(reach) - 1 : 0};
      if (zero) launch(begin_sweep<S>, tiles(), how, f, u);
      multigrid::run_smoother(method, reach, sweeps, reverse, done, *this);
    }
  };

  // f and u are those of the first level.
  Level level(std::int64_t i, const S* f, S* u) const {
    const std::int64_t below = i - plan_.first - 1;
    return {*this, of_.level(i), below < 0 ? f : views_.f[below], below < 0 ? u : views_.u[below]};
  }

  void solve_shared(const Level& from, bool zero) const {
    SharedStencils<S> shared{};
    shared.count = static_cast<int>(std::ssize(plan_.plan.levels) - plan_.first_shared);
    shared.zero = zero;
    shared.method = plan_.options.method;
    shared.inverse = of_.memory + plan_.plan.inverse;
    shared.largest = from.shape().points();
    for (int i = 0; i < shared.count; ++i) {
      shared.levels[i] = of_.level(plan_.first_shared + i);
      shared.odd_seam[i] = has_odd_seam(shared.levels[i].stencil.shape);
      shared.numbers += shared.levels[i].stencil.shape.points();
    }
    launch_(shared_stencils<S>, dim3{1, block_rows(batch_.size), 1}, kStencilThreads,
            plan_.shared_numbers() * sizeof(S), shared, batch_, systems_, from.f, from.u);
  }

  const CyclePlan<S>& plan_;
  const CycleViews<S>& views_;
  const Hierarchies<S> of_;
  const Systems systems_;
  const Batch batch_;
  const Launch& launch_;
};

}  // namespace longtail::cuda
