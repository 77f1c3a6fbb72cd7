// How much memory calls need besides their tensors.
#include <algorithm>

#include "cuda/longconv/long_conv_launch.h"

namespace longtail::cuda {
namespace {

std::int64_t work(const ConvProblem& problem, std::int64_t rows, std::int64_t spectra) {
  return 2 * problem.layout.size * spectra * std::min(rows, conv_rows_at_once(problem, spectra));
}

std::int64_t blocks(const ConvProblem& problem) {
  return (problem.shape.length + problem.layout.size - 1) / problem.layout.size;
}

}  // namespace

std::int64_t conv_rows_at_once(const ConvProblem& problem, std::int64_t spectra) {
  const std::int64_t of_row = 2 * problem.item() * problem.layout.size * spectra;
  return std::max<std::int64_t>(1, problem.work_bytes / of_row);
}

std::int64_t conv_root_numbers(const ConvProblem& problem) { return 2 * problem.layout.roots.size; }

std::int64_t conv_spectrum_numbers(const ConvProblem& problem) {
  return 2 * problem.shape.outputs * problem.shape.heads * problem.layout.size;
}

std::int64_t conv_forward_work(const ConvProblem& problem) {
  if (problem.layout.one_kernel()) return 0;
  const longconv::ConvShape& shape = problem.shape;
  return work(problem, shape.heads * shape.batch * blocks(problem), shape.outputs > 1 ? 2 : 1);
}

std::int64_t conv_backward_work(const ConvProblem& problem) {
  const longconv::ConvShape& shape = problem.shape;
  const std::int64_t each = blocks(problem) + (shape.state ? 1 : 0);
  return work(problem, shape.heads * shape.batch * each, 1 + shape.outputs);
}

std::int64_t conv_skip_sums(const longconv::ConvShape& shape) {
  // A part is a piece of the batch that is worth a block of its own.
  constexpr std::int64_t kOfPart = std::int64_t{1} << 16;
  return shape.outputs * shape.heads *
         std::clamp<std::int64_t>(shape.batch * shape.length / kOfPart, 1, 64);
}

}  // namespace longtail::cuda
