// Gradients of the recurrence of s4d.h by its adjoint, a recurrence backwards.
//
// z[l] is what the loss makes of the state x[l] after step l, p[l] of it and of the result there:
//
//   p[l] = z[l] + sum over c of readout[c] grad[c, l]
//   z[l - 1] = base p[l],   z[L - 1] = conj last
//
//   conj d base       = sum p[l] x[l - 1]
//   conj d drive      = sum p[l] u[l]
//   conj d readout[c] = sum grad[c, l] x[l]
//   d state           = conj z[-1]
//   d skip[c]         = sum grad[c, l] u[l]
//   d u[l]            = Re sum over n of drive p[l] + sum over c of skip[c] grad[c, l]
//
// As forwards, rows are cut into blocks of T steps. With x the state before a block, z that after
// it, and of each block the sums
//
//   v = sum base^(T - 1 - t) u[t],    v' its derivative in base,
//   q = sum base^t grad[t],           q' = (base q)', for each result,
//   r[m] = sum grad[t] u[t - m]
//
// all of which are products with small tables, x = base^T x + drive v carries states forwards, and
// z = base^T z + sum base readout q backwards; and the block's share of the sums above is
//
//   d base      T base^(T - 1) x z + drive z v' + readout x q' + drive readout sum r[m] (base^m)'
//   d drive     z v + readout sum r[m] base^m
//   d readout   base x q + drive sum r[m] base^m
//
// so that neither states nor adjoint states of single steps are ever made. States are kept at the
// beginning of each part of 128 blocks and made again from there: memory grows as S L / 4096. The
// end of a row that fills no block is taken step by step in double. All sums over blocks, rows and
// the batch are in double, in the same order for any number of threads.

#include "longconv/s4d_backward_level.h"
#include "longconv/s4d_backward_sums.h"
#include "longconv/s4d_tables.h"

namespace longtail::longconv {
namespace {

constexpr std::int64_t kSteps = kBlockSteps;
constexpr std::int64_t kBlocks = 128;    // of a part
constexpr std::int64_t kPartsOfSum = 4;  // that are summed in float before they are in double

template <class S>
const S4dBackwardKernels<S>& backward_kernels() {
  if constexpr (sizeof(S) == 8) {
    static constexpr PerLevel<const S4dBackwardKernels<S>*> levels =
        LONGTAIL_ADDRESS_PER_LEVEL(kS4dBackwardDouble);
    return *levels[cpu_level()];
  } else {
    static constexpr PerLevel<const S4dBackwardKernels<S>*> levels =
        LONGTAIL_ADDRESS_PER_LEVEL(kS4dBackwardFloat);
    return *levels[cpu_level()];
  }
}

/// Without states base has no memory, but skip may.
bool wants_sums(const S4dGradients& to) { return to.base != nullptr || to.skip != nullptr; }

template <class S>
class Backward {
 public:
  Backward(const S4dShape& shape, DType dtype, const S4dInputs& inputs, const void* grad,
           const double* last, const S4dGradients& to)
      : shape_(shape),
        in_(inputs),
        to_(to),
        last_(last),
        sums_wanted_(wants_sums(to)),
        kernels_(s4d_kernels<S>()),
        states_(backward_kernels<S>()),
        rows_(row_kernels<S>(dtype)),
        u_(inputs.u, dtype),
        grad_(grad, dtype),
        du_(to.u, dtype),
        head_(shape.states),
        width_(2 * head_.padded()),
        whole_(shape.length / kSteps),
        one_(head_.base()),
        drive_(one_),
        x_(one_),
        z_(one_),
        readouts_(static_cast<std::size_t>(2 * shape.outputs * width_)),
        checkpoints_(static_cast<std::size_t>(sums_wanted_ ? (parts() + 1) * width_ : 0)),
        of_blocks_(
            static_cast<std::size_t>((kSumsOfBlocks + kSumsOfResult * shape.outputs) * width_)),
        of_tail_(static_cast<std::size_t>((2 + shape.outputs) * width_)),
        lags_(static_cast<std::size_t>(shape.outputs * kSteps)) {
    one_.fill(1, 0);
    Layout size;
    place(size);
    memory_ = Buffer(size.size());
    Layout layout(memory_.as<std::byte>());
    place(layout);
    std::fill_n(lagged_, shape.outputs * kSteps * kSteps, S(0));
  }

