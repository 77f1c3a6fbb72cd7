// Kolmogorov-Arnold layers on CUDA: tensors to pointers, the tensors' device and stream, memory for
// packed parameters and sums, the launches.
#include <algorithm>

#include "cuda/core/call.h"
#include "cuda/rational/kan_launch.h"
#include "torch/kan.h"

namespace longtail::torch_layer {
namespace {

using cuda::compute_type;
using cuda::KanSource;
using on_device::data;
using on_device::Memory;
using on_device::target;

// A parameter's own memory, contiguous, for as long as this lives.
class Source {
 public:
  explicit Source(const Tensor& tensor) : tensor_(torch::stable::contiguous(tensor)) {}
  operator KanSource() const {
    const void* data = tensor_.numel() > 0 ? tensor_.const_data_ptr() : nullptr;
    return {data, floating_dtype(tensor_, "kan", "parameter")};
  }

 private:
  Tensor tensor_;
};

// A call on the device of x.
class Call : public on_device::Device {
 public:
  using Device::Device;

  // Sums over terms of partial into a gradient, zeros where there are no terms.
  void collect(const double* partial, std::int64_t terms, const Tensor& to) const {
    if (to.numel() == 0) return;
    cuda::launch_kan_collect(partial, terms, to.numel(), to.mutable_data_ptr(),
                             floating_dtype(to, "kan", "parameter"), stream());
  }
};

// A layer with its table on the device.
template <class S>
class Layer {
 public:
  Layer(const Call& call, const KanProblem& problem, const Tensor& x, const Tensor& first,
        const Tensor& second)
      : columns_(first.size(0)), table_(x, rational::table_rows(problem.shape) * columns_) {
    const auto& [rows, inputs] = problem.rows;
    layer_ = {problem.shape,        rows, inputs, problem.outputs, table_.data(), columns_,
              columns_ == 1 ? 0 : 1};
    const Source sources[] = {Source(first), Source(second)};
    cuda::launch_kan_table<S>(problem.shape, columns_, sources[0], sources[1], table_.data(),
                              call.stream());
  }
  const cuda::KanLayer<S>& operator*() const { return layer_; }

 private:
  std::int64_t columns_;
  Memory<S> table_;
  cuda::KanLayer<S> layer_;
};

// Sums of the gradients of the functions' parameters, [groups, inputs, K] each.
template <class S>
class ParameterSums {
 public:
  ParameterSums(const Tensor& x, const cuda::KanLayer<S>& layer)
      : trained_(rational::has_parameters(layer.shape.kind)),
        inputs_(layer.inputs),
        groups_(trained_ ? cuda::kan_pull_tiles(layer).groups : 0),
        first_(x, groups_ * inputs_ * layer.shape.functions),
        second_(x, groups_ * inputs_ * layer.shape.functions) {}
  double* first() const { return first_.data(); }
  double* second() const { return second_.data(); }

  // Parameters that all inputs share get the sums over these too; knots get zeros.
  void collect(const Call& call, const Tensor& d_first, const Tensor& d_second) const {
    const std::int64_t terms = groups_ * (d_first.size(0) == 1 ? inputs_ : 1);
    call.collect(first(), terms, d_first);
    call.collect(second(), terms, d_second);
  }

 private:
  bool trained_;
  std::int64_t inputs_, groups_;
  Memory<double> first_, second_;
};

// Calls run with a null pointer that carries the element type of x.
template <class Run>
void with_type_of(const Tensor& x, const Run& run) {
  cuda::with_element_type(floating_dtype(x, "kan", "x"), run);
}

// The sums over rows of grad.
template <class E>
void collect_bias(const Call& call, const KanRows& rows, std::int64_t outputs, const Tensor& grad,
                  const Tensor& d_bias) {
  if (d_bias.numel() == 0) return;
  const std::int64_t parts = cuda::kan_bias_parts(rows.rows);
  const Memory<double> partial(grad, parts * outputs);
  cuda::launch_kan_bias<E>(rows.rows, outputs, data<E>(grad), partial.data(), call.stream());
  call.collect(partial.data(), parts, d_bias);
}

// Edges [3, outputs, inputs] of Mexican hats in S.
template <class S>
class Edges {
 public:
  Edges(const Call& call, const KanRows& rows, const Tensor& x, const Tensor& weight,
        const Tensor& scale, const Tensor& shift)
      : memory_(x, 3 * weight.numel()),
        layer_{rows.rows, rows.inputs, weight.size(0), memory_.data()} {
    const Source sources[] = {Source(weight), Source(scale), Source(shift)};
    cuda::launch_hat_edges<S>(sources[0], sources[1], sources[2], weight.numel(), memory_.data(),
                              call.stream());
  }
  const cuda::HatLayer<S>& operator*() const { return layer_; }

