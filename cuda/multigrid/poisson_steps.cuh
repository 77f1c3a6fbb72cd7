// The kernels of a Poisson call in their order. `Launch` starts them: on a stream
// (poisson_launch.cu), or as fibres of the CPU (tests/cpp/test_multigrid_cuda.cpp).
#pragma once

#include <algorithm>

#include "cuda/multigrid/axis_tables.cuh"
#include "cuda/multigrid/poisson_outer.cuh"

namespace longtail::cuda {

inline PointTiles tiles_of(const multigrid::Box& box, bool every_other = false) {
  const std::int64_t sizes[3] = {box.axes[0].size, box.axes[1].size, box.axes[2].size};
  return every_other ? every_other_point(sizes) : all_points(sizes);
}

inline AxisTables<float> tables_of(const multigrid::AxisView<float>& view) {
  return {const_cast<float*>(view.lower), const_cast<float*>(view.diagonal),
          const_cast<float*>(view.upper)};
}
inline AxisTables<double> tables_of(const multigrid::AxisView<double>& view) {
  return {const_cast<double*>(view.lower), const_cast<double*>(view.diagonal),
          const_cast<double*>(view.upper)};
}
inline TransferTables<float> tables_of(const multigrid::Transfers<float>& transfers, int d) {
  TransferTables<float> result{{},
                               {},
                               const_cast<std::int64_t*>(transfers.down[d].points),
                               const_cast<float*>(transfers.down[d].weights)};
  for (int k = 0; k < 2; ++k) {
    result.up_points[k] = const_cast<std::int64_t*>(transfers.up[d].points[k]);
    result.up_weights[k] = const_cast<float*>(transfers.up[d].weights[k]);
  }
  return result;
}

// Blocks for the tables of the axes of a box.
inline dim3 table_grid(const multigrid::Box& box) {
  std::int64_t largest = 1;
  for (const multigrid::Axis& axis : box.axes) largest = std::max(largest, axis.size);
  return {static_cast<unsigned>(std::min<std::int64_t>(largest / kTableThreads + 1, 1024)), 3, 1};
}

// Tables of all levels.
template <class Launch>
void write_tables(const PoissonPlan& plan, const PoissonViews& views, const Launch& launch) {
  const auto coupled = [&](int d) { return d > 0 || !plan.boxes[0].flat; };
  ExactTask exact{};
  for (int d = 0; d < 3; ++d) {
    const multigrid::Axis& axis = plan.boxes[0].axes[d];
    exact.axes[d] = {axis_pattern<double>(axis, coupled(d)), tables_of(views.exact.axes[d])};
    exact.to[d] = views.volumes[d];
    if (exact.to[d] != nullptr) exact.volumes[d] = volume_pattern(axis);
  }
  launch(write_exact<>, table_grid(plan.boxes[0]), kTableThreads, 0, exact);
  for (std::size_t i = 0; i < plan.boxes.size(); ++i) {
    const multigrid::Box& box = plan.boxes[i];
    LevelTask task{};
    task.coarsest = i + 1 == plan.boxes.size();
    const multigrid::Box& coarse = plan.boxes[task.coarsest ? i : i + 1];
    const auto stays = [&](int d) { return box.axes[d].size == coarse.axes[d].size; };
    const bool joined = !(stays(1) || stays(2) || (!box.flat && stays(0)));
    for (int d = 0; d < 3; ++d) {
      task.axes[d] = {axis_pattern<float>(box.axes[d], coupled(d)),
                      tables_of(views.levels[i].box.axes[d])};
      if (task.coarsest) continue;
      task.transfers[d] = transfer_pattern<float>(box.axes[d], coarse.axes[d], joined);
      task.to[d] = tables_of(views.levels[i].transfers, d);
    }
    launch(write_level<>, table_grid(box), kTableThreads, 0, task);
  }
  const std::vector<double> inverse = multigrid::inverse_of(plan.boxes.back());
  for (std::size_t begin = 0; begin < inverse.size(); begin += kFewNumbers) {
    FewNumbers few{};
    few.count = static_cast<int>(std::min<std::size_t>(kFewNumbers, inverse.size() - begin));
    for (int i = 0; i < few.count; ++i) few.of[i] = static_cast<float>(inverse[begin + i]);
    launch(write_numbers<>, dim3{1, 1, 1}, kTableThreads, 0, few, views.inverse + begin);
  }
}

template <class Launch>
class PoissonCycle {
 public:
  PoissonCycle(const PoissonPlan& plan, const PoissonViews& views, const Launch& launch)
      : plan_(plan), views_(views), launch_(launch), batch_{plan.batch, views.active} {
    for (std::int64_t i = 0; i <= plan.first_shared; ++i) {
      all_.push_back(tiles_of(plan.boxes[i]));
      half_.push_back(tiles_of(plan.boxes[i], true));
    }
    shared_.count = static_cast<int>(std::ssize(plan.boxes) - plan.first_shared);
    for (int i = 0; i < shared_.count; ++i) {
      shared_.levels[i] = views.levels[plan.first_shared + i];
      shared_.numbers += shared_.levels[i].box.points();
    }
    shared_.inverse = views.inverse;
  }

