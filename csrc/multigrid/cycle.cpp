#include "multigrid/cycle.h"

#include <algorithm>
#include <memory>

#include "multigrid/dense.h"
#include "multigrid/grid_memory.h"
#include "multigrid/recent.h"

namespace longtail::multigrid {
namespace {

template <class S>
const GridKernels<S>& kernels() {
  static constexpr PerLevel<const AllGridKernels*> levels =
      LONGTAIL_ADDRESS_PER_LEVEL(kGridKernels);
  return levels[cpu_level()]->of<S>();
}

constexpr int kFineRows = 8;  // more than kMostFine: what one sum needs stays

/// A sum of rows as the kernels take it; terms of weight 0 are left out.
template <class S>
struct Terms {
  int count = 0;
  S weights[8];
  const S* rows[8];

  void add(S weight, const S* row) {
    weights[count] = weight;
    rows[count++] = row;
  }
};

/// The residual of one plane on a coarser grid, row by row.
template <class S>
class RestrictedPlane {
 public:
  RestrictedPlane(const Level<S>& level, const Level<S>& coarse, const S* u, const S* f)
      : level_(level),
        coarse_(coarse),
        u_(u),
        f_(f),
        residual_(level.view.row_stride * sizeof(S)),
        rows_(coarse.view.row_stride) {}

  /// Rows [begin, end) of the coarser grid to `to`, the first of them.
  void run(std::int64_t plane, std::int64_t begin, std::int64_t end, S* to) {
    if (plane != plane_) rows_.forget();
    plane_ = plane;
    const GridView<S>& view = level_.view;
    const RestrictionView<S>& along = level_.transfers.down[1];
    for (std::int64_t c = begin; c < end; ++c, to += coarse_.view.row_stride) {
      Terms<S> sum;
      for (int k = 0; k < kMostFine; ++k) {
        const S weight = along.weights[c * kMostFine + k];
        if (weight == 0) continue;
        const std::int64_t row = along.points[c * kMostFine + k];
        sum.add(weight, rows_.get(row, [&](std::int64_t, S* restricted) {
          kernels<S>().residual(view, u_, f_, plane * view.rows.size + row, residual_.as<S>());
          kernels<S>().restrict_row(level_.transfers.down[2], coarse_.view.points.size,
                                    residual_.as<S>(), restricted);
        }));
      }
      kernels<S>().combine(coarse_.view.points.size, sum.count, sum.weights, sum.rows, to);
    }
  }

 private:
  const Level<S>&level_, &coarse_;
  const S *u_, *f_;
  std::int64_t plane_ = -1;
  Buffer residual_;
  Recent<S, kFineRows> rows_;  // of that plane
};

/// The restricted residual of all planes.
template <class S>
class RestrictedBox {
 public:
  RestrictedBox(const Level<S>& level, const Level<S>& coarse, const S* u, const S* f, S* coarse_f)
      : level_(level),
        to_(coarse.view),
        coarse_f_(coarse_f),
        plane_(level, coarse, u, f),
        recent_(level.box.flat ? 0 : coarse.view.plane_stride) {}

  /// What belongs to lines [begin, end) of the finer grid: coarse rows, or planes, by their middle.
  void run(std::int64_t begin, std::int64_t end) {
    if (level_.box.flat) {
      const std::int64_t first = level_.first_coarse(begin), last = level_.first_coarse(end);
      return plane_.run(0, first, last, coarse_f_ + first * to_.row_stride);
    }
    const std::int64_t rows = level_.box.axes[1].size;
    const std::int64_t last = level_.first_coarse((end + rows - 1) / rows);
    for (std::int64_t c = level_.first_coarse((begin + rows - 1) / rows); c < last; ++c)
      run_plane(c);
  }

