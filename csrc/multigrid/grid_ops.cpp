#include "multigrid/grid_ops.h"

#include <algorithm>
#include <array>

namespace longtail::multigrid {
namespace {

/// Calls solve(hierarchy, problem, parallel_for): many problems side by side, a few one after the
/// other with all threads on each.
template <class S, class Solve>
void each_problem(const GridOperators<S>& a, std::int64_t batch, const ParallelFor& parallel_for,
                  const Solve& solve) {
  const auto run = [&](std::int64_t begin, std::int64_t end, const ParallelFor& within) {
    for (std::int64_t b = begin; b < end; ++b) {
      solve(StencilHierarchy<S>(a.plan, a.memory + b % a.systems * a.plan.numbers), b, within);
    }
  };
  constexpr std::int64_t many = 8;
  if (batch < many) return run(0, batch, parallel_for);
  run_parallel(parallel_for, 0, batch, 1,
               [&](std::int64_t begin, std::int64_t end) { run(begin, end, {}); });
}

/// One contiguous problem into a grid, ghosts too.
template <class S>
void read(const GridShape& shape, const S* from, S* to, const ParallelFor& parallel_for) {
  const std::int64_t n = shape.sizes[2];
  each_line(shape, parallel_for,
            [&](std::int64_t i) { std::copy_n(from + i * n, n, to + shape.line(i)); });
  wrap_ghosts(shape, to);
}

template <class S>
void write(const GridShape& shape, const S* from, S* to, const ParallelFor& parallel_for) {
  const std::int64_t n = shape.sizes[2];
  each_line(shape, parallel_for,
            [&](std::int64_t i) { std::copy_n(from + shape.line(i), n, to + i * n); });
}

}  // namespace

template <class S>
void grid_apply(const GridOperators<S>& a, std::int64_t batch, const S* u, S* to,
                const ParallelFor& parallel_for) {
  each_problem(a, batch, parallel_for,
               [&](const auto& hierarchy, std::int64_t b, const auto& pool) {
                 const StencilLevel<S>& level = hierarchy.levels()[a.level];
                 const std::int64_t points = level.shape.points();
                 Grid<S> values(level.shape), result(level.shape);
                 read(level.shape, u + b * points, values.data(), pool);
                 each_line(level.shape, pool, [&](std::int64_t line) {
                   stencil_kernels<S>().apply(level.view, values.data(), line,
                                              result.data() + level.shape.line(line));
                 });
                 write(level.shape, result.data(), to + b * points, pool);
               });
}

template <class S>
void grid_smooth(const GridOperators<S>& a, const StencilMethod& method, int steps, bool reverse,
                 std::int64_t batch, const S* u, const S* f, S* to,
                 const ParallelFor& parallel_for) {
  each_problem(a, batch, parallel_for,
               [&](const auto& hierarchy, std::int64_t b, const auto& pool) {
                 const StencilLevel<S>& level = hierarchy.levels()[a.level];
                 const std::int64_t at = b * level.shape.points();
                 LevelMemory<S> memory(level.shape, method.smoother);
                 if (u) read(level.shape, u + at, memory.u.data(), pool);
                 read(level.shape, f + at, memory.f.data(), pool);
                 smooth(level, memory, method, steps, reverse, pool);
                 write(level.shape, memory.u.data(), to + at, pool);
               });
}

template <class S>
void grid_cycle(const GridOperators<S>& a, const StencilMethod& method, std::int64_t batch,
                const S* u, const S* f, S* to, const ParallelFor& parallel_for) {
  each_problem(a, batch, parallel_for,
               [&](const auto& hierarchy, std::int64_t b, const auto& pool) {
                 const GridShape& shape = hierarchy.levels()[a.level].shape;
                 const std::int64_t at = b * shape.points();
                 StencilWorkspace<S> workspace(hierarchy, method.smoother, a.level);
                 if (u) read(shape, u + at, workspace.u(a.level), pool);
                 read(shape, f + at, workspace.f(a.level), pool);
                 v_cycle(hierarchy, workspace, a.level, u == nullptr, method, pool);
                 write(shape, workspace.u(a.level), to + at, pool);
               });
}

template <class S>
void grid_restrict(const GridOperators<S>& a, std::int64_t batch, const S* r, S* to,
                   const ParallelFor& parallel_for) {
  each_problem(a, batch, parallel_for,
               [&](const auto& hierarchy, std::int64_t b, const auto& pool) {
                 const StencilLevel<S>& level = hierarchy.levels()[a.level];
                 Grid<S> fine(level.shape), coarse(level.coarse);
                 read(level.shape, r + b * level.shape.points(), fine.data(), pool);
                 restrict_residual<S>(level, nullptr, fine.data(), coarse.data(), pool);
                 write(level.coarse, coarse.data(), to + b * level.coarse.points(), pool);
               });
}

template <class S>
void grid_prolong(const GridOperators<S>& a, std::int64_t batch, const S* e, S* to,
                  const ParallelFor& parallel_for) {
  each_problem(a, batch, parallel_for,
               [&](const auto& hierarchy, std::int64_t b, const auto& pool) {
                 const StencilLevel<S>& level = hierarchy.levels()[a.level];
                 Grid<S> fine(level.shape), coarse(level.coarse);
                 read(level.coarse, e + b * level.coarse.points(), coarse.data(), pool);
                 prolong_and_add(level, coarse.data(), fine.data(), pool);
                 write(level.shape, fine.data(), to + b * level.shape.points(), pool);
               });
}

template <class S>
void diffusion_apply(const DiffusionShape& of, std::int64_t systems, const S* const faces[3],
                     std::int64_t batch, const S* u, S* to, const ParallelFor& parallel_for) {
  const std::int64_t* const n = of.sizes;
  const std::int64_t lines = n[0] * n[1];
  const std::int64_t grain = std::max<std::int64_t>(1, (1 << 14) / n[2]);
  run_parallel(parallel_for, 0, batch * lines, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t system = i / lines % systems, plane = i % lines / n[1], row = i % n[1];
      const S* const here = u + i * n[2];
      FaceLine<S> line{n[2], of.periodic[2], 0, {}, {}, nullptr, here};
      line.along = faces[2] + (system * lines + plane * n[1] + row) * (n[2] + 1);
      const std::int64_t place[2] = {plane, row}, steps[2] = {n[1] * n[2], n[2]};
      for (int axis = of.flat ? 1 : 0; axis < 2; ++axis) {
        const std::int64_t size = n[axis], step = steps[axis], at = place[axis];
        // Across planes faces are [system, size + 1, row, point], across rows [.., size + 1,
        // point].
        const std::int64_t first = axis == 0 ? system * (size + 1) * step + row * n[2]
                                             : (system * n[0] + plane) * (size + 1) * step;
        const S* const before = faces[axis] + first + at * step;
        const bool wraps = of.periodic[axis] && at + 1 == size;
        line.faces[line.count] = before;
        line.beyond[line.count++] = at > 0              ? here - step
                                    : of.periodic[axis] ? here + (size - 1) * step
                                                        : nullptr;
        line.faces[line.count] = wraps ? faces[axis] + first : before + step;
        line.beyond[line.count++] = at + 1 < size       ? here + step
                                    : of.periodic[axis] ? here - (size - 1) * step
                                                        : nullptr;
      }
      stencil_kernels<S>().flow(line, to + i * n[2]);
    }
  });
}

#define LONGTAIL_INSTANTIATE(S)                                                            \
  template void grid_apply<S>(const GridOperators<S>&, std::int64_t, const S*, S*,         \
                              const ParallelFor&);                                         \
  template void grid_smooth<S>(const GridOperators<S>&, const StencilMethod&, int, bool,   \
                               std::int64_t, const S*, const S*, S*, const ParallelFor&);  \
  template void grid_cycle<S>(const GridOperators<S>&, const StencilMethod&, std::int64_t, \
                              const S*, const S*, S*, const ParallelFor&);                 \
  template void grid_restrict<S>(const GridOperators<S>&, std::int64_t, const S*, S*,      \
                                 const ParallelFor&);                                      \
  template void grid_prolong<S>(const GridOperators<S>&, std::int64_t, const S*, S*,       \
                                const ParallelFor&);                                       \
  template void diffusion_apply<S>(const DiffusionShape&, std::int64_t, const S* const[3], \
                                   std::int64_t, const S*, S*, const ParallelFor&);
LONGTAIL_INSTANTIATE(float)
LONGTAIL_INSTANTIATE(double)
#undef LONGTAIL_INSTANTIATE

}  // namespace longtail::multigrid
