#include "multigrid/cycle.h"

#include <algorithm>

#include "multigrid/dense.h"
#include "multigrid/grid_memory.h"
#include "multigrid/recent.h"

namespace longtail::multigrid {
namespace {

template <class S>
const GridKernels<S>& kernels() {
  static constexpr PerLevel<const AllGridKernels*> levels =
      LONGTAIL_ADDRESS_PER_LEVEL(kGridKernels);
  const AllGridKernels& all = *levels[cpu_level()];
  if constexpr (sizeof(S) == 8) {
    return all.float64;
  } else {
    return all.float32;
  }
}

/// Rows that are worth a task.
template <class S>
std::int64_t grain(const Level<S>& level) {
  constexpr std::int64_t points = 1 << 15;
  return std::max<std::int64_t>(1, points / level.box.axes[2].size);
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
    rows_.forget();
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
  Buffer residual_;
  Recent<S, kFineRows> rows_;
};

template <class S>
void cycle(const Hierarchy<S>& hierarchy, const Workspace<S>& workspace, std::size_t i, bool zero,
           const CycleOptions& options, const ParallelFor& parallel_for) {
  const std::vector<Level<S>>& levels = hierarchy.levels();
  if (i + 1 == levels.size()) {
    return multiply_by_inverse(levels[i].shape, hierarchy.coarsest_inverse().data(), workspace.u(i),
                               workspace.f(i));
  }
  const Level<S>&level = levels[i], &coarse = levels[i + 1];
  const S omega = options.omega == 0 ? level.omega : static_cast<S>(options.omega);
  S* const u = workspace.u(i);
  smooth(level, u, workspace.f(i), options.before, omega, false, zero, parallel_for);
  restrict_residual(level, coarse, u, workspace.f(i), workspace.f(i + 1), parallel_for);
  cycle(hierarchy, workspace, i + 1, true, options, parallel_for);
  prolong_and_add(level, coarse, workspace.u(i + 1), u, parallel_for);
  smooth(level, u, workspace.f(i), options.after, omega, options.symmetric, false, parallel_for);
}

}  // namespace

template <class S>
void smooth(const Level<S>& level, S* u, const S* f, int sweeps, S omega, bool reverse, bool zero,
            const ParallelFor& parallel_for) {
  if (zero && sweeps == 0) {
    std::fill_n(u - origin_of<S>(level.shape), numbers_of<S>(level.shape), S(0));
  }
  for (int half = 0; half < 2 * sweeps; ++half) {
    const int colour = (half + (reverse ? 1 : 0)) % 2;
    const auto kernel = zero && half == 0 ? kernels<S>().relax_zero : kernels<S>().relax;
    run_parallel(parallel_for, 0, level.box.lines(), grain(level),
                 [&](std::int64_t begin, std::int64_t end) {
                   kernel(level.view, u, f, begin, end - begin, colour, omega);
                 });
    wrap_ghosts(level.shape, u);
  }
}

template <class S>
void restrict_residual(const Level<S>& level, const Level<S>& coarse, const S* u, const S* f,
                       S* coarse_f, const ParallelFor& parallel_for) {
  const GridView<S>& to = coarse.view;
  if (level.box.flat) {
    return run_parallel(parallel_for, 0, to.rows.size, grain(coarse),
                        [&](std::int64_t begin, std::int64_t end) {
                          RestrictedPlane<S> plane(level, coarse, u, f);
                          plane.run(0, begin, end, coarse_f + begin * to.row_stride);
                        });
  }
  const RestrictionView<S>& along = level.transfers.down[0];
  const std::int64_t planes = std::max<std::int64_t>(1, grain(coarse) / to.rows.size);
  run_parallel(parallel_for, 0, to.planes.size, planes, [&](std::int64_t begin, std::int64_t end) {
    RestrictedPlane<S> plane(level, coarse, u, f);
    Recent<S, kFineRows> recent(to.plane_stride);
    for (std::int64_t c = begin; c < end; ++c) {
      Terms<S> sum;
      for (int k = 0; k < kMostFine; ++k) {
        const S weight = along.weights[c * kMostFine + k];
        if (weight == 0) continue;
        sum.add(weight, recent.get(along.points[c * kMostFine + k], [&](std::int64_t p, S* made) {
          plane.run(p, 0, to.rows.size, made);
        }));
      }
      for (std::int64_t row = 0; row < to.rows.size; ++row) {
        Terms<S> of_row = sum;
        for (int k = 0; k < sum.count; ++k) of_row.rows[k] += row * to.row_stride;
        kernels<S>().combine(to.points.size, of_row.count, of_row.weights, of_row.rows,
                             coarse_f + c * to.plane_stride + row * to.row_stride);
      }
    }
  });
}

template <class S>
void prolong_and_add(const Level<S>& level, const Level<S>& coarse, const S* coarse_u, S* u,
                     const ParallelFor& parallel_for) {
  const GridView<S>&view = level.view, &from = coarse.view;
  const InterpolationView<S>&planes = level.transfers.up[0], &rows = level.transfers.up[1];
  run_parallel(
      parallel_for, 0, level.box.lines(), grain(level), [&](std::int64_t begin, std::int64_t end) {
        const Buffer scratch(from.row_stride * sizeof(S));
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
          kernels<S>().prolong_row(level.transfers.up[2], view.points.size, from.points.size,
                                   sum.count, sum.weights, sum.rows, scratch.as<S>(), to);
        }
      });
  wrap_ghosts(level.shape, u);
}

template <class S>
void v_cycle(const Hierarchy<S>& hierarchy, const Workspace<S>& workspace, bool zero,
             const CycleOptions& options, const ParallelFor& parallel_for) {
  cycle(hierarchy, workspace, 0, zero, options, parallel_for);
}

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
template void v_cycle<float>(const Hierarchy<float>&, const Workspace<float>&, bool,
                             const CycleOptions&, const ParallelFor&);
template void v_cycle<double>(const Hierarchy<double>&, const Workspace<double>&, bool,
                              const CycleOptions&, const ParallelFor&);

}  // namespace longtail::multigrid
