// The shape of the operators that csrc/multigrid/grid_ops.h computes, for the CPU and CUDA.
#pragma once

#include <string>
#include <vector>

#include "multigrid/grid_ops.h"
#include "torch/multigrid.h"

namespace longtail::torch_layer {

// What the last arguments of every operator say of its grid; planes = 0: a flat one.
struct GridArguments {
  std::int64_t planes, rows, points;
  double spacings[3];
  std::int64_t periodic, level;
};

inline DType solver_dtype(const char* function, const char* name, const Tensor& tensor) {
  const DType dtype = floating_dtype(tensor, function, name);
  check_argument(dtype == DType::float64 || dtype == DType::float32, function, name,
                 "of dtype " + std::string(to_string(dtype)), "float32 or float64");
  return dtype;
}

// The fourth bit of `periodic`: the finest operator reaches all neighbours.
inline multigrid::DiffusionShape diffusion_shape(const char* function, const GridArguments& grid,
                                                 bool may_be_full = false) {
  const std::int64_t given[3] = {grid.planes, grid.rows, grid.points};
  multigrid::DiffusionShape shape{};
  shape.flat = grid.planes == 0;
  check_argument(grid.periodic >= 0 && grid.periodic < (may_be_full ? 16 : 8), function, "periodic",
                 grid.periodic, may_be_full ? "four bits" : "three bits");
  shape.full = grid.periodic >= 8;
  for (int axis = 0; axis < 3; ++axis) {
    shape.sizes[axis] = axis == 0 && shape.flat ? 1 : given[axis];
    shape.periodic[axis] = (grid.periodic >> axis & 1) != 0;
    shape.spacings[axis] = grid.spacings[axis];
    check_argument(shape.sizes[axis] > 0 && shape.sizes[axis] < (std::int64_t{1} << 40), function,
                   "size", shape.sizes[axis], "at least 1");
    check_argument(grid.spacings[axis] > 0, function, "spacing", grid.spacings[axis],
                   "a positive number");
  }
  return shape;
}

// faces[d] [systems, (planes,) rows, points], one more along d; checks them and makes them
// contiguous. The spacings are 1.
inline multigrid::DiffusionShape shape_of_faces(const char* function, Tensor* const faces[3],
                                                std::int64_t periodic) {
  const char* names[3] = {"plane_faces", "row_faces", "point_faces"};
  const Tensor& along = *faces[2];
  check_argument(along.dim() == 3 || along.dim() == 4, function, names[2],
                 "of shape " + shape_string(along), "[systems, (planes,) rows, points + 1]");
  const bool flat = along.dim() == 3;
  check_argument(flat == !given(*faces[0]), function, names[0],
                 "of shape " + shape_string(*faces[0]), "[0] for a flat grid, and only then");
  std::vector<std::int64_t> sizes = sizes_of(along);
  sizes.back() -= 1;
  const std::size_t first = sizes.size() - 3;
  const GridArguments grid{flat ? 0 : sizes[1], sizes[first + 1], sizes[first + 2],
                           {1, 1, 1},           periodic,         0};
  const multigrid::DiffusionShape shape = diffusion_shape(function, grid);
  for (int axis = flat ? 1 : 0; axis < 3; ++axis) {
    std::vector<std::int64_t> expected = sizes;
    expected[first + axis] += 1;
    check_same_dtype(*faces[axis], along, function, names[axis], names[2]);
    check_same_device(*faces[axis], along, function, names[axis], names[2]);
    check_argument(sizes_of(*faces[axis]) == expected, function, names[axis],
                   "of shape " + shape_string(*faces[axis]),
                   "that of point_faces, one more along its own axis only");
    *faces[axis] = torch::stable::contiguous(*faces[axis]);
  }
  return shape;
}

// Values [batch, (planes,) rows, points] of a grid of these sizes.
inline void check_values(const char* function, const char* name, const Tensor& values, bool flat,
                         const std::int64_t sizes[3], std::int64_t systems) {
  const bool fits = values.dim() == (flat ? 3 : 4) && values.size(-1) == sizes[2] &&
                    values.size(-2) == sizes[1] && (flat || values.size(-3) == sizes[0]);
  check_argument(fits, function, name, "of shape " + shape_string(values),
                 "[batch, " + (flat ? "" : std::to_string(sizes[0]) + ", ") +
                     std::to_string(sizes[1]) + ", " + std::to_string(sizes[2]) + "]");
  check_argument(systems > 0 ? values.size(0) % systems == 0 : values.size(0) == 0, function, name,
                 "with a batch of " + std::to_string(values.size(0)),
                 "a multiple of the systems, " + std::to_string(systems));
}

template <class Backend>
Tensor hierarchy_value(Tensor plane_faces, Tensor row_faces, Tensor point_faces,
                       double plane_spacing, double row_spacing, double point_spacing,
                       std::int64_t periodic, bool narrow) {
  const char* function = "diffusion_hierarchy";
  using torch::headeronly::ScalarType;
  Tensor* const faces[3] = {&plane_faces, &row_faces, &point_faces};
  check_argument(point_faces.scalar_type() == ScalarType::Double, function, "point_faces",
                 "of another dtype", "float64");
  multigrid::DiffusionShape shape = shape_of_faces(function, faces, periodic);
  const double spacings[3] = {plane_spacing, row_spacing, point_spacing};
  for (int axis = 0; axis < 3; ++axis) {
    check_argument(spacings[axis] > 0, function, "spacing", spacings[axis], "a positive number");
    shape.spacings[axis] = spacings[axis];
  }
  const std::int64_t systems = point_faces.size(0);
  const std::int64_t numbers = narrow ? multigrid::plan_levels<float>(shape).numbers
                                      : multigrid::plan_levels<double>(shape).numbers;
  Tensor to = torch::stable::new_empty(point_faces, {systems, numbers},
                                       narrow ? ScalarType::Float : ScalarType::Double);
  if (systems > 0) Backend::hierarchy(shape, {plane_faces, row_faces, point_faces}, narrow, to);
  return to;
}

// entries [systems, 5 or 14, (planes,) rows, points]: weights of the offsets before the centre, in
// memory order, and the centre.
template <class Backend>
Tensor stencil_hierarchy_value(Tensor entries, double plane_spacing, double row_spacing,
                               double point_spacing, std::int64_t periodic, bool singular,
                               bool narrow) {
  const char* function = "stencil_hierarchy";
  using torch::headeronly::ScalarType;
  check_argument(entries.scalar_type() == ScalarType::Double, function, "entries",
                 "of another dtype", "float64");
  const bool flat = entries.dim() == 4;
  check_argument((flat && entries.size(1) == 5) || (entries.dim() == 5 && entries.size(1) == 14),
                 function, "entries", "of shape " + shape_string(entries),
                 "[systems, 5, rows, points] or [systems, 14, planes, rows, points]");
  check_argument(periodic >= 0 && periodic < 8, function, "periodic", periodic, "three bits");
  const GridArguments grid{flat ? 0 : entries.size(2),
                           entries.size(-2),
                           entries.size(-1),
                           {plane_spacing, row_spacing, point_spacing},
                           periodic + 8,
                           0};
  const multigrid::DiffusionShape shape = diffusion_shape(function, grid, true);
  const std::int64_t systems = entries.size(0);
  const std::int64_t numbers = narrow ? multigrid::plan_levels<float>(shape).numbers
                                      : multigrid::plan_levels<double>(shape).numbers;
  Tensor to = torch::stable::new_empty(entries, {systems, numbers},
                                       narrow ? ScalarType::Float : ScalarType::Double);
  if (systems > 0) {
    Backend::of_entries(shape, torch::stable::contiguous(entries), singular, narrow, to);
  }
  return to;
}

template <class Backend>
Tensor apply_value(Tensor plane_faces, Tensor row_faces, Tensor point_faces, Tensor u,
                   std::int64_t periodic) {
  const char* function = "diffusion_apply";
  Tensor* const faces[3] = {&plane_faces, &row_faces, &point_faces};
  const DType dtype = solver_dtype(function, "u", u);
  const multigrid::DiffusionShape shape = shape_of_faces(function, faces, periodic);
  check_same_dtype(point_faces, u, function, "point_faces", "u");
  check_same_device(point_faces, u, function, "point_faces", "u");
  check_values(function, "u", u, shape.flat, shape.sizes, point_faces.size(0));
  Tensor to = empty_contiguous(u);
  if (u.numel() > 0) {
    Backend::apply(shape, {plane_faces, row_faces, point_faces}, dtype,
                   torch::stable::contiguous(u), to);
  }
  return to;
}

using multigrid::GridWork;

// u of shape [0]: none, 0.
template <class Backend>
Tensor grid_value(const char* function, const GridWork& work, Tensor hierarchy, Tensor u,
                  const Tensor* f, const GridArguments& grid) {
  const char* name = f ? "f" : "u";
  Tensor values = f ? *f : u;
  const DType dtype = solver_dtype(function, name, values);
  const multigrid::DiffusionShape shape = diffusion_shape(function, grid, true);
  const multigrid::StencilPlan plan = dtype == DType::float32
                                          ? multigrid::plan_levels<float>(shape)
                                          : multigrid::plan_levels<double>(shape);
  const auto levels = static_cast<std::int64_t>(plan.levels.size());
  const bool between = work.kind == GridWork::restrict || work.kind == GridWork::prolong;
  check_argument(grid.level >= 0 && grid.level < levels - (between ? 1 : 0), function, "level",
                 grid.level, between ? "one that has a coarser one" : "one of the levels");
  check_same_dtype(hierarchy, values, function, "hierarchy", name);
  check_same_device(hierarchy, values, function, "hierarchy", name);
  check_argument(hierarchy.dim() == 2 && hierarchy.size(1) == plan.numbers, function, "hierarchy",
                 "of shape " + shape_string(hierarchy),
                 "[systems, " + std::to_string(plan.numbers) + "] as diffusion_hierarchy makes it");
  const std::size_t here = grid.level, coarse = here + (between ? 1 : 0);
  const std::size_t from = work.kind == GridWork::prolong ? coarse : here;
  const std::size_t to_level = work.kind == GridWork::restrict ? coarse : here;
  const std::int64_t systems = hierarchy.size(0);
  check_values(function, name, values, shape.flat, plan.levels[from].shape.sizes, systems);
  if (f && given(u)) {
    check_same_dtype(u, values, function, "u", name);
    check_same_device(u, values, function, "u", name);
    check_same_shape(u, values, function, "u", name);
    u = torch::stable::contiguous(u);
  }
  std::vector<std::int64_t> sizes{values.size(0)};
  const std::int64_t* const result = plan.levels[to_level].shape.sizes;
  sizes.insert(sizes.end(), result + (shape.flat ? 1 : 0), result + 3);
  Tensor to = torch::stable::new_empty(values, sizes);
  if (values.numel() > 0) {
    Backend::grid(work, plan, torch::stable::contiguous(hierarchy), grid.level, dtype,
                  f && given(u) ? &u : nullptr, torch::stable::contiguous(values), to);
  }
  return to;
}

inline multigrid::StencilMethod method_of(const char* function, std::int64_t smoother,
                                          std::int64_t before, std::int64_t after, double omega,
                                          bool reverse_before, bool reverse_after) {
  check_argument(smoother >= 0 && smoother < 3, function, "smoother", smoother, "0, 1 or 2");
  check_argument(before >= 0 && before < 1000000, function, "steps", before, "0 to 999999");
  check_argument(after >= 0 && after < 1000000, function, "steps", after, "0 to 999999");
  return {static_cast<multigrid::Smoother>(smoother),
          static_cast<int>(before),
          static_cast<int>(after),
          omega,
          reverse_before,
          reverse_after};
}

template <class Backend>
struct GridValues {
  static Tensor apply(Tensor hierarchy, Tensor u, std::int64_t planes, std::int64_t rows,
                      std::int64_t points, double plane_spacing, double row_spacing,
                      double point_spacing, std::int64_t periodic, std::int64_t level) {
    return grid_value<Backend>(
        "grid_apply", {GridWork::apply}, hierarchy, u, nullptr,
        {planes, rows, points, {plane_spacing, row_spacing, point_spacing}, periodic, level});
  }
  static Tensor restrict(Tensor hierarchy, Tensor r, std::int64_t planes, std::int64_t rows,
                         std::int64_t points, double plane_spacing, double row_spacing,
                         double point_spacing, std::int64_t periodic, std::int64_t level) {
    return grid_value<Backend>(
        "grid_restrict", {GridWork::restrict}, hierarchy, r, nullptr,
        {planes, rows, points, {plane_spacing, row_spacing, point_spacing}, periodic, level});
  }
  static Tensor prolong(Tensor hierarchy, Tensor e, std::int64_t planes, std::int64_t rows,
                        std::int64_t points, double plane_spacing, double row_spacing,
                        double point_spacing, std::int64_t periodic, std::int64_t level) {
    return grid_value<Backend>(
        "grid_prolong", {GridWork::prolong}, hierarchy, e, nullptr,
        {planes, rows, points, {plane_spacing, row_spacing, point_spacing}, periodic, level});
  }
  static Tensor smooth(Tensor hierarchy, Tensor u, Tensor f, std::int64_t smoother,
                       std::int64_t steps, double omega, bool reverse, std::int64_t planes,
                       std::int64_t rows, std::int64_t points, double plane_spacing,
                       double row_spacing, double point_spacing, std::int64_t periodic,
                       std::int64_t level) {
    const char* function = "grid_smooth";
    const GridWork work{GridWork::smooth,
                        method_of(function, smoother, steps, 0, omega, reverse, false), reverse};
    return grid_value<Backend>(
        function, work, hierarchy, u, &f,
        {planes, rows, points, {plane_spacing, row_spacing, point_spacing}, periodic, level});
  }
  static Tensor cycle(Tensor hierarchy, Tensor u, Tensor f, std::int64_t smoother,
                      std::int64_t before, std::int64_t after, double omega, bool reverse_before,
                      bool reverse_after, std::int64_t planes, std::int64_t rows,
                      std::int64_t points, double plane_spacing, double row_spacing,
                      double point_spacing, std::int64_t periodic, std::int64_t level) {
    const char* function = "grid_cycle";
    const GridWork work{GridWork::cycle, method_of(function, smoother, before, after, omega,
                                                   reverse_before, reverse_after)};
    return grid_value<Backend>(
        function, work, hierarchy, u, &f,
        {planes, rows, points, {plane_spacing, row_spacing, point_spacing}, periodic, level});
  }
};

template <class Backend>
void register_grid_ops(torch::stable::detail::StableLibrary& m) {
  m.impl("diffusion_hierarchy", TORCH_BOX(&hierarchy_value<Backend>));
  m.impl("diffusion_apply", TORCH_BOX(&apply_value<Backend>));
  m.impl("grid_apply", TORCH_BOX(&GridValues<Backend>::apply));
  m.impl("grid_restrict", TORCH_BOX(&GridValues<Backend>::restrict));
  m.impl("grid_prolong", TORCH_BOX(&GridValues<Backend>::prolong));
  m.impl("grid_smooth", TORCH_BOX(&GridValues<Backend>::smooth));
  m.impl("grid_cycle", TORCH_BOX(&GridValues<Backend>::cycle));
}

}  // namespace longtail::torch_layer
