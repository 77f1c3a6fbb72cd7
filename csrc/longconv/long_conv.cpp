#include "longconv/long_conv.h"

#include <cmath>
#include <vector>

#include "core/element_type.h"
#include "longconv/long_conv_rows.h"

namespace longtail::longconv {

template <>
const FftKernels<float>& fft_kernels() {
  static constexpr PerLevel<const FftKernels<float>*> levels =
      LONGTAIL_ADDRESS_PER_LEVEL(kFloatFft);
  return *levels[cpu_level()];
}
template <>
const FftKernels<double>& fft_kernels() {
  static constexpr PerLevel<const FftKernels<double>*> levels =
      LONGTAIL_ADDRESS_PER_LEVEL(kDoubleFft);
  return *levels[cpu_level()];
}

namespace {
const AllRowKernels& all_row_kernels() {
  static constexpr PerLevel<const AllRowKernels*> levels = LONGTAIL_ADDRESS_PER_LEVEL(kRowKernels);
  return *levels[cpu_level()];
}
}  // namespace

template <>
const RowKernels<float>& row_kernels(DType rows) {
  return all_row_kernels().narrow[static_cast<int>(rows) - 1];
}
template <>
const RowKernels<double>& row_kernels(DType) {
  return all_row_kernels().float64;
}
template <>
const RowSums<float>& row_sums() {
  return all_row_kernels().float_sums;
}
template <>
const RowSums<double>& row_sums() {
  return all_row_kernels().double_sums;
}

namespace {

/// What a transform of so many points costs, in some unit: passes, and the caches it leaves.
double cost_of(std::int64_t size) {
  const double points = static_cast<double>(size);
  return points * (std::log2(points) + 4) * (size > 32768 ? 1.5 : 1.0);
}

/// A staged row that is one already where nothing has to be done.
template <class S>
const S* staged(const RowKernels<S>& kernels, DType dtype, std::int64_t begin, std::int64_t length,
                std::int64_t size, const Rows& row, const Rows& gate, S* to) {
  const bool same = dtype == kDType<S>;
  const std::int64_t count = std::clamp<std::int64_t>(length - begin, 0, size);
  if (same && !gate && count == size) return static_cast<const S*>(row.at(begin));
  kernels.gather(count, row.at(begin), gate.at(begin), to);
  std::fill(to + count, to + size, S(0));
  return to;
}

template <class S>
class Forward {
 public:
  Forward(const ConvShape& shape, const ConvTypes& types, const ConvInputs& inputs, void* y)
      : shape_(shape),
        types_(types),
        plan_(conv_plan(shape, types.rows)),
        blocks_(shape, plan_),
        fft_(fft_kernels<S>()),
        rows_(row_kernels<S>(types.rows)),
        roots_(fft_plan<S>(plan_.size, fft_.lanes)),
        u_(inputs.u, types.rows),
        gate_in_(inputs.gate_in, types.rows),
        gate_out_(inputs.gate_out, types.rows),
        state_(inputs.state, types.rows),
        y_(y, types.rows),
        skip_(inputs.skip, types.taps),
        spectrum_(static_cast<const S*>(inputs.spectrum)) {}

  /// Rows h * batch + b of [begin, end).
  void run(std::int64_t begin, std::int64_t end) const {
    Layout size;
    Work work(*this, size);
    const Buffer memory(size.size());
    Layout layout(memory.as<std::byte>());
    work = Work(*this, layout);
    for (std::int64_t r = begin; r < end; ++r) {
      row(r % shape_.batch, r / shape_.batch, r + 1 < end ? ahead(r + 1) : nullptr, work);
    }
  }

  std::int64_t grain() const {
    return std::max<std::int64_t>(1, kGrainPoints / std::max<std::int64_t>(1, shape_.length));
  }

 private:
  struct Work {
    S *x, *work, *out, *spectrum, *product;
    S* tail[2];  // [C, N], of the block before and of this one
    Work(const Forward& f, Layout& layout) {
      const std::int64_t n = f.plan_.size;
      const bool several = f.shape_.outputs > 1;
      x = layout.place<S>(n);
      work = layout.place<S>(2 * n);
      out = layout.place<S>(n);
      spectrum = layout.place<S>(several ? 2 * n : 0);
      product = layout.place<S>(several ? 2 * n : 0);
      for (S*& each : tail) each = layout.place<S>(f.blocks_.overlap ? f.shape_.outputs * n : 0);
    }
  };

  std::int64_t start_of(std::int64_t b, std::int64_t h) const {
    return (b * shape_.heads + h) * shape_.length;
  }

