#include "longconv/short_conv.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/element_type.h"
#include "longconv/short_conv_level.h"

namespace longtail::longconv {
namespace {

template <class S>
const ShortConvKernels<S>& kernels(DType rows) {
  static constexpr PerLevel<const AllShortConvKernels*> levels =
      LONGTAIL_ADDRESS_PER_LEVEL(kShortConvKernels);
  const AllShortConvKernels& all = *levels[cpu_level()];
  if constexpr (sizeof(S) == 8) {
    return all.float64;
  } else {
    return all.narrow[static_cast<int>(rows) - 1];
  }
}

/// Taps or biases as numbers, in place where they are that already; zeros where there are none.
template <class S>
class Numbers {
 public:
  Numbers(const void* data, DType dtype, std::int64_t count) {
    const bool same = dtype == kDType<S>;
    if (data && same) {
      data_ = static_cast<const S*>(data);
      return;
    }
    memory_.resize(count);
    data_ = memory_.data();
    if (!data) return;
    with_element_type(dtype, [&]<class E>(E*) {
      for (std::int64_t i = 0; i < count; ++i) {
        memory_[i] = static_cast<S>(static_cast<double>(static_cast<const E*>(data)[i]));
      }
    });
  }
  Numbers(const Numbers&) = delete;
  const S* data() const { return data_; }

 private:
  std::vector<S> memory_;
  const S* data_;
};

/// A call as the kernels take it, row by row.
template <class S>
class Call {
 public:
  Call(const ShortConvShape& shape, const ShortConvTypes& types, const ShortConvInputs& inputs)
      : shape_(shape),
        inputs_(inputs),
        item_(item_size(types.rows)),
        taps_(inputs.taps, types.taps, shape.heads * shape.taps),
        bias_(inputs.bias, types.taps, shape.heads) {}

  ShortConvRow<S> row(std::int64_t r) const {
    const std::int64_t h = r % shape_.heads;
    return {shape_.length,
            shape_.taps,
            shape_.silu,
            taps_.data() + h * shape_.taps,
            bias_.data()[h],
            row_of(inputs_.u, r),
            state_of(inputs_.state, r)};
  }
  ShortConvSteps<S> steps() const {
    return {shape_.batch, shape_.heads, shape_.taps, shape_.silu,
            taps_.data(), bias_.data(), inputs_.u,   inputs_.state};
  }
  /// Row r = b H + h of an array like u, and of one like the state, which may be null.
  template <class Data>
  Data* row_of(Data* data, std::int64_t r) const {
    return at(data, r * shape_.length);
  }
  template <class Data>
  Data* state_of(Data* data, std::int64_t r) const {
    return data ? at(data, r * (shape_.taps - 1)) : nullptr;
  }

 private:
  const void* at(const void* data, std::int64_t element) const {
    return static_cast<const std::byte*>(data) + element * item_;
  }
  void* at(void* data, std::int64_t element) const {
    return static_cast<std::byte*>(data) + element * item_;
  }

  const ShortConvShape& shape_;
  const ShortConvInputs& inputs_;
  std::int64_t item_;
  Numbers<S> taps_, bias_;
};

/// Rows that are worth a task.
std::int64_t grain(const ShortConvShape& shape) {
  constexpr std::int64_t products = std::int64_t{1} << 18;
  return std::max<std::int64_t>(1, products / std::max<std::int64_t>(1, shape.length * shape.taps));
}

/// Into how many parts the batch is cut where sums run over it: by the shape alone, so that sums
/// are the same for any number of threads.
std::int64_t parts_of(const ShortConvShape& shape) {
  constexpr std::int64_t tasks = 64;
  return std::clamp<std::int64_t>(tasks / std::max<std::int64_t>(1, shape.heads), 1,
                                  std::max<std::int64_t>(1, shape.batch));
}

template <class S>
void step(const ShortConvShape& shape, const ShortConvTypes& types, const ShortConvInputs& inputs,
          void* y, void* next_state, const ParallelFor& parallel_for) {
  const Call<S> call(shape, types, inputs);
  const ShortConvKernels<S>& kernel = kernels<S>(types.rows);
  const std::int64_t items = shape.batch * ((shape.heads + kStepRows - 1) / kStepRows);
  run_parallel(parallel_for, 0, items, std::max<std::int64_t>(1, grain(shape) / kStepRows),
               [&](std::int64_t begin, std::int64_t end) {
                 kernel.steps(call.steps(), begin, end, y, next_state);
               });
}

template <class S>
void forward(const ShortConvShape& shape, const ShortConvTypes& types,
             const ShortConvInputs& inputs, void* y, const ParallelFor& parallel_for) {
  if (shape.length == 1) return step<S>(shape, types, inputs, y, nullptr, parallel_for);
  const Call<S> call(shape, types, inputs);
  const ShortConvKernels<S>& kernel = kernels<S>(types.rows);
  run_parallel(parallel_for, 0, shape.batch * shape.heads, grain(shape),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t r = begin; r < end; ++r)
                   kernel.forward(call.row(r), call.row_of(y, r));
               });
}