 private:
  void run_plane(std::int64_t c) {
    const RestrictionView<S>& along = level_.transfers.down[0];
    Terms<S> sum;
    for (int k = 0; k < kMostFine; ++k) {
      const S weight = along.weights[c * kMostFine + k];
      if (weight == 0) continue;
      sum.add(weight, recent_.get(along.points[c * kMostFine + k], [&](std::int64_t p, S* made) {
        plane_.run(p, 0, to_.rows.size, made);
      }));
    }
    for (std::int64_t row = 0; row < to_.rows.size; ++row) {
      Terms<S> of_row = sum;
      for (int k = 0; k < sum.count; ++k) of_row.rows[k] += row * to_.row_stride;
      kernels<S>().combine(to_.points.size, of_row.count, of_row.weights, of_row.rows,
                           coarse_f_ + c * to_.plane_stride + row * to_.row_stride);
    }
  }

  const Level<S>& level_;
  const GridView<S>& to_;
  S* coarse_f_;
  RestrictedPlane<S> plane_;
  Recent<S, kFineRows> recent_;
};

template <class S>
void add_sweeps(std::vector<Pass>& passes, const Level<S>& level, S* u, const S* f, int sweeps,
                S omega, bool reverse, bool zero) {
  const int step = turn_step(level.view.odd_seam());
  for (int i = 0; i < kTurns * sweeps; i += step) {
    const int turn = reverse ? kTurns - step - i % kTurns : i % kTurns;
    const auto kernel = zero && i == 0 ? kernels<S>().relax_zero : kernels<S>().relax;
    passes.push_back(
        plain_pass(neighbours(level.shape), [=, &level](std::int64_t begin, std::int64_t end) {
          kernel(level.view, u, f, begin, end - begin, turn, omega);
        }));
  }
}

template <class S>
Pass restriction_pass(const Level<S>& level, const Level<S>& coarse, const S* u, const S* f,
                      S* coarse_f) {
  // A plane counts from its first line on.
  const std::int64_t reach =
      level.box.flat ? level.reach : (level.reach + 1) * neighbours(level.shape);
  return {reach, [=, &level, &coarse] {
            const auto box = std::make_shared<RestrictedBox<S>>(level, coarse, u, f, coarse_f);
            return [box](std::int64_t begin, std::int64_t end) { box->run(begin, end); };
          }};
}

template <class S>
Pass prolongation_pass(const Level<S>& level, const Level<S>& coarse, const S* coarse_u, S* u) {
  const auto add = [=, &level, &coarse](std::int64_t begin, std::int64_t end, S* scratch) {
    const GridView<S>&view = level.view, &from = coarse.view;
    const InterpolationView<S>&planes = level.transfers.up[0], &rows = level.transfers.up[1];
    for (std::int64_t line = begin; line < end; ++line) {
      const std::int64_t plane = line / view.rows.size, row = line % view.rows.size;
      Terms<S> sum;
      for (int p = 0; p < 2; ++p) {
        for (int r = 0; r < 2; ++r) {
          const S weight = planes.weights[p][plane] * rows.weights[r][row];
          if (weight == 0) continue;
          sum.add(weight, coarse_u + planes.points[p][plane] * from.plane_stride +
                              rows.points[r][row] * from.row_stride);
        }
      }
      if (sum.count == 0) continue;
      S* const to = u + plane * view.plane_stride + row * view.row_stride;
      kernels<S>().prolong_row(level.transfers.up[2], view.points.size, from.points.size, sum.count,
                               sum.weights, sum.rows, scratch, to);
    }
  };
  return {0, [=, &coarse] {
            const auto scratch = std::make_shared<Buffer>(coarse.view.row_stride * sizeof(S));
            return [=](std::int64_t begin, std::int64_t end) {
              add(begin, end, scratch->template as<S>());
            };
          }};
}

template <class S>
void clear(const Level<S>& level, S* u) {
  std::fill_n(u - origin_of<S>(level.shape), numbers_of<S>(level.shape), S(0));
}

}  // namespace

template <class S>
void smooth(const Level<S>& level, S* u, const S* f, int sweeps, S omega, bool reverse, bool zero,
            const ParallelFor& parallel_for) {
  if (zero && sweeps == 0) clear(level, u);
  std::vector<Pass> passes;
  add_sweeps(passes, level, u, f, sweeps, omega, reverse, zero);
  run_passes_on(level.shape, u, passes, parallel_for);
}

template <class S>
void restrict_residual(const Level<S>& level, const Level<S>& coarse, const S* u, const S* f,
                       S* coarse_f, const ParallelFor& parallel_for) {
  run_passes({restriction_pass(level, coarse, u, f, coarse_f)}, lines_of(level.shape),
             parallel_for);
}

template <class S>
void prolong_and_add(const Level<S>& level, const Level<S>& coarse, const S* coarse_u, S* u,
                     const ParallelFor& parallel_for) {
  run_passes_on(level.shape, u, {prolongation_pass(level, coarse, coarse_u, u)}, parallel_for);
}

template <class S>
VCycle<S>::VCycle(const Hierarchy<S>& hierarchy, const Workspace<S>& workspace, bool zero,
                  const CycleOptions& options, const std::vector<Pass>& behind)
    : hierarchy_(hierarchy), workspace_(workspace) {
  const std::vector<Level<S>>& levels = hierarchy.levels();
  for (std::size_t i = 0; i + 1 < levels.size(); ++i) {
    const Level<S>&level = levels[i], &coarse = levels[i + 1];
    S *const u = workspace.u(i), *const f = workspace.f(i);
    const S omega = options.omega == 0 ? level.omega : static_cast<S>(options.omega);
    const bool from_zero = zero || i > 0;
    std::vector<Pass>& down = down_.emplace_back();
    if (from_zero && options.before == 0) {
      down.push_back(plain_pass(0, [=, &level](std::int64_t begin, std::int64_t end) {
        for (std::int64_t line = begin; line < end; ++line) {
          std::fill_n(u + level.shape.line(line), level.view.points.size, S(0));
        }
      }));
    }
    add_sweeps(down, level, u, f, options.before, omega, false, from_zero);
    down.push_back(restriction_pass<S>(level, coarse, u, f, workspace.f(i + 1)));
    std::vector<Pass>& up = up_.emplace_back();
    up.push_back(prolongation_pass<S>(level, coarse, workspace.u(i + 1), u));
    add_sweeps(up, level, u, f, options.after, omega, options.symmetric, false);
  }
  std::vector<Pass>& last = up_.empty() ? behind_coarsest_ : up_.front();
  last.insert(last.end(), behind.begin(), behind.end());
}

template <class S>
void VCycle<S>::run(const ParallelFor& parallel_for) const {
  const std::vector<Level<S>>& levels = hierarchy_.levels();
  const std::size_t last = levels.size() - 1;
  for (std::size_t i = 0; i < last; ++i) {
    run_passes_on(levels[i].shape, workspace_.u(i), down_[i], parallel_for);
  }
  multiply_by_inverse(levels[last].shape, hierarchy_.coarsest_inverse().data(), workspace_.u(last),
                      workspace_.f(last));
  run_passes(behind_coarsest_, lines_of(levels[0].shape), parallel_for);
  for (std::size_t i = last; i-- > 0;) {
    run_passes_on(levels[i].shape, workspace_.u(i), up_[i], parallel_for);
  }
}

template class VCycle<float>;
template class VCycle<double>;
template void smooth<float>(const Level<float>&, float*, const float*, int, float, bool, bool,
                            const ParallelFor&);
template void smooth<double>(const Level<double>&, double*, const double*, int, double, bool, bool,
                             const ParallelFor&);
template void restrict_residual<float>(const Level<float>&, const Level<float>&, const float*,
                                       const float*, float*, const ParallelFor&);
template void restrict_residual<double>(const Level<double>&, const Level<double>&, const double*,
                                        const double*, double*, const ParallelFor&);
template void prolong_and_add<float>(const Level<float>&, const Level<float>&, const float*, float*,
                                     const ParallelFor&);
template void prolong_and_add<double>(const Level<double>&, const Level<double>&, const double*,
                                      double*, const ParallelFor&);
}  // namespace longtail::multigrid
