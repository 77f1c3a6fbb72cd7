#pragma once
// Operators of varying coefficients for the tests of their CUDA kernels.

#include "multigrid/stencil_plan.h"
#include "multigrid_cuda_case.h"

namespace multigrid_case {

struct DiffusionCase {
  std::vector<std::int64_t> sizes;
  std::vector<bool> periodic;
  bool closed = false;  // Neumann sides instead of Dirichlet
  double contrast = 10;
  std::vector<double> spacings = {1, 1, 1};
  std::int64_t shared_bytes = 2048;
};

inline longtail::multigrid::DiffusionShape shape_of(const DiffusionCase& of) {
  longtail::multigrid::DiffusionShape shape{of.sizes.size() == 2, {1, 1, 1}, {}, {1, 1, 1}};
  const std::size_t missing = 3 - of.sizes.size();
  for (std::size_t d = 0; d < of.sizes.size(); ++d) {
    shape.sizes[missing + d] = of.sizes[d];
    shape.periodic[missing + d] = of.periodic[d % of.periodic.size()];
    shape.spacings[missing + d] = of.spacings[d];
  }
  return shape;
}

/// Of cells of two phases in random places: the harmonic means of neighbours.
inline std::vector<double> faces_across(int axis, const DiffusionCase& of, std::int64_t systems) {
  const longtail::multigrid::DiffusionShape shape = shape_of(of);
  const std::int64_t* const n = shape.sizes;
  const std::vector<double> phases = noise(systems * n[0] * n[1] * n[2], 20);
  std::int64_t sizes[3] = {n[0], n[1], n[2]};
  sizes[axis] += 1;
  const double h = shape.spacings[axis];
  std::vector<double> result;
  for (std::int64_t i = 0; i < systems * sizes[0] * sizes[1] * sizes[2]; ++i) {
    std::int64_t place[3], rest = i;
    for (int d = 3; d-- > 0; rest /= sizes[d]) place[d] = rest % sizes[d];
    const auto cell = [&](std::int64_t at) {
      std::int64_t to[3] = {place[0], place[1], place[2]};
      to[axis] = (at + n[axis]) % n[axis];
      return phases[((rest * n[0] + to[0]) * n[1] + to[1]) * n[2] + to[2]] > 0.3 ? of.contrast : 1;
    };
    const double front = cell(place[axis] - 1), behind = cell(place[axis]);
    double face = 2 * front * behind / (front + behind);
    const bool end = place[axis] == 0 || place[axis] == n[axis];
    if (end && !shape.periodic[axis]) {
      face = of.closed ? 0 : 2 * (place[axis] == 0 ? behind : front);
    }
    result.push_back(face / (h * h));
  }
  return result;
}

/// Faces, right-hand sides and first iterates; those of the second problem are nothing to solve.
struct DiffusionData {
  DiffusionData(const DiffusionCase& of, std::int64_t of_systems, bool with_initial)
      : shape(shape_of(of)), systems(of_systems), batch(systems > 1 ? systems : 3) {
    const std::int64_t points = shape.sizes[0] * shape.sizes[1] * shape.sizes[2];
    f = noise(batch * points, 30);
    if (with_initial) first = noise(batch * points, 31);
    std::fill_n(f.begin() + points, points, 0.0);
    for (int axis = shape.flat ? 1 : 0; axis < 3; ++axis) {
      faces[axis] = faces_across(axis, of, systems);
      pointers[axis] = faces[axis].data();
    }
  }
  DiffusionData(const DiffusionData&) = delete;
  const double* initial() const { return first.empty() ? nullptr : first.data(); }

  longtail::multigrid::DiffusionShape shape;
  std::int64_t systems, batch;
  std::vector<double> faces[3], f, first;
  const double* pointers[3] = {};
};

}  // namespace multigrid_case
