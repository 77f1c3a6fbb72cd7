// The cycle of stencil_hierarchy.h.
#include <algorithm>

#include "multigrid/stencil_hierarchy.h"
#include "multigrid/stencil_level.h"

namespace longtail::multigrid {
namespace {

const StencilKernels<float>& kernels() {
  static constexpr PerLevel<const AllStencilKernels*> levels =
      LONGTAIL_ADDRESS_PER_LEVEL(kStencilKernels);
  return levels[cpu_level()]->float32;
}

/// Rows that are worth a task.
std::int64_t grain(const GridShape& shape) {
  constexpr std::int64_t points = 1 << 14;
  return std::max<std::int64_t>(1, points / shape.sizes[2]);
}

template <class Visit>
void each_line(const GridShape& shape, const ParallelFor& parallel_for, const Visit& visit) {
  run_parallel(parallel_for, 0, shape.lines(), grain(shape),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t line = begin; line < end; ++line) visit(line);
               });
}

/// Points of one colour have no neighbours of their own: red and black for a cross; else a colour
/// for each combination of even and odd indices.
void relax_colour(const StencilLevel& level, float* u, const float* f, int colour,
                  const ParallelFor& parallel_for) {
  const GridShape& shape = level.shape;
  const bool cross = level.view.reach == Reach::flat_cross || level.view.reach == Reach::cross;
  each_line(shape, parallel_for, [&](std::int64_t line) {
    const std::int64_t plane = line / shape.sizes[1], row = line % shape.sizes[1];
    if (cross) {
      kernels().relax(level.view, u, f, line, static_cast<int>((plane + row + colour) % 2));
    } else if (plane % 2 == colour / 4 && row % 2 == colour / 2 % 2) {
      kernels().relax(level.view, u, f, line, colour % 2);
    }
  });
  wrap_ghosts(shape, u);
}

int colours(const StencilLevel& level) {
  switch (level.view.reach) {
    case Reach::flat_full:
      return 4;
    case Reach::full:
      return 8;
    default:
      return 2;
  }
}

