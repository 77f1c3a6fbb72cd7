#include "bessel/bessel.h"

#include <array>
#include <string>

#include "bessel/names.h"
#include "core/check.h"
#include "core/elementwise.h"

namespace longtail {
namespace {

using bessel::Function;

constexpr DType dtype_of(double) { return DType::float64; }
constexpr DType dtype_of(float) { return DType::float32; }

// The derivative's order, checked here so that the message names the function and the argument.
void check_order(const bessel::Signature& signature, DerivativeOrder order) {
  const std::string got =
      "(" + std::to_string(order.first) + ", " + std::to_string(order.second) + ")";
  check_argument(order.first >= 0 && order.second >= 0 && order.first + order.second <= 2,
                 signature.name, "order", got, "two orders of at least 0, of sum at most 2");
}

template <class T>
void run(Function function, DerivativeOrder order, std::span<const T> first,
         std::span<const T> second, std::span<T> out, const ParallelFor& parallel_for) {
  const bessel::Signature& names = bessel::signature(function);
  check_order(names, order);
  const std::string lengths = "of length 1 or that of out, " + std::to_string(out.size());
  const auto check_length = [&](const char* name, std::size_t length) {
    check_argument(length == 1 || length == out.size(), names.name, name,
                   "of length " + std::to_string(length), lengths);
  };
  check_length(names.first, first.size());
  check_length(names.second, second.size());

  const auto stride = [](std::size_t length) -> std::int64_t {
    return length == 1 ? 0 : sizeof(T);
  };
  const std::array<std::int64_t, 1> sizes = {static_cast<std::int64_t>(out.size())};
  const std::array<std::int64_t, 1> first_stride = {stride(first.size())};
  const std::array<std::int64_t, 1> second_stride = {stride(second.size())};
  const std::array<std::int64_t, 1> out_stride = {sizeof(T)};
  const DType dtype = dtype_of(T{});
  elementwise(bessel::block_kernel(function, order.first, order.second), sizes,
              {reinterpret_cast<const std::byte*>(first.data()), dtype, first_stride},
              {reinterpret_cast<const std::byte*>(second.data()), dtype, second_stride},
              {reinterpret_cast<std::byte*>(out.data()), dtype, out_stride}, parallel_for);
}

}  // namespace

void log_bessel_i(DoubleInput v, DoubleInput x, DoubleOutput out, const ParallelFor& parallel) {
  run(Function::log_bessel_i, {}, v, x, out, parallel);
}
void log_bessel_i(FloatInput v, FloatInput x, FloatOutput out, const ParallelFor& parallel) {
  run(Function::log_bessel_i, {}, v, x, out, parallel);
}

void log_bessel_k(DoubleInput v, DoubleInput x, DoubleOutput out, const ParallelFor& parallel) {
  run(Function::log_bessel_k, {}, v, x, out, parallel);
}
void log_bessel_k(FloatInput v, FloatInput x, FloatOutput out, const ParallelFor& parallel) {
  run(Function::log_bessel_k, {}, v, x, out, parallel);
}

void log_bessel_ie(DoubleInput v, DoubleInput x, DoubleOutput out, const ParallelFor& parallel) {
  run(Function::log_bessel_ie, {}, v, x, out, parallel);
}
void log_bessel_ie(FloatInput v, FloatInput x, FloatOutput out, const ParallelFor& parallel) {
  run(Function::log_bessel_ie, {}, v, x, out, parallel);
}

void log_bessel_ke(DoubleInput v, DoubleInput x, DoubleOutput out, const ParallelFor& parallel) {
  run(Function::log_bessel_ke, {}, v, x, out, parallel);
}
void log_bessel_ke(FloatInput v, FloatInput x, FloatOutput out, const ParallelFor& parallel) {
  run(Function::log_bessel_ke, {}, v, x, out, parallel);
}

void bessel_i_ratio(DoubleInput v, DoubleInput x, DoubleOutput out, const ParallelFor& parallel) {
  run(Function::bessel_i_ratio, {}, v, x, out, parallel);
}
void bessel_i_ratio(FloatInput v, FloatInput x, FloatOutput out, const ParallelFor& parallel) {
  run(Function::bessel_i_ratio, {}, v, x, out, parallel);
}

void bessel_k_ratio(DoubleInput v, DoubleInput x, DoubleOutput out, const ParallelFor& parallel) {
  run(Function::bessel_k_ratio, {}, v, x, out, parallel);
}
void bessel_k_ratio(FloatInput v, FloatInput x, FloatOutput out, const ParallelFor& parallel) {
  run(Function::bessel_k_ratio, {}, v, x, out, parallel);
}

void log_hyp0f1(DoubleInput b, DoubleInput z, DoubleOutput out, const ParallelFor& parallel) {
  run(Function::log_hyp0f1, {}, b, z, out, parallel);
}
void log_hyp0f1(FloatInput b, FloatInput z, FloatOutput out, const ParallelFor& parallel) {
  run(Function::log_hyp0f1, {}, b, z, out, parallel);
}

void matern(DoubleInput nu, DoubleInput r, DoubleOutput out, const ParallelFor& parallel) {
  run(Function::matern, {}, nu, r, out, parallel);
}
void matern(FloatInput nu, FloatInput r, FloatOutput out, const ParallelFor& parallel) {
  run(Function::matern, {}, nu, r, out, parallel);
}

void derivative(Function function, DerivativeOrder order, DoubleInput first, DoubleInput second,
                DoubleOutput out, const ParallelFor& parallel) {
  run(function, order, first, second, out, parallel);
}
void derivative(Function function, DerivativeOrder order, FloatInput first, FloatInput second,
                FloatOutput out, const ParallelFor& parallel) {
  run(function, order, first, second, out, parallel);
}

}  // namespace longtail
