// The shape of the Hadamard operator, shared by the CPU and the CUDA registration.
#pragma once

#include "attention/hadamard.h"
#include "core/check.h"
#include "torch/tensor.h"

namespace longtail::torch_layer {

template <class Backend>
Tensor hadamard_value(Tensor x, double scale, bool transpose) {
  const char* function = "hadamard_transform";
  const DType dtype = floating_dtype(x, function, "x");
  check_argument(x.dim() > 0, function, "x", "of no dimension", "at least one dimension");
  const std::int64_t n = x.size(x.dim() - 1);
  check_argument(attention::hadamard_base(n) > 0, function, "x",
                 "of last dimension " + std::to_string(n), attention::kHadamardSizes);
  const Tensor source = torch::stable::contiguous(x);
  Tensor out = empty_contiguous(x);
  if (x.numel() > 0) Backend::hadamard(x.numel() / n, n, dtype, source, scale, transpose, out);
  return out;
}

template <class Backend>
void register_hadamard(torch::stable::detail::StableLibrary& m) {
  m.impl("hadamard_transform", TORCH_BOX(&hadamard_value<Backend>));
}

}  // namespace longtail::torch_layer