/// The offsets at which coarse lines share in a fine one, as (plane, row) of coarse line and offset.
struct SharedLine {
  std::int64_t line;
  int plane, row;
};
int shared_lines(const StencilLevel& level, std::int64_t fine, SharedLine lines[4]) {
  int count = 1;
  std::int64_t places[4][2];
  int offsets[4][2];
  const std::int64_t at[2] = {fine / level.shape.sizes[1], fine % level.shape.sizes[1]};
  for (int axis = 0; axis < 2; ++axis) {
    const CoarseAxis& map = level.shares.axes[axis];
    const std::int64_t size = level.coarse.sizes[axis];
    std::int64_t options[2];
    int seen[2], found = 0;
    if (!map.halved || (at[axis] - map.first) % 2 == 0) {
      options[0] = map.halved ? (at[axis] - map.first) / 2 : at[axis];
      seen[0] = 0;
      found = 1;
    } else {
      const std::int64_t right = (at[axis] + 1 - map.first) / 2;
      for (int side = 0; side < 2; ++side) {
        std::int64_t c = right - 1 + side;
        if (level.coarse.periodic[axis] && !map.seam) c = (c + size) % size;
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

/// coarse_f = P^T (f - A u), a coarse line a task: the residuals of its fine lines are computed
/// where they are used, so that sums have one order.
void restrict_residual(const StencilLevel& level, const float* u, const float* f, float* coarse_f,
                       const ParallelFor& parallel_for) {
  const GridShape &fine = level.shape, &coarse = level.coarse;
  const std::int64_t n = fine.sizes[2];
  run_parallel(
      parallel_for, 0, coarse.lines(), grain(coarse), [&](std::int64_t begin, std::int64_t end) {
        // Room for a ghost in front and for whole vectors.
        const std::int64_t stride = fine.row_stride + kAlignedNumbers<float>;
        constexpr int slots = 16;  // more lines than one coarse line reads
        std::vector<float> memory(slots * stride, 0.0f);
        std::int64_t tags[slots];
        std::fill_n(tags, slots, -1);
        int next = 0;
        const auto residual_of = [&](std::int64_t line) -> const float* {
          for (int slot = 0; slot < slots; ++slot) {
            if (tags[slot] == line) return memory.data() + slot * stride + kAlignedNumbers<float>;
          }
          float* const to = memory.data() + next * stride + kAlignedNumbers<float>;
          tags[next] = line;
          next = (next + 1) % slots;
          kernels().residual(level.view, u, f, line, to);
          to[-1] = fine.periodic[2] ? to[n - 1] : 0;
          to[n] = fine.periodic[2] ? to[0] : 0;
          return to;
        };
        for (std::int64_t line = begin; line < end; ++line) {
          const std::int64_t place[2] = {line / coarse.sizes[1], line % coarse.sizes[1]};
          const std::int64_t at = coarse.line(line);
          std::fill_n(coarse_f + at, coarse.sizes[2], 0.0f);
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
              kernels().restrict_row(level.shares, p, r, at, coarse.sizes[2], n,
                                     residual_of(from[0] * fine.sizes[1] + from[1]),
                                     coarse_f + at);
            }
          }
        }
      });
}

void prolong_and_add(const StencilLevel& level, const float* coarse_u, float* u,
                     const ParallelFor& parallel_for) {
  const GridShape &fine = level.shape, &coarse = level.coarse;
  each_line(fine, parallel_for, [&](std::int64_t line) {
    SharedLine lines[4];
    const int count = shared_lines(level, line, lines);
    for (int i = 0; i < count; ++i) {
      const std::int64_t at = coarse.line(lines[i].line);
      kernels().prolong_row(level.shares, lines[i].plane, lines[i].row, at, coarse.sizes[2],
                            fine.sizes[2], coarse_u + at, u + fine.line(line));
    }
  });
  wrap_ghosts(fine, u);
}

void solve_coarsest(const StencilHierarchy& hierarchy, float* u, const float* f) {
  const GridShape& shape = hierarchy.levels().back().shape;
  const std::int64_t n = shape.points();
  const float* const inverse = hierarchy.coarsest_inverse().data();
  const auto at = [&](std::int64_t i) { return shape.line(i / shape.sizes[2]) + i % shape.sizes[2]; };
  for (std::int64_t i = 0; i < n; ++i) {
    float sum = 0;
    for (std::int64_t j = 0; j < n; ++j) sum += inverse[i * n + j] * f[at(j)];
    u[at(i)] = sum;
  }
  wrap_ghosts(shape, u);
}

void cycle(const StencilHierarchy& hierarchy, StencilWorkspace& workspace, std::size_t i,
           const ParallelFor& parallel_for) {
  float *const u = workspace.u(i), *const f = workspace.f(i);
  const StencilLevel& level = hierarchy.levels()[i];
  if (i + 1 == hierarchy.levels().size()) return solve_coarsest(hierarchy, u, f);
  std::fill_n(u - origin_of<float>(level.shape), numbers_of<float>(level.shape), 0.0f);
  const int count = colours(level);
  for (int c = 0; c < count; ++c) relax_colour(level, u, f, c, parallel_for);
  restrict_residual(level, u, f, workspace.f(i + 1), parallel_for);
  cycle(hierarchy, workspace, i + 1, parallel_for);
  prolong_and_add(level, workspace.u(i + 1), u, parallel_for);
  for (int c = count - 1; c >= 0; --c) relax_colour(level, u, f, c, parallel_for);
}

}  // namespace

void symmetric_cycle(const StencilHierarchy& hierarchy, StencilWorkspace& workspace,
                     const ParallelFor& parallel_for) {
  cycle(hierarchy, workspace, 0, parallel_for);
}

}  // namespace longtail::multigrid