  // views.v[0] from views.f[0], of problems that are active.
  void run() const {
    const std::int64_t last = plan_.first_shared;
    for (std::int64_t i = 0; i < last; ++i) {
      each(all_[i], sweep_from_zero<float>, box(i), all_[i], batch_, views_.levels[i].omega,
           views_.f[i], views_.u[i]);
      if (box(i).odd_seam()) relax(i, 1, views_.u[i]);
      each(all_[i + 1], restrict_residual<float>, views_.levels[i], all_[i + 1],
           box(i + 1).points(), batch_, views_.u[i], views_.f[i], views_.f[i + 1]);
    }
    launch_(shared_cycle<float>, dim3{1, problems(), 1}, kSharedThreads,
            plan_.shared_numbers() * sizeof(float), shared_, batch_, views_.f[last],
            views_.v[last]);
    for (std::int64_t i = last; i-- > 0;) {
      float *const u = views_.u[i], *const v = views_.v[i], *const coarse_u = views_.v[i + 1];
      const bool fused = plan_.batch * box(i).points() <= plan_.options.most_fused;
      if (fused) {
        each(all_[i], correct_and_relax<float>, views_.levels[i], box(i + 1), all_[i], batch_,
             coarse_u, u, views_.f[i], v);
      } else {
        each(all_[i], correct<float>, views_.levels[i], box(i + 1), all_[i], batch_, coarse_u, u,
             v);
      }
      relax(i, fused ? step_of(i) : 0, v);
    }
  }

 private:
  const BoxView<float>& box(std::int64_t level) const { return views_.levels[level].box; }
  int step_of(std::int64_t level) const { return multigrid::turn_step(box(level).odd_seam()); }
  // The turns from `first` on, in place.
  void relax(std::int64_t i, int first, float* u) const {
    for (int turn = first; turn < multigrid::kTurns; turn += step_of(i)) {
      each(half_[i], relax_turn<float>, box(i), half_[i], batch_, views_.levels[i].omega, turn,
           views_.f[i], u);
    }
  }
  unsigned problems() const { return point_grid(all_[0], plan_.batch).y; }
  template <class... P, class... A>
  void each(const PointTiles& tiles, void (*kernel)(P...), const A&... arguments) const {
    launch_(kernel, point_grid(tiles, plan_.batch), kPointThreads, 0, arguments...);
  }

  const PoissonPlan& plan_;
  const PoissonViews& views_;
  const Launch& launch_;
  Batch batch_;
  std::vector<PointTiles> all_, half_;
  SharedLevels<float> shared_{};
};

template <class E, class Launch>
class PoissonSteps {
 public:
  PoissonSteps(const PoissonPlan& plan, const PoissonViews& views, const Launch& launch)
      : plan_(plan),
        views_(views),
        launch_(launch),
        tiles_(tiles_of(plan.boxes[0])),
        sums_{plan.sums, views.sums},
        iterates_{{views.iterates[0], views.iterates[1]}},
        volumes_{{views.volumes[0], views.volumes[1], views.volumes[2]}},
        singular_(plan.boxes[0].singular()) {}