  /// Row r, if it should be on its way while the one before is worked on: neighbours in this order
  /// lie far apart, so nothing else announces it. Long rows announce themselves.
  const S* ahead(std::int64_t r) const {
    constexpr std::int64_t most = 64 << 10;
    const std::int64_t item = sizeof(S);
    if (blocks_.count != 1 || u_.item != item || plan_.size * item > most) return nullptr;
    return static_cast<const S*>(u_.at(start_of(r % shape_.batch, r / shape_.batch)));
  }

  /// The numbers of a block, or null if there are none.
  const S* block_of(std::int64_t i, const Rows& row, const Rows& gate, const Rows& state,
                    S* to) const {
    const std::int64_t n = plan_.size, before = shape_.taps - 1;
    if (i < 0) {
      std::fill(to, to + n - before, S(0));
      rows_.gather(before, state.at(0), nullptr, to + n - before);
      return to;
    }
    if (i >= blocks_.count) return nullptr;
    return staged(rows_, types_.rows, i * n, shape_.length, n, row, gate, to);
  }

  void row(std::int64_t b, std::int64_t h, const S* next, Work& work) const {
    const std::int64_t n = plan_.size, from = start_of(b, h);
    const Rows u = moved(u_, from), gate = moved(gate_in_, from);
    const Rows state = moved(state_, (b * shape_.heads + h) * (shape_.taps - 1));
    if (blocks_.overlap) std::fill(work.tail[0], work.tail[0] + shape_.outputs * n, S(0));
    for (std::int64_t i = blocks_.first; i < blocks_.last; ++i) {
      const S* x = block_of(i, u, gate, state, work.x);
      if (x != nullptr && shape_.outputs > 1) {
        fft_.transform(roots_, x, nullptr, S(1), work.work, work.spectrum);
      }
      for (std::int64_t c = 0; c < shape_.outputs; ++c) {
        const S* out = convolve(x, c, h, next, work);
        if (i >= 0) finish(i, b, c, h, out, work);
      }
      std::swap(work.tail[0], work.tail[1]);
    }
  }

  const S* convolve(const S* x, std::int64_t c, std::int64_t h, const S* next, Work& work) const {
    const std::int64_t n = plan_.size;
    const S* k = spectrum_ + (c * shape_.heads + h) * 2 * n;
    S* tail = blocks_.overlap ? work.tail[1] + c * n : nullptr;
    if (x == nullptr) {  // nothing but the tail of the block before
      std::fill(work.out, work.out + n, S(0));
    } else if (shape_.outputs == 1) {
      fft_.convolve(roots_, x, k, work.work, work.out, tail, next);
    } else {
      fft_.multiply(n, work.spectrum, k, work.product);
      fft_.inverse(roots_, work.product, work.work, work.out, tail);
    }
    return work.out;
  }

  void finish(std::int64_t i, std::int64_t b, std::int64_t c, std::int64_t h, const S* out,
              const Work& work) const {
    const std::int64_t n = plan_.size, start = i * n - blocks_.shift;
    const std::int64_t begin = std::max<std::int64_t>(0, start);
    const std::int64_t end = std::min(shape_.length, start + n);
    if (begin >= end) return;
    const std::int64_t from = start_of(b, h) + begin;
    const std::int64_t to = ((b * shape_.outputs + c) * shape_.heads + h) * shape_.length + begin;
    const S* tail = blocks_.overlap ? work.tail[0] + c * n + (begin - start) : nullptr;
    const S skip = skip_ ? scalar(skip_, c * shape_.heads + h) : S(0);
    rows_.finish(end - begin, out + (begin - start), tail, skip, skip_ ? u_.at(from) : nullptr,
                 gate_in_.at(from), gate_out_.at(to), y_.at(to));
  }

  S scalar(const Rows& of, std::int64_t at) const {
    S value;
    row_kernels<S>(sizeof(S) == 8 ? DType::float64 : types_.taps)
        .gather(1, of.at(at), nullptr, &value);
    return value;
  }
  Rows moved(const Rows& rows, std::int64_t by) const {
    Rows result = rows;
    result.data = static_cast<std::byte*>(rows.at(by));
    return result;
  }