  /// Tables of a head.
  void open(std::int64_t h) {
    head_.begin(in_.base + 2 * h * shape_.states);
    drive_.read(in_.drive + 2 * h * shape_.states);
    head_.readout_back(drive_, of_z_);
    head_.drive(one_, false, of_q_);
    if (sums_wanted_) {
      head_.drive(one_, true, of_v_);
      head_.slopes(one_, true, of_v_slopes_);
      head_.slopes(one_, false, of_q_slopes_);
    }
    for (std::int64_t c = 0; c < shape_.outputs; ++c) {
      const std::int64_t row = c * shape_.heads + h;
      States readout = one_;
      readout.read(in_.readout + 2 * row * shape_.states);
      std::copy_n(readout.data(), width_, readout_of(c));
      States response = readout;
      response.multiply(drive_);
      head_.response_back(response, in_.skip == nullptr ? 0 : in_.skip[row],
                          of_grad_ + c * kSteps * kSteps);
      readout.multiply(head_.base());
      std::copy_n(readout.data(), width_, moved_readout_of(c));
    }
  }

  /// Rows [begin, end) of the batch; their sums to `sums`.
  void group(std::int64_t begin, std::int64_t end, std::int64_t h, const Sums& sums) {
    std::fill(of_blocks_.begin(), of_blocks_.end(), 0.0);
    std::fill(of_tail_.begin(), of_tail_.end(), 0.0);
    std::fill(lags_.begin(), lags_.end(), 0.0);
    for (std::int64_t c = 0; c < shape_.outputs; ++c) sums.skip(c) = 0;
    for (std::int64_t b = begin; b < end; ++b) row(b, h, sums);
    if (!sums_wanted_) return;
    for (std::int64_t c = 0; c < shape_.outputs; ++c) sums.skip(c) += lags_[c * kSteps];
    finish_sums({width_, head_.base().data(), drive_.data(), readout_of(0), of_blocks_.data(),
                 of_tail_.data(), lags_.data()},
                sums);
  }

 private:
  std::int64_t parts() const { return blocks_of(whole_, kBlocks); }
  double* readout_of(std::int64_t c) { return readouts_.data() + c * width_; }
  double* moved_readout_of(std::int64_t c) { return readout_of(shape_.outputs + c); }

  void place(Layout& layout) {
    const std::int64_t table = kSteps * width_;
    const std::int64_t c = shape_.outputs, wanted = sums_wanted_ ? 1 : 0;
    of_q_ = layout.place<S>(table);
    of_z_ = layout.place<S>(width_ * kSteps);
    of_grad_ = layout.place<S>(c * kSteps * kSteps);
    of_v_ = layout.place<S>(wanted * table);
    of_v_slopes_ = layout.place<S>(wanted * table);
    of_q_slopes_ = layout.place<S>(wanted * table);
    steps_ = layout.place<S>(kBlocks * kSteps);
    packed_ = layout.place<S>(kBlocks * kSteps);
    grads_ = layout.place<S>(c * kBlocks * kSteps);
    v_ = layout.place<S>(wanted * kBlocks * width_);
    v_slopes_ = layout.place<S>(wanted * kBlocks * width_);
    before_ = layout.place<S>(wanted * kBlocks * width_);
    q_ = layout.place<S>(c * kBlocks * width_);
    q_slopes_ = layout.place<S>(wanted * c * kBlocks * width_);
    after_ = layout.place<S>(kBlocks * width_);
    y_ = layout.place<S>(kBlocks * kSteps);
    lagged_ = layout.place<S>(c * kSteps * kSteps);
    tail_ = layout.place<double>(wanted * (kSteps + 1) * width_);
  }

  void row(std::int64_t b, std::int64_t h, const Sums& sums) {
    const std::int64_t row = b * shape_.heads + h, count = shape_.length - whole_ * kSteps;
    if (sums_wanted_) forwards(row);
    z_.read(last_ == nullptr ? nullptr : last_ + 2 * row * shape_.states);
    z_.conjugate();
    if (count > 0) tail(b, h, count, sums);
    for (std::int64_t part = parts() - 1; part >= 0; --part) {
      const std::int64_t first = part * kBlocks, blocks = std::min(kBlocks, whole_ - first);
      if (sums_wanted_ && part + 1 < parts()) {
        std::copy_n(checkpoints_.data() + part * width_, width_, x_.data());
        inputs(row, first, blocks);
      }
      backwards(b, h, first, blocks);
      if (sums_wanted_ && part % kPartsOfSum == 0) sum_diagonals();
    }
    z_.conjugate();
    if (to_.state != nullptr) z_.write(to_.state + 2 * row * shape_.states);
  }

