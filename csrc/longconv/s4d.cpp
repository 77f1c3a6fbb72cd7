#include "longconv/s4d.h"

#include "longconv/s4d_tables.h"

namespace longtail::longconv {
namespace {

constexpr std::int64_t kSteps = kBlockSteps;
constexpr std::int64_t kBlocks = 64;  // that go through the caches together

/// What a task needs for the blocks of one row.
template <class S>
struct Blocks32 {
  const S4dKernels<S>& kernels = s4d_kernels<S>();
  std::int64_t width;  // 2 S, padded
  Buffer memory;
  S *staged, *added, *before, *y;

  explicit Blocks32(std::int64_t padded) : width(2 * padded) {
    Layout size;
    place(size);
    memory = Buffer(size.size());
    Layout layout(memory.as<std::byte>());
    place(layout);
  }

  /// So many steps of a row as whole blocks, the last one filled up with zeros. A copy also where
  /// none is needed: read in order, it is there before the product jumps about in it.
  const S* gather(DType dtype, const void* row, std::int64_t count) {
    row_kernels<S>(dtype).gather(count, row, nullptr, staged);
    std::fill(staged + count, staged + blocks_of(count, kSteps) * kSteps, S(0));
    return staged;
  }
  /// What each block adds to the states.
  void add(std::int64_t blocks, const S* u, const S* drive) {
    std::fill(added, added + blocks * width, S(0));
    kernels.multiply(blocks, width, kSteps, {u, kSteps, 1}, drive, added, width);
  }
  /// What the states before each block give in it.
  void read(std::int64_t blocks, const S* readout) {
    std::fill(y, y + blocks * kSteps, S(0));
    kernels.multiply(blocks, kSteps, width, {before, width, 1}, readout, y, kSteps);
  }

