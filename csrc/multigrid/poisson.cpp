#include "multigrid/poisson.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "core/element_type.h"
#include "multigrid/grid_memory.h"
#include "multigrid/in_lanes.h"
#include "multigrid/rounding.h"

namespace longtail::multigrid {
namespace {

const AllGridKernels& kernels() {
  static constexpr PerLevel<const AllGridKernels*> levels =
      LONGTAIL_ADDRESS_PER_LEVEL(kGridKernels);
  return *levels[cpu_level()];
}

/// What problems of one shape share, with cycles in float or double.
template <class C>
struct Shared {
  Shared(const Box& unit, double step) : scale(step), box(unit), exact(box, true), cycles(box) {
    for (int d = 0; d < 3; ++d) volumes[d] = second_difference(box.axes[d]).volume;
  }
  double scale;
  Box box;
  Hierarchy<double> exact;  // its finest level
  Hierarchy<C> cycles;
  std::vector<double> volumes[3];
};

/// Memory of one problem after another.
template <class C>
class Problem {
 public:
  Problem(const Shared<C>& shared, const CycleOptions& options, const ParallelFor& parallel_for)
      : shared_(shared),
        level_(shared.exact.levels()[0]),
        parallel_for_(parallel_for),
        workspace_(shared.cycles),
        numbers_(numbers_of<double>(level_.shape)),
        memory_(2 * numbers_ * sizeof(double)),
        u_(memory_.as<double>() + origin_of<double>(level_.shape)),
        f_(u_ + numbers_),
        squares_(level_.box.lines()),
        cycle_(shared.cycles, workspace_, true, options, behind_cycle()) {
    clear_around(u_);
    clear_around(f_);
  }

  template <class E>
  void solve(const E* f, const E* initial, E* u, const SolveOptions& options, std::int64_t& cycles,
             double& residual, double& returned) {
    // The least is so large that its inverse is a number.
    const double size = std::max(largest(f), std::ldexp(1.0, -1000));
    const double unit = 1 / size;  // nan and infinities stay what they are
    read(f, unit, f_);
    if (shared_.box.singular()) remove_mean(f_);
    const double length = shared_.scale * shared_.scale;
    const double whole = right_to_cycle();
    cycles = 0;
    residual = whole == 0 ? 0 : whole / whole;
    zero_ = true;
    if (initial && whole > 0) {
      read(initial, unit / length, u_);
      wrap_ghosts(level_.shape, u_);
      residual = residual_to_cycle() / whole;
      zero_ = !(residual <= 1);  // 0 is nearer than that, or that is no number
      if (zero_) residual = right_to_cycle() / whole;
    }
    for (; residual > options.tolerance && cycles < options.most_iterations; ++cycles) {
      residual = cycle() / whole;
    }
    if (zero_) clear(u_);
    if (shared_.box.singular()) remove_mean(u_);
    returned = residual;
    if (std::isnan(whole)) {  // f has a value that is not finite
      residual = returned = whole;
      return fill(u, std::numeric_limits<E>::quiet_NaN());
    }
    write(u, length * size);
    if constexpr (sizeof(E) < 8) {
      if (whole > 0) {
        read(u, unit / length, u_);
        wrap_ghosts(level_.shape, u_);
        returned = residual_to_cycle() / whole;
      }
    }
  }

 private:
  const GridView<double>& view() const { return level_.view; }

  template <class Visit>
  void each_line(const Visit& visit) const {
    const std::int64_t grain = std::max<std::int64_t>(1, (1 << 15) / view().points.size);
    run_parallel(parallel_for_, 0, level_.box.lines(), grain,
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t line = begin; line < end; ++line)
                     visit(line, level_.shape.line(line));
                 });
  }

  template <class E>
  double largest(const E* of) {
    const std::int64_t n = view().points.size;
    each_line([&](std::int64_t line, std::int64_t) {
      const E* const row = of + line * n;
      squares_[line] = in_lanes(
          n, [&](std::int64_t x) { return std::abs(static_cast<double>(row[x])); },
          [](double a, double b) { return std::max(a, b); });
    });
    return *std::max_element(squares_.begin(), squares_.end());
  }