  /// States at the beginning of each part; the inputs of the last one stay.
  void forwards(std::int64_t row) {
    x_.read(in_.state == nullptr ? nullptr : in_.state + 2 * row * shape_.states);
    for (std::int64_t part = 0; part < parts(); ++part) {
      std::copy_n(x_.data(), width_, checkpoints_.data() + part * width_);
      inputs(row, part * kBlocks, std::min(kBlocks, whole_ - part * kBlocks));
    }
  }

  /// v of blocks and the states before them.
  void inputs(std::int64_t row, std::int64_t first, std::int64_t blocks) {
    rows_.gather(blocks * kSteps, u_.at(row * shape_.length + first * kSteps), nullptr, steps_);
    multiply(blocks, width_, kSteps, steps_, of_v_, v_);
    states_.states(head_.padded(), blocks, head_.power(), drive_.data(), v_, x_.data(), before_);
  }

  void backwards(std::int64_t b, std::int64_t h, std::int64_t first, std::int64_t blocks) {
    const std::int64_t steps = blocks * kSteps, l = first * kSteps;
    for (std::int64_t c = 0; c < shape_.outputs; ++c) {
      rows_.gather(steps, grad_.at(result(b, c, h) + l), nullptr, grads_ + c * steps);
    }
    multiply(shape_.outputs * blocks, width_, kSteps, grads_, of_q_, q_);
    const S4dBlockStates<S> states = {
        head_.padded(), blocks, shape_.outputs, head_.power(), moved_readout_of(0), before_, v_,
        v_slopes_,      q_,     q_slopes_,      after_};
    states_.adjoint(states, z_.data());
    if (sums_wanted_) {
      multiply(blocks, width_, kSteps, steps_, of_v_slopes_, v_slopes_);
      multiply(shape_.outputs * blocks, width_, kSteps, grads_, of_q_slopes_, q_slopes_);
      states_.products(states, of_blocks_.data());
      lags(blocks);
    }
    if (!du_) return;
    multiply(blocks, kSteps, width_, after_, of_z_, y_);
    for (std::int64_t c = 0; c < shape_.outputs; ++c) {
      kernels_.multiply(blocks, kSteps, kSteps, {grads_ + c * steps, kSteps, 1},
                        of_grad_ + c * kSteps * kSteps, y_, kSteps);
    }
    void* const to = du_.at((b * shape_.heads + h) * shape_.length + l);
    rows_.finish(steps, y_, nullptr, S(0), nullptr, nullptr, nullptr, to);
  }

  /// to [rows, columns] = from [rows, depth] times a table.
  void multiply(std::int64_t rows, std::int64_t columns, std::int64_t depth, const S* from,
                const S* table, S* to) {
    std::fill(to, to + rows * columns, S(0));
    kernels_.multiply(rows, columns, depth, {from, depth, 1}, table, to, columns);
  }

  /// Adds to r of s4d_backward.cpp as it is before its diagonals are summed: products of all grads
  /// of a part with all its inputs.
  void lags(std::int64_t blocks) {
    const S* inputs = steps_;
    if (kPanelVectors * kernels_.lanes != kSteps) {  // otherwise blocks are a panel as they lie
      pack(Panels(kernels_.lanes, kSteps), blocks, kSteps, packed_,
           [&](std::int64_t i, std::int64_t t) { return steps_[i * kSteps + t]; });
      inputs = packed_;
    }
    for (std::int64_t c = 0; c < shape_.outputs; ++c) {
      kernels_.multiply(kSteps, kSteps, blocks, {grads_ + c * blocks * kSteps, 1, kSteps}, inputs,
                        lagged_ + c * kSteps * kSteps, kSteps);
    }
  }
  /// r of the parts since the last time.
  void sum_diagonals() {
    for (std::int64_t c = 0; c < shape_.outputs; ++c) {
      double diagonals[2 * kSteps] = {};  // of t - s = T - 1 - i
      for (std::int64_t t = 0; t < kSteps; ++t) {
        const S* const row = lagged_ + (c * kSteps + t) * kSteps;
        double* const to = diagonals + kSteps - 1 - t;
        for (std::int64_t s = 0; s < kSteps; ++s) to[s] += static_cast<double>(row[s]);
      }
      for (std::int64_t m = 0; m < kSteps; ++m) lags_[c * kSteps + m] += diagonals[kSteps - 1 - m];
    }
    std::fill_n(lagged_, shape_.outputs * kSteps * kSteps, S(0));
  }

