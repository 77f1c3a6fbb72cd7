// The shape of the multigrid operators, shared by the CPU and the CUDA registration.
#pragma once

#include <string>
#include <tuple>
#include <vector>

#include "core/check.h"
#include "multigrid/diffusion.h"
#include "multigrid/poisson.h"
#include "torch/long_conv.h"

namespace longtail::torch_layer {

// f [batch, rows, points] or [batch, planes, rows, points].
inline bool is_flat(const char* function, const Tensor& f) {
  check_argument(f.dim() == 3 || f.dim() == 4, function, "f", "of shape " + shape_string(f),
                 "[batch, rows, points] or [batch, planes, rows, points]");
  return f.dim() == 3;
}

inline void check_tolerance(const char* function, double tolerance, std::int64_t most) {
  check_argument(tolerance >= 0, function, "tolerance", tolerance, "at least 0");
  check_argument(most >= 0 && most <= 1000000000, function, "max_iterations", most,
                 "0 to 1000000000");
}

// A side as an int: 0 Dirichlet, 1 Neumann, 2 periodic; of an axis 3 * left + right.
inline multigrid::Axis axis_of(const char* function, std::int64_t size, double spacing,
                               std::int64_t sides, bool cell) {
  using multigrid::Side;
  check_argument(sides >= 0 && sides < 9 && (sides / 3 == 2) == (sides % 3 == 2), function, "sides",
                 sides, "3 * left + right of 0, 1 (or both 2)");
  check_argument(spacing > 0 && spacing < 1e300, function, "spacing", spacing, "a positive number");
  return {size, spacing, static_cast<Side>(sides / 3), static_cast<Side>(sides % 3), cell};
}

// Solution in the dtype of f; of each problem iterations (int64), the residual of the iterate and
// that of what is returned (float64).
using SolveTensors = std::tuple<Tensor, Tensor, Tensor, Tensor>;

template <class Backend>
SolveTensors poisson_value(Tensor f, Tensor initial, double plane_spacing, double row_spacing,
                           double point_spacing, std::int64_t plane_sides, std::int64_t row_sides,
                           std::int64_t point_sides, bool cell, double tolerance,
                           std::int64_t max_iterations) {
  const char* function = "poisson_solve";
  using torch::headeronly::ScalarType;
  const DType dtype = floating_dtype(f, function, "f");
  check_argument(dtype == DType::float64 || dtype == DType::float32, function, "f",
                 "of dtype " + std::string(to_string(dtype)), "float32 or float64");
  const bool flat = is_flat(function, f);
  check_tolerance(function, tolerance, max_iterations);
  if (given(initial)) {
    check_same_dtype(initial, f, function, "initial", "f");
    check_same_device(initial, f, function, "initial", "f");
    check_same_shape(initial, f, function, "initial", "f");
    initial = torch::stable::contiguous(initial);
  }
  std::vector<multigrid::Axis> axes;
  const double spacings[3] = {plane_spacing, row_spacing, point_spacing};
  const std::int64_t sides[3] = {plane_sides, row_sides, point_sides};
  for (int axis = flat ? 1 : 0; axis < 3; ++axis) {
    const std::int64_t size = f.size(f.dim() - 3 + axis);
    axes.push_back(axis_of(function, size, spacings[axis], sides[axis], cell));
  }
  const std::int64_t batch = f.size(0);
  SolveTensors result(empty_contiguous(f), torch::stable::new_empty(f, {batch}, ScalarType::Long),
                      float64_buffer(f, batch), float64_buffer(f, batch));
  if (f.numel() > 0) {
    Backend::poisson(multigrid::make_box(axes), batch, dtype, torch::stable::contiguous(f), initial,
                     {tolerance, static_cast<int>(max_iterations), {}}, result);
  } else {  // problems without a point
    torch::stable::zero_(std::get<1>(result));
    torch::stable::zero_(std::get<2>(result));
    torch::stable::zero_(std::get<3>(result));
  }
  return result;
}

// hierarchy as diffusion_hierarchy makes it of the same arguments; [0]: made here. Cycles compute
// in its dtype. faces[d] [1 or batch, ..., size + 1 along d, ...] of diffusion.h; all float64.
template <class Backend>
std::tuple<Tensor, Tensor, Tensor> diffusion_value(Tensor plane_faces, Tensor row_faces,
                                                   Tensor point_faces, Tensor f, Tensor initial,
                                                   Tensor hierarchy, double plane_spacing,
                                                   double row_spacing, double point_spacing,
                                                   std::int64_t periodic, double tolerance,
                                                   std::int64_t max_iterations) {
  const char* function = "diffusion_solve";
  using torch::headeronly::ScalarType;
  const bool flat = is_flat(function, f);
  check_tolerance(function, tolerance, max_iterations);
  check_argument(periodic >= 0 && periodic < 8, function, "periodic", periodic, "three bits");
  const std::int64_t batch = f.size(0);
  multigrid::DiffusionShape shape{};
  shape.flat = flat;
  Tensor* const faces[3] = {&plane_faces, &row_faces, &point_faces};
  const double spacings[3] = {plane_spacing, row_spacing, point_spacing};
  std::int64_t systems = batch;
  for (int axis = 0; axis < 3; ++axis) {
    shape.sizes[axis] = flat && axis == 0 ? 1 : f.size(f.dim() - 3 + axis);
    shape.periodic[axis] = (periodic >> axis & 1) != 0;
    shape.spacings[axis] = spacings[axis];
  }
  for (int axis = flat ? 1 : 0; axis < 3; ++axis) {
    const char* names[3] = {"plane_faces", "row_faces", "point_faces"};
    check_argument(spacings[axis] > 0, function, "spacing", spacings[axis], "a positive number");
    Tensor& of = *faces[axis];
    check_argument(of.scalar_type() == ScalarType::Double, function, names[axis],
                   "of another dtype", "float64");
    check_same_device(of, f, function, names[axis], "f");
    std::vector<std::int64_t> expected = sizes_of(f);
    expected[f.dim() - 3 + axis] += 1;
    if (of.dim() > 0 && of.size(0) == 1) expected[0] = 1;
    check_argument(sizes_of(of) == expected, function, names[axis], "of shape " + shape_string(of),
                   "that of f with one more along its axis, or one for the batch");
    systems = axis == 2 ? expected[0] : systems;
    of = torch::stable::contiguous(of);
  }
  check_argument(row_faces.size(0) == systems && (flat || plane_faces.size(0) == systems), function,
                 "row_faces", "of shape " + shape_string(row_faces), "as many as point_faces");
  check_argument(f.scalar_type() == ScalarType::Double, function, "f", "of another dtype",
                 "float64");
  if (given(initial)) {
    check_same_dtype(initial, f, function, "initial", "f");
    check_same_device(initial, f, function, "initial", "f");
    check_same_shape(initial, f, function, "initial", "f");
    initial = torch::stable::contiguous(initial);
  }
  const bool wide = hierarchy.scalar_type() == ScalarType::Double;
  check_argument(wide || hierarchy.scalar_type() == ScalarType::Float, function, "hierarchy",
                 "of another dtype", "float32 or float64");
  if (given(hierarchy)) {
    const std::int64_t numbers = wide ? multigrid::plan_levels<double>(shape).numbers
                                      : multigrid::plan_levels<float>(shape).numbers;
    check_same_device(hierarchy, f, function, "hierarchy", "f");
    check_argument(
        hierarchy.dim() == 2 && hierarchy.size(0) == systems && hierarchy.size(1) == numbers,
        function, "hierarchy", "of shape " + shape_string(hierarchy),
        "[" + std::to_string(systems) + ", " + std::to_string(numbers) + "]");
    hierarchy = torch::stable::contiguous(hierarchy);
  }
  std::tuple<Tensor, Tensor, Tensor> result(empty_contiguous(f),
                                            torch::stable::new_empty(f, {batch}, ScalarType::Long),
                                            float64_buffer(f, batch));
  if (f.numel() > 0) {
    Backend::diffusion(shape, systems, batch, {plane_faces, row_faces, point_faces},
                       torch::stable::contiguous(f), initial, hierarchy, wide,
                       {tolerance, static_cast<int>(max_iterations), {}}, result);
  } else {
    torch::stable::zero_(std::get<1>(result));
    torch::stable::zero_(std::get<2>(result));
  }
  return result;
}

template <class Backend>
void register_multigrid(torch::stable::detail::StableLibrary& m) {
  m.impl("poisson_solve", TORCH_BOX(&poisson_value<Backend>));
  m.impl("diffusion_solve", TORCH_BOX(&diffusion_value<Backend>));
}

}  // namespace longtail::torch_layer
