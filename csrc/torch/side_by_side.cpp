// Many small diffusion problems at once, for data: tensors to pointers. On CPUs alone.
#include "multigrid/side_by_side.h"

#include "torch/multigrid.h"

namespace longtail::torch_layer {
namespace {

// a [batch, rows, points], f [rows, points], float64; u, iterations and residuals of each.
std::tuple<Tensor, Tensor, Tensor> side_by_side(Tensor a, Tensor f, double row_spacing,
                                                double point_spacing, double tolerance,
                                                std::int64_t max_iterations) {
  const char* function = "diffusion_side_by_side";
  using torch::headeronly::ScalarType;
  check_argument(a.scalar_type() == ScalarType::Double, function, "a", "of another dtype",
                 "float64");
  check_argument(a.dim() == 3, function, "a", "of shape " + shape_string(a),
                 "[batch, rows, points]");
  check_same_dtype(f, a, function, "f", "a");
  check_same_device(f, a, function, "f", "a");
  const std::int64_t batch = a.size(0), rows = a.size(1), points = a.size(2);
  check_argument(sizes_of(f) == std::vector<std::int64_t>{rows, points}, function, "f",
                 "of shape " + shape_string(f), "[rows, points] of a");
  check_tolerance(function, tolerance, max_iterations);
  check_argument(multigrid::fits_side_by_side(rows, points, row_spacing, point_spacing), function,
                 "a", "of shape " + shape_string(a),
                 "a grid of similar sizes and similar, positive spacings along both axes");
  a = torch::stable::contiguous(a);
  f = torch::stable::contiguous(f);
  std::tuple<Tensor, Tensor, Tensor> result(empty_contiguous(a),
                                            torch::stable::new_empty(a, {batch}, ScalarType::Long),
                                            float64_buffer(a, batch));
  multigrid::solve_side_by_side(
      {batch, rows, points, row_spacing, point_spacing, a.const_data_ptr<double>(),
       f.const_data_ptr<double>(), tolerance, static_cast<int>(max_iterations),
       std::get<0>(result).mutable_data_ptr<double>(),
       std::get<1>(result).mutable_data_ptr<std::int64_t>(),
       std::get<2>(result).mutable_data_ptr<double>()},
      torch_parallel_for());
  return result;
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(longtail, CPU, m) {
  m.impl("diffusion_side_by_side", TORCH_BOX(&side_by_side));
}

}  // namespace longtail::torch_layer