  void tail(std::int64_t b, std::int64_t h, std::int64_t count, const Sums& sums) {
    const std::int64_t row = b * shape_.heads + h, l = whole_ * kSteps;
    double du[kSteps];
    S* const u = packed_;  // the inputs of the last part are still wanted
    rows_.gather(count, u_.at(row * shape_.length + l), nullptr, u);
    for (std::int64_t c = 0; c < shape_.outputs; ++c) {
      rows_.gather(count, grad_.at(result(b, c, h) + l), nullptr, grads_ + c * kSteps);
    }
    const S4dTail<S> of = {
        head_.padded(), count, shape_.outputs, kSteps, head_.base().data(), drive_.data(),
        readout_of(0),  u,     grads_,         tail_};
    if (sums_wanted_) states_.tail_states(of, x_.data());
    states_.tail_adjoint(of, z_.data(), du, sums_wanted_ ? of_tail_.data() : nullptr);
    for (std::int64_t c = 0; c < shape_.outputs; ++c) {
      const double skip = in_.skip == nullptr ? 0 : in_.skip[c * shape_.heads + h];
      for (std::int64_t t = 0; t < count; ++t) {
        const double grad = static_cast<double>(grads_[c * kSteps + t]);
        du[t] += skip * grad;
        sums.skip(c) += grad * static_cast<double>(u[t]);
      }
    }
    if (!du_) return;
    for (std::int64_t t = 0; t < count; ++t) y_[t] = static_cast<S>(du[t]);
    rows_.finish(count, y_, nullptr, S(0), nullptr, nullptr, nullptr,
                 du_.at(row * shape_.length + l));
  }

  std::int64_t result(std::int64_t b, std::int64_t c, std::int64_t h) const {
    return ((b * shape_.outputs + c) * shape_.heads + h) * shape_.length;
  }

  const S4dShape& shape_;
  const S4dInputs& in_;
  const S4dGradients& to_;
  const double* last_;
  bool sums_wanted_;
  const S4dKernels<S>& kernels_;
  const S4dBackwardKernels<S>& states_;
  const RowKernels<S>& rows_;
  Rows u_, grad_, du_;
  HeadTables<S> head_;
  std::int64_t width_, whole_;  // whole blocks of a row
  States one_, drive_, x_, z_;
  std::vector<double> readouts_, checkpoints_, of_blocks_, of_tail_, lags_;
  Buffer memory_;
  S *of_q_, *of_z_, *of_grad_, *of_v_, *of_v_slopes_, *of_q_slopes_;  // tables
  S *steps_, *packed_, *grads_, *v_, *v_slopes_, *before_, *q_, *q_slopes_, *after_, *y_, *lagged_;
  double* tail_;
};

}  // namespace

void s4d_scan_backward(const S4dShape& shape, DType dtype, const S4dInputs& inputs,
                       const void* grad, const double* last, const S4dGradients& to,
                       const ParallelFor& parallel_for) {
  const Groups groups(shape.batch);
  const std::int64_t size = Sums::size(shape);
  std::vector<double> partial(static_cast<std::size_t>(shape.heads * groups.count * size));
  with_compute_type(dtype, [&](auto* type) {
    using S = std::remove_pointer_t<decltype(type)>;
    const RangeTask task = [&](std::int64_t begin, std::int64_t end) {
      Backward<S> backward(shape, dtype, inputs, grad, last, to);
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t h = i / groups.count, first = i % groups.count * groups.rows;
        if (i == begin || i % groups.count == 0) backward.open(h);
        backward.group(first, std::min(shape.batch, first + groups.rows), h,
                       {shape.states, shape.outputs, partial.data() + i * size});
      }
    };
    const std::int64_t steps = std::max<std::int64_t>(1, groups.rows * shape.length);
    const std::int64_t grain = std::max<std::int64_t>(1, (std::int64_t{1} << 14) / steps);
    run_parallel(parallel_for, 0, shape.heads * groups.count, grain, task);
  });
  if (wants_sums(to)) add_groups(shape, groups, partial, to);
}

}  // namespace longtail::longconv
