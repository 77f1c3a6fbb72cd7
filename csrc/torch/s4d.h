// The shape of the operators of diagonal state spaces, shared by the CPU and the CUDA registration.
#pragma once

#include <initializer_list>
#include <string>
#include <tuple>
#include <vector>

#include "core/check.h"
#include "longconv/s4d.h"
#include "torch/long_conv.h"

namespace longtail::torch_layer {

using torch::headeronly::ScalarType;

// A tensor of this type and shape on the device of `like`, contiguous.
inline Tensor s4d_part(const char* function, const char* name, const Tensor& tensor,
                       ScalarType type, std::initializer_list<std::int64_t> sizes,
                       const Tensor& like, const char* like_name) {
  check_same_device(tensor, like, function, name, like_name);
  // A step is short: words are made only for those who read them.
  if (tensor.scalar_type() != type) {
    check_argument(false, function, name,
                   std::string("of dtype ") + torch::headeronly::toString(tensor.scalar_type()),
                   torch::headeronly::toString(type));
  }
  bool fits = tensor.dim() == static_cast<std::int64_t>(sizes.size());
  std::int64_t d = 0;
  for (const std::int64_t size : sizes) fits = fits && tensor.size(d++) == size;
  if (!fits) {
    std::string expected = "[";
    for (const std::int64_t size : sizes) {
      expected += (expected.size() > 1 ? ", " : "") + std::to_string(size);
    }
    check_argument(false, function, name, "of shape " + shape_string(tensor), expected + "]");
  }
  return tensor.is_contiguous() ? tensor : torch::stable::contiguous(tensor);
}

inline void check_rank(const char* function, const char* name, const Tensor& tensor,
                       std::int64_t rank, const char* expected) {
  if (tensor.dim() == rank) return;
  check_argument(false, function, name, "of shape " + shape_string(tensor), expected);
}

// Real parts of weights times powers of base, [R, H, L], float64 or float32.
template <class Backend>
Tensor vandermonde_value(Tensor base, Tensor weights, std::int64_t length, bool wide) {
  const char* function = "vandermonde";
  check_rank(function, "base", base, 2, "[heads, states]");
  check_rank(function, "weights", weights, 3, "[rows, heads, states]");
  check_argument(length >= 0, function, "length", length, "at least 0");
  const std::int64_t heads = base.size(0), states = base.size(1), rows = weights.size(0);
  base = s4d_part(function, "base", base, ScalarType::ComplexDouble, {heads, states}, base, "base");
  weights = s4d_part(function, "weights", weights, ScalarType::ComplexDouble, {rows, heads, states},
                     base, "base");
  Tensor k = torch::stable::new_empty(base, {rows, heads, length},
                                      wide ? ScalarType::Double : ScalarType::Float);
  if (k.numel() > 0) {
    Backend::vandermonde({rows, heads, states, length}, wide ? DType::float64 : DType::float32,
                         base, weights, k);
  }
  return k;
}

// [R, H, S] of rows v [R, H, L].
template <class Backend>
Tensor vandermonde_sums(Tensor base, Tensor v) {
  const char* function = "vandermonde_transposed";
  check_rank(function, "base", base, 2, "[heads, states]");
  check_rank(function, "v", v, 3, "[rows, heads, length]");
  const DType dtype = floating_dtype(v, function, "v");
  const bool wide = dtype == DType::float64;
  check_argument(wide || dtype == DType::float32, function, "v",
                 "of dtype " + std::string(to_string(dtype)), "float64 or float32");
  const std::int64_t heads = base.size(0), states = base.size(1), rows = v.size(0);
  base = s4d_part(function, "base", base, ScalarType::ComplexDouble, {heads, states}, v, "v");
  v = s4d_part(function, "v", v, v.scalar_type(), {rows, heads, v.size(2)}, v, "v");
  Tensor sums = torch::stable::new_empty(base, {rows, heads, states});
  if (sums.numel() > 0) {
    Backend::transposed({rows, heads, states, v.size(2)}, dtype, base, v, sums);
  }
  return sums;
}

struct S4dCall {
  longconv::S4dShape shape;
  DType dtype;
  Tensor u, base, drive, readout, skip, state;  // the last two of shape [0] where there is none
};

// Checked, in the order of the kernels.
inline S4dCall s4d_call(const char* function, const Tensor& u, const Tensor& base,
                        const Tensor& drive, const Tensor& readout, const Tensor& skip,
                        const Tensor& state) {
  const DType dtype = floating_dtype(u, function, "u");
  check_rank(function, "u", u, 3, "[batch, heads, length]");
  check_rank(function, "base", base, 2, "[heads, states]");
  check_rank(function, "readout", readout, 3, "[outputs, heads, states]");
  const std::int64_t batch = u.size(0), heads = u.size(1), length = u.size(2);
  const std::int64_t outputs = readout.size(0), states = base.size(1);
  const auto pairs = ScalarType::ComplexDouble;
  S4dCall call = {{batch, heads, outputs, states, length},
                  dtype,
                  torch::stable::contiguous(u),
                  s4d_part(function, "base", base, pairs, {heads, states}, u, "u"),
                  s4d_part(function, "drive", drive, pairs, {heads, states}, u, "u"),
                  s4d_part(function, "readout", readout, pairs, {outputs, heads, states}, u, "u"),
                  skip,
                  state};
  if (given(skip)) {
    call.skip = s4d_part(function, "skip", skip, ScalarType::Double, {outputs, heads}, u, "u");
  }
  if (given(state)) {
    call.state = s4d_part(function, "state", state, pairs, {batch, heads, states}, u, "u");
  }
  return call;
}

// y [B, C, H, L] and the last states [B, H, S].
template <class Backend>
std::tuple<Tensor, Tensor> s4d_scan_value(Tensor u, Tensor base, Tensor drive, Tensor readout,
                                          Tensor skip, Tensor state) {
  const S4dCall call = s4d_call("s4d_scan", u, base, drive, readout, skip, state);
  const longconv::S4dShape& of = call.shape;
  Tensor y = torch::stable::new_empty(u, {of.batch, of.outputs, of.heads, of.length});
  Tensor last = torch::stable::new_empty(base, {of.batch, of.heads, of.states});
  if (y.numel() + last.numel() > 0) Backend::scan(call, y, last);
  return {y, last};
}

// Of u, base, drive, readout, skip and state.
using S4dGradientTensors = std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor>;

template <class Backend>
S4dGradientTensors s4d_scan_gradient(Tensor grad, Tensor last, Tensor u, Tensor base, Tensor drive,
                                     Tensor readout, Tensor skip, Tensor state, bool rows,
                                     bool coefficients) {
  const char* function = "s4d_scan_backward";
  const S4dCall call = s4d_call(function, u, base, drive, readout, skip, state);
  const longconv::S4dShape& of = call.shape;
  grad = s4d_part(function, "grad", grad, u.scalar_type(),
                  {of.batch, of.outputs, of.heads, of.length}, u, "u");
  if (given(last)) {
    last = s4d_part(function, "last", last, ScalarType::ComplexDouble,
                    {of.batch, of.heads, of.states}, u, "u");
  }
  const auto like = [](const Tensor& tensor, bool wanted) {
    return wanted ? empty_contiguous(tensor) : torch::stable::new_empty(tensor, {0});
  };
  S4dGradientTensors result(like(u, rows), like(base, coefficients), like(drive, coefficients),
                            like(readout, coefficients), like(skip, coefficients && given(skip)),
                            like(state, given(state)));
  Backend::scan_backward(call, grad, last, rows, coefficients, result);
  return result;
}

// y [B, C, H] and the new states.
template <class Backend>
std::tuple<Tensor, Tensor> s4d_step_value(Tensor u, Tensor state, Tensor dt, Tensor a, Tensor b,
                                          Tensor c, Tensor skip, std::int64_t method) {
  const char* function = "s4d_step";
  const DType dtype = floating_dtype(u, function, "u");
  check_rank(function, "u", u, 2, "[batch, heads]");
  check_rank(function, "A", a, 2, "[heads, states]");
  check_rank(function, "C", c, 3, "[outputs, heads, states]");
  check_argument(method == 0 || method == 1, function, "method", method, "0 or 1");
  const std::int64_t batch = u.size(0), heads = u.size(1), outputs = c.size(0), states = a.size(1);
  const bool wide = dtype == DType::float64;
  const auto real = wide ? ScalarType::Double : ScalarType::Float;
  const auto pairs = wide ? ScalarType::ComplexDouble : ScalarType::ComplexFloat;
  u = torch::stable::contiguous(u);
  state = s4d_part(function, "state", state, pairs, {batch, heads, states}, u, "u");
  dt = s4d_part(function, "dt", dt, real, {heads}, u, "u");
  a = s4d_part(function, "A", a, pairs, {heads, states}, u, "u");
  b = s4d_part(function, "B", b, pairs, {heads, states}, u, "u");
  c = s4d_part(function, "C", c, pairs, {outputs, heads, states}, u, "u");
  if (given(skip)) skip = s4d_part(function, "D", skip, real, {outputs, heads}, u, "u");
  Tensor y = torch::stable::new_empty(u, {batch, outputs, heads});
  Tensor next = torch::stable::new_empty(state, {batch, heads, states});
  const longconv::S4dStep step = {batch,
                                  heads,
                                  outputs,
                                  states,
                                  static_cast<longconv::Discretization>(method),
                                  dtype,
                                  u.const_data_ptr(),
                                  state.const_data_ptr(),
                                  dt.const_data_ptr(),
                                  a.const_data_ptr(),
                                  b.const_data_ptr(),
                                  c.const_data_ptr(),
                                  given(skip) ? skip.const_data_ptr() : nullptr};
  if (y.numel() + next.numel() > 0) Backend::step(u, step, y, next);
  return {y, next};
}

template <class Backend>
void register_s4d(torch::stable::detail::StableLibrary& m) {
  m.impl("vandermonde", TORCH_BOX(&vandermonde_value<Backend>));
  m.impl("vandermonde_transposed", TORCH_BOX(&vandermonde_sums<Backend>));
  m.impl("s4d_scan", TORCH_BOX(&s4d_scan_value<Backend>));
  if constexpr (requires { &Backend::scan_backward; }) {
    m.impl("s4d_scan_backward", TORCH_BOX(&s4d_scan_gradient<Backend>));
  }
  m.impl("s4d_step", TORCH_BOX(&s4d_step_value<Backend>));
}

}  // namespace longtail::torch_layer