 private:
  Memory<S> memory_;
  cuda::HatLayer<S> layer_;
};

struct CudaBackend {
  static void basis(const KanProblem& problem, const Tensor& x, const Tensor& first,
                    const Tensor& second, const Tensor& phi) {
    const Call call(x);
    with_type_of(x, [&]<class E>(E*) {
      const Layer<compute_type<E>> layer(call, problem, x, first, second);
      cuda::launch_kan_basis<E>(*layer, data<E>(x), target<E>(phi), call.stream());
    });
  }

  static void basis_backward(const KanProblem& problem, const Tensor& grad, const Tensor& x,
                             const Tensor& first, const Tensor& second, const Tensor& dx,
                             const Tensor& d_first, const Tensor& d_second) {
    const Call call(x);
    with_type_of(x, [&]<class E>(E*) {
      const Layer<compute_type<E>> layer(call, problem, x, first, second);
      const ParameterSums sums(x, *layer);
      cuda::launch_kan_pull<E>(*layer, data<E>(grad), data<E>(x), nullptr, target<E>(dx),
                               sums.first(), sums.second(), call.stream());
      sums.collect(call, d_first, d_second);
    });
  }

  static void linear(const KanProblem& problem, const Tensor& x, const Tensor& weight,
                     const Tensor& bias, const Tensor& first, const Tensor& second,
                     const Tensor& y) {
    const Call call(x);
    with_type_of(x, [&]<class E>(E*) {
      using S = compute_type<E>;
      const Layer<S> layer(call, problem, x, first, second);
      const Memory<S> packed(x, weight.numel());
      const Source weights(weight), biases(bias);
      cuda::launch_kan_pack<S>(weights, problem.outputs,
                               problem.rows.inputs * problem.shape.total(), packed.data(),
                               call.stream());
      cuda::launch_kan_linear<E>(*layer, data<E>(x), packed.data(), biases, target<E>(y),
                                 call.stream());
    });
  }

  static void linear_backward(const KanProblem& problem, const Tensor& grad, const Tensor& x,
                              const Tensor& weight, const Tensor& first, const Tensor& second,
                              const Tensor& dx, const Tensor& d_weight, const Tensor& d_bias,
                              const Tensor& d_first, const Tensor& d_second) {
    const Call call(x);
    with_type_of(x, [&]<class E>(E*) {
      using S = compute_type<E>;
      const Layer<S> layer(call, problem, x, first, second);
      const Memory<S> weights(x, std::max<std::int64_t>(1, weight.numel()));  // never null
      const Source source(weight);
      cuda::launch_kan_convert<S>(source, weight.numel(), weights.data(), call.stream());
      const ParameterSums sums(x, *layer);
      cuda::launch_kan_pull<E>(*layer, data<E>(grad), data<E>(x), weights.data(), target<E>(dx),
                               sums.first(), sums.second(), call.stream());
      sums.collect(call, d_first, d_second);
      const std::int64_t groups = cuda::kan_weight_tiles(*layer).groups;
      const Memory<double> partial(x, groups * weight.numel());
      cuda::launch_kan_weight<E>(*layer, data<E>(grad), data<E>(x), partial.data(), call.stream());
      call.collect(partial.data(), groups, d_weight);
      collect_bias<E>(call, problem.rows, problem.outputs, grad, d_bias);
    });
  }

  static void hat(const KanRows& rows, const Tensor& x, const Tensor& weight, const Tensor& bias,
                  const Tensor& scale, const Tensor& shift, const Tensor& y) {
    const Call call(x);
    with_type_of(x, [&]<class E>(E*) {
      const Edges<compute_type<E>> edges(call, rows, x, weight, scale, shift);
      const Source biases(bias);
      cuda::launch_hat<E>(*edges, data<E>(x), biases, target<E>(y), call.stream());
    });
  }

  static void hat_backward(const KanRows& rows, const Tensor& grad, const Tensor& x,
                           const Tensor& weight, const Tensor& scale, const Tensor& shift,
                           const Tensor& dx, const Tensor& d_weight, const Tensor& d_bias,
                           const Tensor& d_scale, const Tensor& d_shift) {
    const Call call(x);
    with_type_of(x, [&]<class E>(E*) {
      const Edges<compute_type<E>> edges(call, rows, x, weight, scale, shift);
      const std::int64_t outputs = weight.size(0);
      const std::int64_t groups = cuda::hat_tiles(rows.rows, rows.inputs, outputs).groups;
      const Memory<double> partial(x, 3 * groups * weight.numel());
      cuda::launch_hat_backward<E>(*edges, data<E>(grad), data<E>(x), target<E>(dx), partial.data(),
                                   call.stream());
      const double* sums = partial.data();
      for (const Tensor* to : {&d_weight, &d_scale, &d_shift}) {
        call.collect(sums, groups, *to);
        sums += groups * weight.numel();
      }
      collect_bias<E>(call, rows, outputs, grad, d_bias);
    });
  }
};

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(longtail, CUDA, m) { register_kan<CudaBackend>(m); }

}  // namespace longtail::torch_layer