  const ConvShape& shape_;
  const ConvTypes& types_;
  ConvPlan plan_;
  Blocks blocks_;
  const FftKernels<S>& fft_;
  const RowKernels<S>& rows_;
  const FftPlan& roots_;
  Rows u_, gate_in_, gate_out_, state_, y_, skip_;
  const S* spectrum_;
};

/// Taps in the ring of fft_plan.h: numbers 0 ... N - 1 and N ... 2 N - 1, or null if all are 0.
template <class S>
void place_taps(const ConvShape& shape, const ConvPlan& plan, const RowKernels<S>& taps,
                const void* k, const void* k_rev, S* low, S* high) {
  const std::int64_t n = plan.size, after = reaching_taps(shape);
  const std::int64_t before = reaching_taps_before(shape);
  std::fill(low, low + n, S(0));
  if (high != nullptr) std::fill(high, high + n, S(0));
  if (plan.whole) {
    taps.gather(after, k, nullptr, low);
    if (high == nullptr) return;
    taps.gather(before, k_rev, nullptr, high);
    // Lag -j is x^(-j) = -x^(2 N - j).
    std::reverse(high, high + n);
    for (std::int64_t j = 0; j < n; ++j) high[j] = -high[j];
  } else {
    taps.gather(before, k_rev, nullptr, low);
    std::reverse(low, low + before);
    taps.gather(after, k, nullptr, low + before);
  }
}

}  // namespace

ConvPlan conv_plan(const ConvShape& shape, DType rows) {
  const int lanes = with_compute_type(
      rows, [](auto* s) { return fft_kernels<std::remove_pointer_t<decltype(s)>>().lanes; });
  const std::int64_t before = reaching_taps_before(shape);
  const std::int64_t taps = std::max<std::int64_t>(1, reaching_taps(shape) + before);
  const std::int64_t whole = fft_size(std::max<std::int64_t>(1, shape.length), lanes);
  // From the smallest on, sizes that are twice as large: fewer and longer blocks.
  ConvPlan best = {whole, true};
  double least = shape.state ? HUGE_VAL : cost_of(whole);
  for (std::int64_t size = fft_size(taps, lanes);; size = fft_size(size + 1, lanes)) {
    const std::int64_t blocks = (shape.length + size - 1) / size + (shape.state ? 1 : 0);
    const double cost = static_cast<double>(blocks) * cost_of(size);
    if (cost < least) {
      least = cost;
      best = {size, false};
    }
    if (size >= whole) break;
  }
  return best;
}

std::int64_t spectrum_size(const ConvShape& shape, DType rows) {
  return shape.outputs * shape.heads * 2 * conv_plan(shape, rows).size;
}

void conv_spectrum(const ConvShape& shape, const ConvTypes& types, const void* k, const void* k_rev,
                   void* spectrum, const ParallelFor& parallel_for) {
  check_conv_types("conv_spectrum", "types.taps", types);
  with_compute_type(types.rows, [&](auto* type) {
    using S = std::remove_pointer_t<decltype(type)>;
    const ConvPlan plan = conv_plan(shape, types.rows);
    const FftKernels<S>& fft = fft_kernels<S>();
    const FftPlan& roots = fft_plan<S>(plan.size, fft.lanes);
    const RowKernels<S>& taps = row_kernels<S>(sizeof(S) == 8 ? DType::float64 : types.taps);
    const Rows after(k, types.taps), before(k_rev, types.taps);
    const std::int64_t n = plan.size;
    const bool wraps = plan.whole && reaching_taps_before(shape) > 0;
    run_parallel(parallel_for, 0, shape.outputs * shape.heads,
                 std::max<std::int64_t>(1, kGrainPoints / n),
                 [&](std::int64_t begin, std::int64_t end) {
                   const Buffer memory(4 * n * std::int64_t{sizeof(S)});
                   S *const low = memory.as<S>(), *const high = wraps ? low + n : nullptr;
                   for (std::int64_t r = begin; r < end; ++r) {
                     place_taps(shape, plan, taps, after.at(r * shape.taps),
                                before.at(r * shape.taps_before), low, high);
                     fft.transform(roots, low, high, S(1) / static_cast<S>(n), low + 2 * n,
                                   static_cast<S*>(spectrum) + r * 2 * n);
                   }
                 });
  });
}

void long_conv(const ConvShape& shape, const ConvTypes& types, const ConvInputs& inputs, void* y,
               const ParallelFor& parallel_for) {
  check_conv_types("long_conv", "types.taps", types);
  with_compute_type(types.rows, [&](auto* type) {
    using S = std::remove_pointer_t<decltype(type)>;
    const Forward<S> forward(shape, types, inputs, y);
    run_parallel(parallel_for, 0, shape.batch * shape.heads, forward.grain(),
                 [&](std::int64_t begin, std::int64_t end) { forward.run(begin, end); });
  });
}

}  // namespace longtail::longconv