  template <class E>
  void read(const E* from, double factor, double* to) {
    const std::int64_t n = view().points.size;
    each_line([&](std::int64_t line, std::int64_t at) {
      for (std::int64_t x = 0; x < n; ++x) {
        to[at + x] = factor * static_cast<double>(from[line * n + x]);
      }
    });
  }

  template <class E>
  void write(E* to, double factor) {
    const std::int64_t n = view().points.size;
    each_line([&](std::int64_t line, std::int64_t at) {
      for (std::int64_t x = 0; x < n; ++x) to[line * n + x] = static_cast<E>(factor * u_[at + x]);
    });
  }

  template <class E>
  void fill(E* to, E value) {
    const std::int64_t n = view().points.size;
    each_line([&](std::int64_t line, std::int64_t) { std::fill_n(to + line * n, n, value); });
  }

  void clear(double* a) { std::fill_n(a - origin_of<double>(level_.shape), numbers_, 0.0); }

  /// All but the points, which are written before they are read.
  void clear_around(double* a) {
    double* from = a - origin_of<double>(level_.shape);
    double* const end = from + numbers_;
    for (std::int64_t line = 0; line < level_.box.lines(); ++line) {
      double* const row = a + level_.shape.line(line);
      std::fill(from, row, 0.0);
      from = row + view().points.size;
    }
    std::fill(from, end, 0.0);
  }

  double total() const { return std::accumulate(squares_.begin(), squares_.end(), 0.0); }

  void remove_mean(double* a) {
    const std::vector<double>& along = shared_.volumes[2];
    double volume = 0;
    each_line([&](std::int64_t line, std::int64_t at) {
      const double* const row = a + at;
      squares_[line] = volume_of(line) * in_lanes(
                                             view().points.size,
                                             [&](std::int64_t x) { return along[x] * row[x]; },
                                             [](double sum, double b) { return sum + b; });
    });
    for (std::int64_t line = 0; line < level_.box.lines(); ++line) volume += volume_of(line);
    volume *= std::accumulate(along.begin(), along.end(), 0.0);
    const double mean = total() / volume;
    each_line([&](std::int64_t, std::int64_t at) {
      for (std::int64_t x = 0; x < view().points.size; ++x) a[at + x] -= mean;
    });
  }
  double volume_of(std::int64_t line) const {
    return shared_.volumes[0][line / view().rows.size] *
           shared_.volumes[1][line % view().rows.size];
  }

  /// f is the first residual. Returns its norm.
  double right_to_cycle() {
    C* const to = workspace_.f(0);
    const GridShape& target = shared_.cycles.levels()[0].shape;
    each_line([&](std::int64_t line, std::int64_t at) {
      const double* const from = f_ + at;
      C* const row = to + target.line(line);
      const std::int64_t n = view().points.size;
      for (std::int64_t x = 0; x < n; ++x) row[x] = static_cast<C>(from[x]);
      // Vectors go there, and what an iterate that is not finite left.
      std::fill(row + n, row + target.row_stride, C(0));
      squares_[line] = in_lanes(
          n, [&](std::int64_t x) { return from[x] * from[x]; },
          [](double sum, double b) { return sum + b; });
    });
    return std::sqrt(total());
  }

  LineTask residual_task() {
    return [this](std::int64_t begin, std::int64_t end) {
      for (std::int64_t line = begin; line < end; ++line) {
        C* const to = workspace_.f(0) + shared_.cycles.levels()[0].shape.line(line);
        if constexpr (sizeof(C) == 8) {
          squares_[line] = kernels().float64.residual(view(), u_, f_, line, to);
        } else {
          squares_[line] = kernels().residual_to_float32(view(), u_, f_, line, to);
        }
      }
    };
  }

  /// Returns its norm.
  double residual_to_cycle() {
    run_passes({plain_pass(0, residual_task())}, lines_of(level_.shape), parallel_for_);
    return std::sqrt(total());
  }

