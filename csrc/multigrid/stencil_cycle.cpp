// Transfers and the cycle of stencil_cycle.h.
#include "multigrid/stencil_cycle.h"

#include <algorithm>

#include "multigrid/dense.h"
#include "multigrid/recent.h"

namespace longtail::multigrid {
namespace {

/// The offsets at which coarse lines share in a fine one, as (plane, row) of coarse line and
/// offset.
struct SharedLine {
  std::int64_t line;
  int plane, row;
};
template <class S>
int shared_lines(const StencilLevel<S>& level, std::int64_t fine, SharedLine lines[4]) {
  int count = 1;
  std::int64_t places[4][2];
  int offsets[4][2];
  const std::int64_t at[2] = {fine / level.shape.sizes[1], fine % level.shape.sizes[1]};
  for (int axis = 0; axis < 2; ++axis) {
    const CoarseAxis& map = level.shares.axes[axis];
    const std::int64_t size = level.coarse.sizes[axis];
    const std::int64_t from = map.unwrapped(at[axis], level.shape.sizes[axis]) - map.first;
    std::int64_t options[2];
    int seen[2], found = 0;
    if (!map.halved || from % 2 == 0) {
      options[0] = map.halved ? from / 2 : at[axis];
      seen[0] = 0;
      found = 1;
    } else {
      const std::int64_t right = (from + 1) / 2;
      for (int side = 0; side < 2; ++side) {
        std::int64_t c = right - 1 + side;
        if (level.coarse.periodic[axis]) c = (c + size) % size;
        if (c < 0 || c >= size) continue;
        options[found] = c;
        seen[found++] = side == 0 ? 1 : -1;
      }
    }
    // All pairs with what the axis before has.
    const int before = axis == 0 ? 1 : count;
    std::int64_t old_places[4];
    int old_offsets[4];
    for (int i = 0; i < before; ++i) {
      old_places[i] = axis == 0 ? 0 : places[i][0];
      old_offsets[i] = axis == 0 ? 0 : offsets[i][0];
    }
    count = 0;
    for (int i = 0; i < before; ++i) {
      for (int j = 0; j < found; ++j, ++count) {
        places[count][0] = axis == 0 ? options[j] : old_places[i];
        offsets[count][0] = axis == 0 ? seen[j] : old_offsets[i];
        places[count][1] = axis == 0 ? 0 : options[j];
        offsets[count][1] = axis == 0 ? 0 : seen[j];
      }
    }
  }
  for (int i = 0; i < count; ++i) {
    lines[i] = {places[i][0] * level.coarse.sizes[1] + places[i][1], offsets[i][0], offsets[i][1]};
  }
  return count;
}

template <class S>
void solve_coarsest(const StencilHierarchy<S>& hierarchy, S* u, const S* f) {
  const GridShape& shape = hierarchy.levels().back().shape;
  multiply_by_inverse(shape, hierarchy.coarsest_inverse(), u, f);
  wrap_ghosts(shape, u);
}

/// The same as a correction of u: where constants are in the null space, u keeps its own.
template <class S>
void correct_coarsest(const StencilHierarchy<S>& hierarchy, S* u, const S* f) {
  const StencilLevel<S>& level = hierarchy.levels().back();
  Grid<S> residual(level.shape), correction(level.shape);
  for (std::int64_t line = 0; line < level.shape.lines(); ++line) {
    stencil_kernels<S>().residual(level.view, u, f, line, residual.data() + level.shape.line(line));
  }
  solve_coarsest(hierarchy, correction.data(), residual.data());
  for (std::int64_t line = 0; line < level.shape.lines(); ++line) {
    const std::int64_t at = level.shape.line(line);
    for (std::int64_t x = at; x < at + level.shape.sizes[2]; ++x) u[x] += correction.data()[x];
  }
  wrap_ghosts(level.shape, u);
}

}  // namespace

/// A coarse line a task: the residuals of its fine lines are computed where they are used, so that
/// sums have one order.
template <class S>
void restrict_residual(const StencilLevel<S>& level, const S* u, const S* f, S* to_coarse,
                       const ParallelFor& parallel_for) {
  const GridShape &fine = level.shape, &coarse = level.coarse;
  const std::int64_t n = fine.sizes[2];
  run_parallel(
      parallel_for, 0, coarse.lines(), row_grain(coarse),
      [&](std::int64_t begin, std::int64_t end) {
        // Room for a ghost in front and for whole vectors.
        const std::int64_t stride = fine.row_stride + kAlignedNumbers<S>;
        Recent<S, 16> rows(stride);  // more lines than one coarse line reads
        const auto residual_of = [&](std::int64_t line) -> const S* {
          const S* const row = rows.get(line, [&](std::int64_t, S* room) {
            S* const to = room + kAlignedNumbers<S>;
            if (u) {
              stencil_kernels<S>().residual(level.view, u, f, line, to);
            } else {
              std::copy_n(f + fine.line(line), n, to);
            }
            to[-1] = fine.periodic[2] ? to[n - 1] : 0;
            to[n] = fine.periodic[2] ? to[0] : 0;
            if (level.shares.axes[2].seam) to[n + 1] = to[1];  // not shared, but read
          });
          return row + kAlignedNumbers<S>;
        };
        for (std::int64_t line = begin; line < end; ++line) {
          const std::int64_t place[2] = {line / coarse.sizes[1], line % coarse.sizes[1]};
          const std::int64_t at = coarse.line(line);
          std::fill_n(to_coarse + at, coarse.sizes[2], S(0));
          const auto reach = [&](int axis) { return level.shares.axes[axis].halved ? 1 : 0; };
          for (int p = -reach(0); p <= reach(0); ++p) {
            for (int r = -reach(1); r <= reach(1); ++r) {
              std::int64_t from[2] = {level.shares.axes[0].fine(place[0]) + p,
                                      level.shares.axes[1].fine(place[1]) + r};
              bool inside = true;
              for (int axis = 0; axis < 2; ++axis) {
                const std::int64_t size = fine.sizes[axis];
                if (fine.periodic[axis]) from[axis] = (from[axis] + size) % size;
                inside = inside && from[axis] >= 0 && from[axis] < size;
              }
              if (!inside) continue;
              stencil_kernels<S>().restrict_row(level.shares, p, r, at, coarse.sizes[2], n,
                                                residual_of(from[0] * fine.sizes[1] + from[1]),
                                                to_coarse + at);
            }
          }
        }
      });
}

template <class S>
void prolong_and_add(const StencilLevel<S>& level, const S* from_coarse, S* u,
                     const ParallelFor& parallel_for) {
  const GridShape &fine = level.shape, &coarse = level.coarse;
  each_line(fine, parallel_for, [&](std::int64_t line) {
    SharedLine lines[4];
    const int count = shared_lines(level, line, lines);
    for (int i = 0; i < count; ++i) {
      const std::int64_t at = coarse.line(lines[i].line);
      stencil_kernels<S>().prolong_row(level.shares, lines[i].plane, lines[i].row, at,
                                       coarse.sizes[2], fine.sizes[2], from_coarse + at,
                                       u + fine.line(line));
    }
  });
  wrap_ghosts(fine, u);
}

template <class S>
StencilWorkspace<S>::StencilWorkspace(const StencilHierarchy<S>& hierarchy, Smoother smoother,
                                      std::size_t first) {
  for (std::size_t i = 0; i < hierarchy.levels().size(); ++i) {
    if (i < first) {
      memory_.emplace_back();
    } else {
      memory_.emplace_back(hierarchy.levels()[i].shape, smoother);
    }
  }
}

template <class S>
void v_cycle(const StencilHierarchy<S>& hierarchy, StencilWorkspace<S>& workspace, std::size_t i,
             bool zero, const StencilMethod& method, const ParallelFor& parallel_for) {
  S *const u = workspace.u(i), *const f = workspace.f(i);
  const StencilLevel<S>& level = hierarchy.levels()[i];
  if (i + 1 == hierarchy.levels().size()) {
    return zero ? solve_coarsest(hierarchy, u, f) : correct_coarsest(hierarchy, u, f);
  }
  if (zero) std::fill_n(u - origin_of<S>(level.shape), numbers_of<S>(level.shape), S(0));
  smooth(level, workspace.at(i), method, method.before, method.reverse_before, parallel_for);
  restrict_residual(level, u, f, workspace.f(i + 1), parallel_for);
  v_cycle(hierarchy, workspace, i + 1, true, method, parallel_for);
  prolong_and_add(level, workspace.u(i + 1), u, parallel_for);
  smooth(level, workspace.at(i), method, method.after, method.reverse_after, parallel_for);
}

template class StencilWorkspace<float>;
template class StencilWorkspace<double>;
template void restrict_residual<float>(const StencilLevel<float>&, const float*, const float*,
                                       float*, const ParallelFor&);
template void prolong_and_add<float>(const StencilLevel<float>&, const float*, float*,
                                     const ParallelFor&);
template void v_cycle<float>(const StencilHierarchy<float>&, StencilWorkspace<float>&, std::size_t,
                             bool, const StencilMethod&, const ParallelFor&);
template void restrict_residual<double>(const StencilLevel<double>&, const double*, const double*,
                                        double*, const ParallelFor&);
template void prolong_and_add<double>(const StencilLevel<double>&, const double*, double*,
                                      const ParallelFor&);
template void v_cycle<double>(const StencilHierarchy<double>&, StencilWorkspace<double>&,
                              std::size_t, bool, const StencilMethod&, const ParallelFor&);

}  // namespace longtail::multigrid