 private:
  void place(Layout& layout) {
    staged = layout.place<S>(kBlocks * kSteps);
    added = layout.place<S>(kBlocks * width);
    before = layout.place<S>(kBlocks * width);
    y = layout.place<S>(kBlocks * kSteps);
  }
};

/// Rows r of each head of [begin, end) of H x R pairs: open(h) makes tables, once for neighbours.
template <class Open, class Row>
void heads_and_rows(std::int64_t rows, std::int64_t begin, std::int64_t end, const Open& open,
                    const Row& row) {
  for (std::int64_t i = begin; i < end; ++i) {
    if (i == begin || i % rows == 0) open(i / rows);
    row(i % rows, i / rows);
  }
}

/// Pairs of a task: the work on tables should be small beside that on rows.
std::int64_t grain(std::int64_t rows, std::int64_t length) {
  const std::int64_t some = (std::int64_t{1} << 14) / std::max<std::int64_t>(1, length);
  return std::max<std::int64_t>({1, some, std::min<std::int64_t>(rows, 8)});
}

}  // namespace

void vandermonde(const VandermondeShape& shape, DType dtype, const double* base,
                 const double* weights, void* k, const ParallelFor& parallel_for) {
  with_compute_type(dtype, [&](auto* type) {
    using S = std::remove_pointer_t<decltype(type)>;
    S* const to = static_cast<S*>(k);
    const RangeTask task = [&](std::int64_t begin, std::int64_t end) {
      HeadTables<S> head(shape.states);
      Blocks32<S> work(head.padded());
      States one = head.base(), x = one;
      one.fill(1, 0);
      const auto readout = scratch<S>(work.width * kSteps);
      heads_and_rows(
          shape.rows, begin, end,
          [&](std::int64_t h) {
            head.begin(base + 2 * h * shape.states);
            head.readout(one, readout.get());
          },
          [&](std::int64_t r, std::int64_t h) {
            const std::int64_t row = r * shape.heads + h;
            x.read(weights + 2 * row * shape.states);
            for (std::int64_t l = 0; l < shape.length; l += kBlocks * kSteps) {
              const std::int64_t count = std::min(kBlocks * kSteps, shape.length - l);
              const std::int64_t blocks = blocks_of(count, kSteps);
              work.kernels.carry(head.padded(), blocks, head.power(), nullptr, 0, x.data(),
                                 work.before);
              work.read(blocks, readout.get());
              std::copy(work.y, work.y + count, to + row * shape.length + l);
            }
          });
    };
    run_parallel(parallel_for, 0, shape.heads * shape.rows, grain(shape.rows, shape.length), task);
  });
}

void vandermonde_transposed(const VandermondeShape& shape, DType dtype, const double* base,
                            const void* v, double* sums, const ParallelFor& parallel_for) {
  with_compute_type(dtype, [&](auto* type) {
    using S = std::remove_pointer_t<decltype(type)>;
    const S* const from = static_cast<const S*>(v);
    const RangeTask task = [&](std::int64_t begin, std::int64_t end) {
      HeadTables<S> head(shape.states);
      Blocks32<S> work(head.padded());
      States one = head.base(), x = one;
      one.fill(1, 0);
      const auto drive = scratch<S>(work.width * kSteps);
      heads_and_rows(
          shape.rows, begin, end,
          [&](std::int64_t h) {
            head.begin(base + 2 * h * shape.states);
            head.drive(one, false, drive.get());
          },
          [&](std::int64_t r, std::int64_t h) {
            const std::int64_t row = r * shape.heads + h, whole = kBlocks * kSteps;
            x.fill(0, 0);
            // Horner's rule: the last block first.
            for (std::int64_t part = blocks_of(shape.length, whole) - 1; part >= 0; --part) {
              const std::int64_t l = part * whole, count = std::min(whole, shape.length - l);
              const std::int64_t blocks = blocks_of(count, kSteps);
              const S* u = work.gather(dtype, from + row * shape.length + l, count);
              work.add(blocks, u, drive.get());
              work.kernels.carry(head.padded(), blocks, head.power(),
                                 work.added + (blocks - 1) * work.width, -work.width, x.data(),
                                 nullptr);
            }
            x.write(sums + 2 * row * shape.states);
          });
    };
    run_parallel(parallel_for, 0, shape.heads * shape.rows, grain(shape.rows, shape.length), task);
  });
}

namespace {

template <class S>
class Scan {
 public:
  Scan(const S4dShape& shape, DType dtype, const S4dInputs& inputs, void* y, double* final_state)
      : shape_(shape),
        in_(inputs),
        dtype_(dtype),
        rows_(row_kernels<S>(dtype)),
        u_(inputs.u, dtype),
        y_(y, dtype),
        final_(final_state),
        head_(shape.states),
        work_(head_.padded()),
        one_(head_.base()),
        drive_(one_),
        x_(one_),
        last_(one_),
        of_drive_(scratch<S>(work_.width * kSteps)),
        of_readout_(scratch<S>(shape.outputs * work_.width * kSteps)),
        of_response_(scratch<S>(shape.outputs * kSteps * kSteps)) {}

  void open(std::int64_t h) {
    head_.begin(in_.base + 2 * h * shape_.states);
    drive_.read(in_.drive + 2 * h * shape_.states);
    head_.drive(drive_, true, of_drive_.get());
    for (std::int64_t c = 0; c < shape_.outputs; ++c) {
      States first = one_, response = one_;
      first.read(in_.readout + 2 * (c * shape_.heads + h) * shape_.states);
      response = first;
      response.multiply(drive_);
      head_.response(response, of_response_.get() + c * kSteps * kSteps);
      first.multiply(head_.base());
      head_.readout(first, of_readout_.get() + c * work_.width * kSteps);
    }
  }

