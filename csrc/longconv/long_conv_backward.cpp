#include <cstring>
#include <vector>

#include "longconv/long_conv.h"
#include "longconv/long_conv_rows.h"

namespace longtail::longconv {
namespace {

/// Heads are cut into parts of the batch, so that there is work for several threads; the sums of
/// the parts are added in their order.
std::int64_t parts_of(const ConvShape& shape) {
  constexpr std::int64_t kTasks = 32;
  const std::int64_t wanted = (kTasks + shape.heads - 1) / std::max<std::int64_t>(1, shape.heads);
  return std::clamp<std::int64_t>(wanted, 1, std::max<std::int64_t>(1, shape.batch));
}

template <class S>
class Backward {
 public:
  Backward(const ConvShape& shape, const ConvTypes& types, const ConvInputs& inputs,
           const void* grad, const ConvGradients& to)
      : shape_(shape),
        types_(types),
        plan_(conv_plan(shape, types.rows)),
        blocks_(shape, plan_),
        parts_(parts_of(shape)),
        fft_(fft_kernels<S>()),
        rows_(row_kernels<S>(types.rows)),
        taps_(row_kernels<S>(sizeof(S) == 8 ? DType::float64 : types.taps)),
        sums_(row_sums<S>()),
        roots_(fft_plan<S>(plan_.size, fft_.lanes)),
        u_(inputs.u, types.rows),
        gate_in_(inputs.gate_in, types.rows),
        gate_out_(inputs.gate_out, types.rows),
        state_(inputs.state, types.rows),
        grad_(grad, types.rows),
        skip_(inputs.skip, types.taps),
        du_(to.u, types.rows),
        d_gate_(to.gate_in, types.rows),
        d_state_(to.state, types.rows),
        d_taps_(to.taps, types.taps),
        d_before_(to.taps_before, types.taps),
        d_skip_(to.skip, types.taps),
        spectrum_(static_cast<const S*>(inputs.spectrum)),
        partial_(std::int64_t{sizeof(S)} * parts_ * tap_rows() * 2 * plan_.size),
        skip_partial_(static_cast<std::size_t>(parts_ * tap_rows())) {}

  std::int64_t tasks() const { return shape_.heads * parts_; }

  /// Tasks part * heads + h: gradients of rows, and sums over them.
  void run(std::int64_t begin, std::int64_t end) {
    with_work([&](Work& work) {
      for (std::int64_t t = begin; t < end; ++t) part(t / shape_.heads, t % shape_.heads, work);
    });
  }

  /// Taps of rows c * heads + h from the sums of all parts.
  void finish(std::int64_t begin, std::int64_t end) {
    with_work([&](Work& work) {
      for (std::int64_t r = begin; r < end; ++r) finish_taps(r, work);
    });
  }

  std::int64_t tap_rows() const { return shape_.outputs * shape_.heads; }

 private:
  struct Work {
    S *x, *low, *high, *work, *u_spectrum, *spectrum, *sum, *out, *skipped, *all_x;
    Work(const Backward& f, Layout& layout) {
      const std::int64_t n = f.plan_.size, whole = f.blocks_.count * n;
      x = layout.place<S>(n);
      low = layout.place<S>(n);
      high = layout.place<S>(n);
      work = layout.place<S>(2 * n);
      u_spectrum = layout.place<S>(2 * n);
      spectrum = layout.place<S>(2 * n);
      sum = layout.place<S>(2 * n);
      out = layout.place<S>(n);
      skipped = layout.place<S>(f.skip_ ? whole : 0);
      all_x = layout.place<S>(f.skip_ ? whole : 0);
    }
  };
  template <class Run>
  void with_work(const Run& run) {
    Layout size;
    Work work(*this, size);
    const Buffer memory(size.size());
    Layout layout(memory.as<std::byte>());
    work = Work(*this, layout);
    run(work);
  }

