// The shape of every log-Bessel operator, shared by the CPU and the CUDA registration: check the
// tensors, allocate the result, hand over to Backend::run(function, orders, first, second, out).
#pragma once

#include <string>

#include "bessel/names.h"
#include "core/check.h"
#include "torch/tensor.h"

namespace longtail::torch_layer {

using bessel::Function;

inline void check_inputs(const bessel::Signature& names, const Tensor& first,
                         const Tensor& second) {
  floating_dtype(first, names.name, names.first);
  check_same_dtype(second, first, names.name, names.second, names.first);
  check_same_shape(second, first, names.name, names.second, names.first);
  check_same_device(second, first, names.name, names.second, names.first);
}

template <class Backend, Function function>
Tensor value(Tensor first, Tensor second) {
  check_inputs(bessel::signature(function), first, second);
  Tensor out = empty_contiguous(first);
  Backend::run(function, 0, 0, first, second, out);
  return out;
}

template <class Backend, Function function>
void value_out(Tensor first, Tensor second, Tensor out) {
  const bessel::Signature& names = bessel::signature(function);
  check_inputs(names, first, second);
  floating_dtype(out, names.name, "out");
  check_same_shape(out, first, names.name, "out", names.first);
  check_same_device(out, first, names.name, "out", names.first);
  check_no_internal_overlap(out, names.name);
  if (is_safe_output(out, first) && is_safe_output(out, second)) {
    Backend::run(function, 0, 0, first, second, out);
  } else {
    Tensor result = empty_contiguous(out);
    Backend::run(function, 0, 0, first, second, result);
    torch::stable::copy_(out, result);
  }
}

template <class Backend, Function function>
Tensor derivative(Tensor first, Tensor second, std::int64_t order_first,
                  std::int64_t order_second) {
  const bessel::Signature& names = bessel::signature(function);
  check_inputs(names, first, second);
  const std::string orders =
      "(" + std::to_string(order_first) + ", " + std::to_string(order_second) + ")";
  const bool orders_known = order_first >= 0 && order_first <= 2 && order_second >= 0 &&
                            order_second <= 2 && order_first + order_second >= 1 &&
                            order_first + order_second <= 2;
  check_argument(orders_known, names.name, "order_first, order_second", orders,
                 "two orders of at least 0, of sum 1 or 2");
  Tensor out = empty_contiguous(first);
  Backend::run(function, static_cast<int>(order_first), static_cast<int>(order_second), first,
               second, out);
  return out;
}

template <class Backend, Function function>
void register_function(torch::stable::detail::StableLibrary& m) {
  const std::string name = bessel::signature(function).name;
  m.impl(name.c_str(), TORCH_BOX((&value<Backend, function>)));
  m.impl((name + ".out").c_str(), TORCH_BOX((&value_out<Backend, function>)));
  m.impl((name + "_derivative").c_str(), TORCH_BOX((&derivative<Backend, function>)));
}

template <class Backend>
void register_bessel(torch::stable::detail::StableLibrary& m) {
  register_function<Backend, Function::log_bessel_i>(m);
  register_function<Backend, Function::log_bessel_k>(m);
  register_function<Backend, Function::log_bessel_ie>(m);
  register_function<Backend, Function::log_bessel_ke>(m);
  register_function<Backend, Function::bessel_i_ratio>(m);
  register_function<Backend, Function::bessel_k_ratio>(m);
  register_function<Backend, Function::log_hyp0f1>(m);
  register_function<Backend, Function::matern>(m);
}

}  // namespace longtail::torch_layer