  // f, u and, unless null, initial as of multigrid::poisson_solve, on the device.
  void solve(const E* f, const E* initial, E* u, const Report& report) const {
    write_tables(plan_, views_, launch_);
    const std::int64_t batch = plan_.batch, points = plan_.boxes[0].points();
    const double length = plan_.scale * plan_.scale;
    PoissonState* const states = views_.states;
    each(largest_of<E>, tiles_, batch, points, f, sums_);
    finish_with<Found::size>();
    each(read_right<E>, tiles_, batch, points, states, f, volumes_, views_.right, sums_);
    if (singular_) finish_with<Found::mean>();
    each(start<E>, tiles_, batch, points, states, singular_, length, initial, views_.right,
         views_.iterates[0], views_.f[0], sums_);
    finish_with<Found::whole>();
    if (initial != nullptr) {
      residual<false>({batch, nullptr});
      finish_with<Found::first_residual>();
      each(leave_far_starts<>, tiles_, batch, points, states, views_.right, views_.iterates[0],
           views_.f[0]);
    }
    iterate();
    if (singular_) {
      each(sum_iterates<>, tiles_, batch, points, states, volumes_, iterates_, sums_);
      finish_with<Found::mean>();
    }
    each(write_result<E>, tiles_, batch, points, states, singular_, length, iterates_, u);
    constexpr bool rounded = sizeof(E) < 8;
    if (rounded) residual<false>({batch, nullptr});
    finish_with<Found::returned>(report, rounded ? sums_ : Sums{0, nullptr});
  }

 private:
  void iterate() const {
    const PoissonCycle<Launch> cycle(plan_, views_, launch_);
    const PoissonOptions& options = plan_.options;
    for (int i = 0; i < options.most_iterations; ++i) {
      // With a tolerance of 0 the host never asks: a call may be captured in a graph.
      const bool asks = options.tolerance > 0 && i > 0 && i % options.iterations_a_look == 0;
      if (asks && !is_any_active()) break;
      cycle.run();
      residual<true>({plan_.batch, views_.active});
      finish_with<Found::residual>();
    }
  }
  bool is_any_active() const {
    int* const any = views_.active + plan_.batch;
    launch_(find_active<>, dim3{1, 1, 1}, kPointThreads, 0, plan_.batch, views_.active, any);
    return launch_.read(any) != 0;
  }
  template <bool Add>
  void residual(const Batch& batch) const {
    each(new_residual<Add>, views_.exact, tiles_, batch, views_.states, iterates_, views_.right,
         views_.v[0], views_.f[0], sums_);
  }
  template <Found What>
  void finish_with() const {
    finish_with<What>(Report{}, sums_);
  }
  template <Found What>
  void finish_with(const Report& report, const Sums& sums) const {
    double volume = 1;
    if (What == Found::mean) {
      for (const multigrid::Axis& axis : plan_.boxes[0].axes) volume *= length_of(axis);
    }
    launch_(finish<What>, dim3{1, point_grid(tiles_, plan_.batch).y, 1}, kPointThreads, 0,
            plan_.batch, sums, volume, plan_.options.tolerance, plan_.options.most_iterations,
            views_.states, views_.active, report);
  }
  // The sum of the volumes of its points.
  static double length_of(const multigrid::Axis& axis) {
    double sum = 0;
    for (const double each : multigrid::second_difference(axis).volume) sum += each;
    return sum;
  }
  template <class... P, class... A>
  void each(void (*kernel)(P...), const A&... arguments) const {
    launch_(kernel, point_grid(tiles_, plan_.batch), kPointThreads, 0, arguments...);
  }

  const PoissonPlan& plan_;
  const PoissonViews& views_;
  const Launch& launch_;
  PointTiles tiles_;
  Sums sums_;
  Iterates iterates_;
  Volumes volumes_;
  bool singular_;
};

}  // namespace longtail::cuda