  S* partial(std::int64_t part, std::int64_t row) {
    return partial_.template as<S>() + (part * tap_rows() + row) * 2 * plan_.size;
  }
  std::int64_t row_at(std::int64_t b, std::int64_t h) const {
    return (b * shape_.heads + h) * shape_.length;
  }
  std::int64_t result_at(std::int64_t b, std::int64_t c, std::int64_t h) const {
    return ((b * shape_.outputs + c) * shape_.heads + h) * shape_.length;
  }

  void part(std::int64_t p, std::int64_t h, Work& work) {
    for (std::int64_t c = 0; c < shape_.outputs; ++c) {
      S* sum = partial(p, c * shape_.heads + h);
      std::fill(sum, sum + 2 * plan_.size, S(0));
      skip_partial_[p * tap_rows() + c * shape_.heads + h] = 0;
    }
    const std::int64_t begin = p * shape_.batch / parts_, end = (p + 1) * shape_.batch / parts_;
    for (std::int64_t b = begin; b < end; ++b) row(p, b, h, work);
  }

  void row(std::int64_t p, std::int64_t b, std::int64_t h, Work& work) {
    if (skip_) add_skips(p, b, h, work);
    for (std::int64_t i = blocks_.first; i < blocks_.count; ++i) block(p, i, b, h, work);
  }

  /// The sum over c of skip dz, and sums of dz x.
  void add_skips(std::int64_t p, std::int64_t b, std::int64_t h, Work& work) {
    const std::int64_t length = shape_.length;
    std::fill(work.skipped, work.skipped + length, S(0));
    rows_.gather(length, u_.at(row_at(b, h)), gate_in_.at(row_at(b, h)), work.all_x);
    for (std::int64_t c = 0; c < shape_.outputs; ++c) {
      const std::int64_t tap = c * shape_.heads + h;
      S skip, *skip_to = &skip;
      taps_.gather(1, skip_.at(tap), nullptr, skip_to);
      for (std::int64_t begin = 0; begin < length; begin += plan_.size) {
        const std::int64_t count = std::min(plan_.size, length - begin);
        const std::int64_t at = result_at(b, c, h) + begin;
        rows_.gather(count, grad_.at(at), gate_out_.at(at), work.low);
        sums_.add(count, skip, work.low, work.skipped + begin);
        skip_partial_[p * tap_rows() + tap] += sums_.dot(count, work.low, work.all_x + begin);
      }
    }
  }

  /// dz at n from `begin` on, N numbers, zeros outside the row.
  void window(std::int64_t begin, std::int64_t at, S* to) const {
    const std::int64_t n = plan_.size;
    const std::int64_t from = std::clamp<std::int64_t>(-begin, 0, n);
    const std::int64_t end = std::clamp<std::int64_t>(shape_.length - begin, from, n);
    std::fill(to, to + from, S(0));
    rows_.gather(end - from, grad_.at(at + begin + from), gate_out_.at(at + begin + from),
                 to + from);
    std::fill(to + end, to + n, S(0));
  }

  void block(std::int64_t p, std::int64_t i, std::int64_t b, std::int64_t h, Work& work) {
    const std::int64_t n = plan_.size, before = shape_.taps - 1;
    const std::int64_t at = row_at(b, h) + i * n, of_state = (b * shape_.heads + h) * before;
    const std::int64_t count = i < 0 ? before : std::min(n, shape_.length - i * n);
    const std::int64_t offset = i < 0 ? n - before : 0;
    std::fill(work.x, work.x + n, S(0));
    if (i < 0) {
      rows_.gather(count, state_.at(of_state), nullptr, work.x + offset);
    } else {
      rows_.gather(count, u_.at(at), gate_in_.at(at), work.x);
    }
    fft_.transform(roots_, work.x, nullptr, S(1), work.work, work.u_spectrum);
    for (std::int64_t c = 0; c < shape_.outputs; ++c) {
      const std::int64_t tap = c * shape_.heads + h, of_result = result_at(b, c, h);
      window(i * n - blocks_.shift, of_result, work.low);
      const bool high = blocks_.overlap;
      if (high) window((i + 1) * n - blocks_.shift, of_result, work.high);
      fft_.transform(roots_, work.low, high ? work.high : nullptr, S(1), work.work, work.spectrum);
      fft_.correlate(n, work.u_spectrum, spectrum_ + tap * 2 * n, work.spectrum, partial(p, tap),
                     c > 0, work.sum);
    }
    fft_.inverse(roots_, work.sum, work.work, work.out, nullptr);
    if (i < 0) {
      rows_.finish_gradient(count, work.out + offset, nullptr, nullptr, nullptr,
                            d_state_.at(of_state), nullptr);
    } else {
      rows_.finish_gradient(count, work.out, skip_ ? work.skipped + i * n : nullptr, u_.at(at),
                            gate_in_.at(at), du_.at(at), d_gate_.at(at));
    }
  }