  /// u += what the cycle made.
  LineTask correction_task() {
    return [this](std::int64_t begin, std::int64_t end) {
      for (std::int64_t line = begin; line < end; ++line) {
        const C* const from = workspace_.u(0) + shared_.cycles.levels()[0].shape.line(line);
        double* const to = u_ + level_.shape.line(line);
        if constexpr (sizeof(C) == 8) {
          for (std::int64_t x = 0; x < view().points.size; ++x)
            to[x] = from[x] + (zero_ ? 0 : to[x]);
        } else {
          kernels().add_float32(view().points.size, from, zero_, to);
        }
      }
    };
  }

  std::vector<Pass> behind_cycle() {
    if (level_.shape.any_periodic()) return {};
    return {plain_pass(0, correction_task()),
            plain_pass(neighbours(level_.shape), residual_task())};
  }

  /// Returns the norm of the new residual.
  double cycle() {
    cycle_.run(parallel_for_);
    if (level_.shape.any_periodic()) {
      run_passes({plain_pass(0, correction_task())}, lines_of(level_.shape), parallel_for_);
      wrap_ghosts(level_.shape, u_);
      residual_to_cycle();
    }
    zero_ = false;
    return std::sqrt(total());
  }

  const Shared<C>& shared_;
  const Level<double>& level_;
  const ParallelFor& parallel_for_;
  Workspace<C> workspace_;
  std::int64_t numbers_;
  Buffer memory_;
  double *u_, *f_;
  std::vector<double> squares_;  // of each line, added up in their order
  bool zero_ = true;             // so is u, whatever its memory holds
  VCycle<C> cycle_;
};

template <class C, class E>
void solve_all(const Shared<C>& shared, std::int64_t batch, const E* f, const E* initial, E* u,
               const SolveOptions& options, const SolveReport& report,
               const ParallelFor& parallel_for) {
  const std::int64_t points = shared.box.points();
  const auto solve = [&](std::int64_t begin, std::int64_t end, const ParallelFor& within) {
    Problem problem(shared, options.cycle, within);
    for (std::int64_t b = begin; b < end; ++b) {
      problem.solve(f + b * points, initial ? initial + b * points : nullptr, u + b * points,
                    options, report.iterations[b], report.residual[b], report.residual_returned[b]);
    }
  };
  // Many problems side by side, a few one after the other with all threads on each.
  constexpr std::int64_t many = 8;
  if (batch < many) return solve(0, batch, parallel_for);
  run_parallel(parallel_for, 0, batch, 1,
               [&](std::int64_t begin, std::int64_t end) { solve(begin, end, {}); });
}

}  // namespace

Box with_unit_steps(Box box, double& scale) {
  scale = 0;
  for (int d = box.flat ? 1 : 0; d < 3; ++d) {
    scale = scale == 0 ? box.axes[d].spacing : std::min(scale, box.axes[d].spacing);
  }
  for (int d = box.flat ? 1 : 0; d < 3; ++d) {
    box.axes[d].spacing /= scale;
    box.axes[d].last /= scale;
  }
  return box;
}

void poisson_solve(const Box& box, std::int64_t batch, DType dtype, const void* f,
                   const void* initial, void* u, const SolveOptions& options,
                   const SolveReport& report, const ParallelFor& parallel_for) {
  double scale = 0;
  const Box unit = with_unit_steps(box, scale);
  const auto solve = [&]<class C, class E>(C*, E*) {
    solve_all(Shared<C>(unit, scale), batch, static_cast<const E*>(f),
              static_cast<const E*>(initial), static_cast<E*>(u), options, report, parallel_for);
  };
  const auto solve_in = [&]<class C>(C* cycles) {
    if (dtype == DType::float64) {
      solve(cycles, static_cast<double*>(nullptr));
    } else {
      solve(cycles, static_cast<float*>(nullptr));
    }
  };
  if (needs_float64(unit)) {
    solve_in(static_cast<double*>(nullptr));
  } else {
    solve_in(static_cast<float*>(nullptr));
  }
}

}  // namespace longtail::multigrid