/// The sums [parts, H, W + 1] into the gradients of taps and bias.
void collect(const ShortConvShape& shape, DType dtype, const std::vector<double>& sums,
             const ShortConvGradients& gradients) {
  const std::int64_t parts = parts_of(shape), columns = shape.taps + 1;
  with_element_type(dtype, [&]<class P>(P*) {
    for (std::int64_t h = 0; h < shape.heads; ++h) {
      for (std::int64_t t = 0; t < columns; ++t) {
        double sum = 0;
        for (std::int64_t p = 0; p < parts; ++p) sum += sums[(p * shape.heads + h) * columns + t];
        if (t < shape.taps) {
          static_cast<P*>(gradients.taps)[h * shape.taps + t] = static_cast<P>(sum);
        } else if (gradients.bias) {
          static_cast<P*>(gradients.bias)[h] = static_cast<P>(sum);
        }
      }
    }
  });
}

template <class S>
void backward(const ShortConvShape& shape, const ShortConvTypes& types,
              const ShortConvInputs& inputs, const void* grad, const ShortConvGradients& gradients,
              const ParallelFor& parallel_for) {
  const Call<S> call(shape, types, inputs);
  const ShortConvKernels<S>& kernel = kernels<S>(types.rows);
  const std::int64_t parts = parts_of(shape), columns = shape.taps + 1;
  std::vector<double> sums(parts * shape.heads * columns);
  const std::int64_t rows_of_task = std::max<std::int64_t>(1, shape.batch / parts);
  run_parallel(
      parallel_for, 0, parts * shape.heads, std::max<std::int64_t>(1, grain(shape) / rows_of_task),
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t task = begin; task < end; ++task) {
          const std::int64_t part = task / shape.heads, h = task % shape.heads;
          const std::int64_t last = (part + 1) * shape.batch / parts;
          for (std::int64_t b = part * shape.batch / parts; b < last; ++b) {
            const std::int64_t r = b * shape.heads + h;
            kernel.backward(call.row(r), call.row_of(grad, r), call.row_of(gradients.u, r),
                            call.state_of(gradients.state, r), sums.data() + task * columns);
          }
        }
      });
  collect(shape, types.taps, sums, gradients);
}

}  // namespace

void short_conv(const ShortConvShape& shape, const ShortConvTypes& types,
                const ShortConvInputs& inputs, void* y, const ParallelFor& parallel_for) {
  const auto run = types.rows == DType::float64 ? forward<double> : forward<float>;
  run(shape, types, inputs, y, parallel_for);
}

void short_conv_step(const ShortConvShape& shape, const ShortConvTypes& types,
                     const ShortConvInputs& inputs, void* y, void* next_state,
                     const ParallelFor& parallel_for) {
  const auto run = types.rows == DType::float64 ? step<double> : step<float>;
  run(shape, types, inputs, y, next_state, parallel_for);
}

void short_conv_backward(const ShortConvShape& shape, const ShortConvTypes& types,
                         const ShortConvInputs& inputs, const void* grad,
                         const ShortConvGradients& gradients, const ParallelFor& parallel_for) {
  if (shape.length == 0 && gradients.state) {  // rows without a block that would write it
    const std::int64_t numbers = shape.batch * shape.heads * (shape.taps - 1);
    std::memset(gradients.state, 0, numbers * item_size(types.rows));
  }
  const auto run = types.rows == DType::float64 ? backward<double> : backward<float>;
  run(shape, types, inputs, grad, gradients, parallel_for);
}

}  // namespace longtail::longconv