  void finish_taps(std::int64_t row, Work& work) {
    const std::int64_t n = plan_.size, after = reaching_taps(shape_);
    const std::int64_t before = reaching_taps_before(shape_);
    S* sum = work.sum;
    std::fill(sum, sum + 2 * n, S(0));
    double skip = 0;
    for (std::int64_t p = 0; p < parts_; ++p) {
      sums_.add(2 * n, S(1) / static_cast<S>(n), partial(p, row), sum);
      skip += skip_partial_[p * tap_rows() + row];
    }
    fft_.inverse(roots_, sum, work.work, work.low, work.high);
    if (d_taps_) {
      put_taps(work.low + (plan_.whole ? 0 : before), after, shape_.taps,
               d_taps_.at(row * shape_.taps));
    }
    if (d_before_) {
      S* from = work.low;
      std::reverse(from, from + before);
      if (plan_.whole) {
        from = work.high;
        std::reverse(from, from + n);
        for (std::int64_t j = 0; j < n; ++j) from[j] = -from[j];
      }
      put_taps(from, before, shape_.taps_before, d_before_.at(row * shape_.taps_before));
    }
    if (d_skip_) {
      const S value = static_cast<S>(skip);
      taps_.finish(1, &value, nullptr, S(0), nullptr, nullptr, nullptr, d_skip_.at(row));
    }
  }

  /// `reaching` numbers, zeros for the taps beyond them.
  void put_taps(const S* from, std::int64_t reaching, std::int64_t count, void* to) const {
    taps_.finish(reaching, from, nullptr, S(0), nullptr, nullptr, nullptr, to);
    std::memset(static_cast<std::byte*>(to) + reaching * item_size(types_.taps), 0,
                (count - reaching) * item_size(types_.taps));
  }

  const ConvShape& shape_;
  const ConvTypes& types_;
  ConvPlan plan_;
  Blocks blocks_;
  std::int64_t parts_;
  const FftKernels<S>& fft_;
  const RowKernels<S>& rows_;
  const RowKernels<S>& taps_;
  const RowSums<S>& sums_;
  const FftPlan& roots_;
  Rows u_, gate_in_, gate_out_, state_, grad_, skip_;
  Rows du_, d_gate_, d_state_, d_taps_, d_before_, d_skip_;
  const S* spectrum_;
  Buffer partial_;  // [parts, C, H, 2 N]
  std::vector<double> skip_partial_;
};

}  // namespace

void long_conv_backward(const ConvShape& shape, const ConvTypes& types, const ConvInputs& inputs,
                        const void* grad, const ConvGradients& gradients,
                        const ParallelFor& parallel_for) {
  check_conv_types("long_conv_backward", "types.taps", types);
  with_compute_type(types.rows, [&](auto* type) {
    using S = std::remove_pointer_t<decltype(type)>;
    Backward<S> backward(shape, types, inputs, grad, gradients);
    run_parallel(parallel_for, 0, backward.tasks(), 1,
                 [&](std::int64_t begin, std::int64_t end) { backward.run(begin, end); });
    run_parallel(parallel_for, 0, backward.tap_rows(), 1,
                 [&](std::int64_t begin, std::int64_t end) { backward.finish(begin, end); });
  });
}

}  // namespace longtail::longconv
