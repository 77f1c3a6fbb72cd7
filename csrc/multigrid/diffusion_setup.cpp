// From faces to operators, and from operators to their levels.
#include <algorithm>

#include "multigrid/diffusion.h"

namespace longtail::multigrid {
namespace {

constexpr int kBefore[3] = {offset_index(-1, 0, 0), offset_index(0, -1, 0), offset_index(0, 0, -1)};

}  // namespace

std::array<const double*, 3> faces_of(const DiffusionShape& shape, const double* const faces[3],
                                      std::int64_t i) {
  const std::int64_t* const n = shape.sizes;
  std::array<const double*, 3> result{};
  for (int axis = shape.flat ? 1 : 0; axis < 3; ++axis) {
    result[axis] = faces[axis] + i * (n[0] * n[1] * n[2] / n[axis] * (n[axis] + 1));
  }
  return result;
}

bool is_singular(const DiffusionShape& shape, const double* const faces[3]) {
  const std::int64_t* const n = shape.sizes;
  for (int axis = shape.flat ? 1 : 0; axis < 3; ++axis) {
    if (shape.periodic[axis]) continue;
    const std::int64_t inner = axis == 0 ? n[1] * n[2] : axis == 1 ? n[2] : 1;
    const std::int64_t outer = n[0] * n[1] * n[2] / n[axis] / inner;
    for (std::int64_t i = 0; i < outer; ++i) {
      const double* const first = faces[axis] + i * (n[axis] + 1) * inner;
      const double* const last = first + n[axis] * inner;
      for (std::int64_t j = 0; j < inner; ++j) {
        if (first[j] != 0 || last[j] != 0) return false;
      }
    }
  }
  return true;
}

Stencil diffusion_stencil(const DiffusionShape& of, const double* const faces[3]) {
  const GridShape shape = shape_for<double>(of.flat, of.sizes, of.periodic);
  Stencil result{shape, of.flat ? Reach::flat_cross : Reach::cross, {}, Grid<double>(shape)};
  const std::int64_t* const n = of.sizes;
  double* const centre = result.centre.data();
  for (int axis = of.flat ? 1 : 0; axis < 3; ++axis) {
    Grid<double>& weights = result.weights[kBefore[axis]];
    weights = Grid<double>(shape);
    if (of.periodic[axis] && n[axis] == 1) continue;  // what flows out of the point flows in
    // Steps between faces: along their axis there is one more than points.
    std::int64_t steps[3] = {n[1] * n[2], n[2], 1};
    if (axis == 2) steps[0] = n[1] * (n[2] + 1), steps[1] = n[2] + 1;
    if (axis == 1) steps[0] = (n[1] + 1) * n[2];
    for (std::int64_t line = 0; line < shape.lines(); ++line) {
      const std::int64_t plane = line / n[1], row = line % n[1], at = shape.line(line);
      const double* const face = faces[axis] + plane * steps[0] + row * steps[1];
      const std::int64_t place = axis == 0 ? plane : row;
      for (std::int64_t x = 0; x < n[2]; ++x) {
        const std::int64_t i = axis == 2 ? x : place;
        const double before = face[x];
        const double behind = of.periodic[axis] && i + 1 == n[axis]
                                  ? face[x - (n[axis] - 1) * steps[axis]]
                                  : face[x + steps[axis]];
        weights.data()[at + x] = i > 0 || of.periodic[axis] ? before : 0;
        centre[at + x] += before + behind;
      }
    }
    wrap_ghosts(shape, weights.data());
  }
  wrap_ghosts(shape, centre);
  return result;
}

template <class S>
void diffusion_hierarchy(const DiffusionShape& shape, std::int64_t systems,
                         const double* const faces[3], S* memory, const ParallelFor& parallel_for) {
  const StencilPlan plan = plan_levels<S>(shape);
  run_parallel(parallel_for, 0, systems, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const auto of = faces_of(shape, faces, i);
      S* const to = memory + i * plan.numbers;
      std::fill_n(to, plan.numbers, S(0));
      build_hierarchy(diffusion_stencil(shape, of.data()), plan, is_singular(shape, of.data()), to);
    }
  });
}

template <class S>
void stencil_hierarchy(const DiffusionShape& of, std::int64_t systems, const double* entries,
                       bool singular, S* memory, const ParallelFor& parallel_for) {
  const StencilPlan plan = plan_levels<S>(of);
  const GridShape shape = shape_for<double>(of.flat, of.sizes, of.periodic);
  const Reach reach = of.flat ? Reach::flat_full : Reach::full;
  const std::vector<int>& before = offsets_before(reach);
  const std::int64_t points = shape.points(), n = shape.sizes[2];
  // Whether a place along an axis is one, of the grid or around a periodic axis.
  const auto inside = [&](int axis, std::int64_t place) {
    return of.periodic[axis] || (place >= 0 && place < shape.sizes[axis]);
  };
  const auto stencil_of = [&](const double* from) {
    Stencil result{shape, reach, {}, Grid<double>(shape)};
    for (std::size_t k = 0; k <= before.size(); ++k, from += points) {
      const bool centre = k == before.size();
      const Offset o = offset_of(centre ? kCentre : before[k]);
      Grid<double>& grid = centre ? result.centre : result.weights[before[k]];
      if (!centre) grid = Grid<double>(shape);
      for (std::int64_t line = 0; line < shape.lines(); ++line) {
        if (!inside(0, line / shape.sizes[1] + o.plane)) continue;
        if (!inside(1, line % shape.sizes[1] + o.row)) continue;
        double* const row = grid.data() + shape.line(line);
        for (std::int64_t x = 0; x < n; ++x) {
          if (inside(2, x + o.point)) row[x] = from[line * n + x];
        }
      }
      wrap_ghosts(shape, grid.data());
    }
    return result;
  };
  const std::int64_t each = (static_cast<std::int64_t>(before.size()) + 1) * points;
  run_parallel(parallel_for, 0, systems, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      S* const to = memory + i * plan.numbers;
      std::fill_n(to, plan.numbers, S(0));
      build_hierarchy(stencil_of(entries + i * each), plan, singular, to);
    }
  });
}

template void stencil_hierarchy<float>(const DiffusionShape&, std::int64_t, const double*, bool,
                                       float*, const ParallelFor&);
template void stencil_hierarchy<double>(const DiffusionShape&, std::int64_t, const double*, bool,
                                        double*, const ParallelFor&);
template void diffusion_hierarchy<float>(const DiffusionShape&, std::int64_t,
                                         const double* const[3], float*, const ParallelFor&);
template void diffusion_hierarchy<double>(const DiffusionShape&, std::int64_t,
                                          const double* const[3], double*, const ParallelFor&);

}  // namespace longtail::multigrid