  void row(std::int64_t b, std::int64_t h) {
    const std::int64_t row = b * shape_.heads + h;
    x_.read(in_.state == nullptr ? nullptr : in_.state + 2 * row * shape_.states);
    for (std::int64_t l = 0; l < shape_.length; l += kBlocks * kSteps) {
      const std::int64_t count = std::min(kBlocks * kSteps, shape_.length - l);
      part(b, h, l, count);
    }
    x_.write(final_ + 2 * row * shape_.states);
  }

 private:
  void part(std::int64_t b, std::int64_t h, std::int64_t l, std::int64_t count) {
    const void* u = u_.at((b * shape_.heads + h) * shape_.length + l);
    const S* x = work_.gather(dtype_, u, count);
    const std::int64_t blocks = blocks_of(count, kSteps), whole = count / kSteps;
    const std::int64_t padded = head_.padded(), width = work_.width;
    work_.add(whole, x, of_drive_.get());
    work_.kernels.carry(padded, whole, head_.power(), work_.added, width, x_.data(), work_.before);
    if (whole < blocks) {  // the end of the row: fewer steps than a block has
      last_ = x_;
      work_.kernels.carry(padded, 1, head_.power(), nullptr, 0, last_.data(),
                          work_.before + whole * width);
      work_.kernels.advance(padded, count - whole * kSteps, head_.base().data(), drive_.data(),
                            x + whole * kSteps, x_.data());
    }
    for (std::int64_t c = 0; c < shape_.outputs; ++c) {
      work_.read(blocks, of_readout_.get() + c * width * kSteps);
      work_.kernels.multiply(blocks, kSteps, kSteps, {x, kSteps, 1},
                             of_response_.get() + c * kSteps * kSteps, work_.y, kSteps);
      const S skip = in_.skip == nullptr ? S(0) : static_cast<S>(in_.skip[c * shape_.heads + h]);
      rows_.finish(count, work_.y, nullptr, skip, in_.skip == nullptr ? nullptr : u, nullptr,
                   nullptr,
                   y_.at(((b * shape_.outputs + c) * shape_.heads + h) * shape_.length + l));
    }
  }

  const S4dShape& shape_;
  const S4dInputs& in_;
  DType dtype_;
  const RowKernels<S>& rows_;
  Rows u_, y_;
  double* final_;
  HeadTables<S> head_;
  Blocks32<S> work_;
  States one_, drive_, x_, last_;
  std::unique_ptr<S[]> of_drive_, of_readout_, of_response_;
};

}  // namespace

void s4d_scan(const S4dShape& shape, DType dtype, const S4dInputs& inputs, void* y,
              double* final_state, const ParallelFor& parallel_for) {
  with_compute_type(dtype, [&](auto* type) {
    using S = std::remove_pointer_t<decltype(type)>;
    const RangeTask task = [&](std::int64_t begin, std::int64_t end) {
      Scan<S> scan(shape, dtype, inputs, y, final_state);
      heads_and_rows(
          shape.batch, begin, end, [&](std::int64_t h) { scan.open(h); },
          [&](std::int64_t b, std::int64_t h) { scan.row(b, h); });
    };
    run_parallel(parallel_for, 0, shape.heads * shape.batch, grain(shape.batch, shape.length),
                 task);
  });
}

void s4d_step(const S4dStep& step, void* y, void* new_state, const ParallelFor& parallel_for) {
  static constexpr PerLevel<const StepHeads*> levels = LONGTAIL_ADDRESS_PER_LEVEL(kS4dStep);
  const StepHeads& heads = *levels[cpu_level()];
  const std::int64_t padded = blocks_of(step.states, heads.lanes) * heads.lanes;
  const std::int64_t of_head = std::max<std::int64_t>(1, padded * (step.batch + 4));
  const std::int64_t grain = std::max<std::int64_t>(1, (std::int64_t{1} << 13) / of_head);
  run_parallel(parallel_for, 0, step.heads, grain, [&](std::int64_t begin, std::int64_t end) {
    heads.run(step, y, new_state, begin, end, scratch<double>(6 * padded).get());
  });
}

}  // namespace longtail::longconv
