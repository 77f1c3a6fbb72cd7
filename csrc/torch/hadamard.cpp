// Hadamard transforms on the CPU: tensors to pointers.
#include "torch/hadamard.h"

namespace longtail::torch_layer {
namespace {

struct CpuBackend {
  static void hadamard(std::int64_t rows, std::int64_t n, DType dtype, const Tensor& x,
                       double scale, bool transpose, const Tensor& y) {
    attention::hadamard_transform(rows, n, dtype, x.const_data_ptr(), scale, transpose,
                                  y.mutable_data_ptr(), torch_parallel_for());
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(longtail, CPU, m) { register_hadamard<CpuBackend>(m); }

}  // namespace longtail::torch_layer
