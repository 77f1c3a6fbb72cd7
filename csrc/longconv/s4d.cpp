#include "longconv/s4d.h"

#include "longconv/s4d_tables.h"

namespace longtail::longconv {
namespace {

constexpr std::int64_t kSteps = kBlockSteps;
constexpr std::int64_t kBlocks = 64;    // that go through the caches together
constexpr std::int64_t kTogether = 12;  // and, of these, between requests for memory to come

Rows moved(Rows rows, std::int64_t by) {
  rows.data = static_cast<std::byte*>(rows.at(by));
  return rows;
}

/// Memory that is wanted soon: asked for a share at a time, so that it comes while something is
/// computed.
struct Coming {
  const std::byte* data = nullptr;
  std::int64_t bytes = 0;

  void ask(std::int64_t blocks) {
    constexpr std::int64_t line = 64;
    std::int64_t share = blocks_of(bytes * kTogether, std::max(kTogether, blocks) * line) * line;
    for (; share > 0 && bytes > 0; share -= line, bytes -= line, data += line) {
      __builtin_prefetch(data, 0, 3);
    }
  }
};

/// What a task needs for the blocks of one row: for each of them a row of what is multiplied, the
/// states before it and its steps.
template <class S>
struct RowBlocks {
  const S4dKernels<S>& kernels = s4d_kernels<S>();
  std::int64_t width, stride;  // 2 S, padded; and T more
  Buffer memory;
  S *before, *added, *y;

  explicit RowBlocks(std::int64_t padded) : width(2 * padded), stride(width + kSteps) {
    Layout size;
    place(size);
    memory = Buffer(size.size());
    Layout layout(memory.as<std::byte>());
    place(layout);
  }
  S* steps() const { return before + width; }

  /// So many steps, the last block filled up with zeros.
  void gather(const RowKernels<S>& rows, const Rows& row, std::int64_t count) {
    for (std::int64_t begin = 0, i = 0; begin < count; begin += kSteps, ++i) {
      const std::int64_t some = std::min(kSteps, count - begin);
      rows.gather(some, row.at(begin), nullptr, steps() + i * stride);
      std::fill(steps() + i * stride + some, steps() + i * stride + kSteps, S(0));
    }
  }
  /// What each block adds to the states; meanwhile `next` comes in.
  void add(std::int64_t blocks, const S* drive, Coming next = {}) {
    std::fill(added, added + blocks * width, S(0));
    for (std::int64_t i = 0; i < blocks; i += kTogether) {
      next.ask(blocks);
      kernels.multiply(std::min(kTogether, blocks - i), width, kSteps,
                       {steps() + i * stride, stride, 1}, drive, added + i * width, width);
    }
  }
  /// States from block to block, as they are before each.
  void carry(std::int64_t blocks, const double* power, bool adds, States& x) {
    kernels.carry(width / 2, blocks, power, adds ? added : nullptr, width, x.data(), before,
                  stride);
  }
  /// What `depth` numbers of each block's row give in it.
  void read(std::int64_t blocks, std::int64_t depth, const S* readout, Coming next = {}) {
    std::fill(y, y + blocks * kSteps, S(0));
    for (std::int64_t i = 0; i < blocks; i += kTogether) {
      next.ask(blocks);
      kernels.multiply(std::min(kTogether, blocks - i), kSteps, depth,
                       {before + i * stride, stride, 1}, readout, y + i * kSteps, kSteps);
    }
  }

 private:
  void place(Layout& layout) {
    before = layout.place<S>(kBlocks * stride);
    added = layout.place<S>(kBlocks * width);
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
      RowBlocks<S> work(head.padded());
      States one = head.base(), x = one;
      one.fill(1, 0);
      const auto readout = scratch<S>(work.width * kSteps);
      heads_and_rows(
          shape.rows, begin, end,
          [&](std::int64_t h) {
            head.begin(base + 2 * h * shape.states);
            head.readout(one, nullptr, readout.get());
          },
          [&](std::int64_t r, std::int64_t h) {
            const std::int64_t row = r * shape.heads + h;
            x.read(weights + 2 * row * shape.states);
            for (std::int64_t l = 0; l < shape.length; l += kBlocks * kSteps) {
              const std::int64_t count = std::min(kBlocks * kSteps, shape.length - l);
              const std::int64_t blocks = blocks_of(count, kSteps);
              work.carry(blocks, head.power(), false, x);
              work.read(blocks, work.width, readout.get());
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
    const RowKernels<S>& rows = row_kernels<S>(dtype);
    const Rows v_rows(v, dtype);
    const RangeTask task = [&](std::int64_t begin, std::int64_t end) {
      HeadTables<S> head(shape.states);
      RowBlocks<S> work(head.padded());
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
              work.gather(rows, moved(v_rows, row * shape.length + l), count);
              work.add(blocks, drive.get());
              work.kernels.carry(head.padded(), blocks, head.power(),
                                 work.added + (blocks - 1) * work.width, -work.width, x.data(),
                                 nullptr, 0);
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
        of_readout_(scratch<S>(shape.outputs * work_.stride * kSteps)) {}

  void open(std::int64_t h) {
    head_.begin(in_.base + 2 * h * shape_.states);
    drive_.read(in_.drive + 2 * h * shape_.states);
    head_.drive(drive_, true, of_drive_.get());
    for (std::int64_t c = 0; c < shape_.outputs; ++c) {
      States first = one_;
      first.read(in_.readout + 2 * (c * shape_.heads + h) * shape_.states);
      States response = first;
      response.multiply(drive_);
      first.multiply(head_.base());
      head_.readout(first, &response, of_readout_.get() + c * work_.stride * kSteps);
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
    const Rows u = moved(u_, (b * shape_.heads + h) * shape_.length + l);
    const std::int64_t blocks = blocks_of(count, kSteps), whole = count / kSteps;
    work_.gather(rows_, u, count);
    work_.add(whole, of_drive_.get(), coming(u_, 1, b * shape_.heads + h, l + count));
    work_.carry(whole, head_.power(), true, x_);
    if (whole < blocks) {  // the end of the row: fewer steps than a block has
      last_ = x_;
      work_.kernels.carry(head_.padded(), 1, head_.power(), nullptr, 0, last_.data(),
                          work_.before + whole * work_.stride, 0);
      work_.kernels.advance(head_.padded(), count - whole * kSteps, head_.base().data(),
                            drive_.data(), work_.steps() + whole * work_.stride, x_.data());
    }
    for (std::int64_t c = 0; c < shape_.outputs; ++c) {
      work_.read(
          blocks, work_.stride, of_readout_.get() + c * work_.stride * kSteps,
          coming(y_, shape_.outputs, (b * shape_.outputs + c) * shape_.heads + h, l + count));
      const S skip = in_.skip == nullptr ? S(0) : static_cast<S>(in_.skip[c * shape_.heads + h]);
      rows_.finish(count, work_.y, nullptr, skip, in_.skip == nullptr ? nullptr : u.at(0), nullptr,
                   nullptr,
                   y_.at(((b * shape_.outputs + c) * shape_.heads + h) * shape_.length + l));
    }
  }

  /// What follows step l of a row: its next part, or the first one of the next row that is taken.
  Coming coming(const Rows& rows, std::int64_t outputs, std::int64_t row, std::int64_t l) const {
    const std::int64_t count = shape_.batch * outputs * shape_.heads;
    if (l >= shape_.length) {
      l = 0;
      row += outputs * shape_.heads;
      if (row >= count) row += 1 - count;
    }
    if (row >= count) return {};
    const std::int64_t steps = std::min(kBlocks * kSteps, shape_.length - l);
    return {static_cast<const std::byte*>(rows.at(row * shape_.length + l)), steps * rows.item};
  }

  const S4dShape& shape_;
  const S4dInputs& in_;
  const RowKernels<S>& rows_;
  Rows u_, y_;
  double* final_;
  HeadTables<S> head_;
  RowBlocks<S> work_;
  States one_, drive_, x_, last_;
  std::unique_ptr<S[]> of_drive_, of_readout_;
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
  constexpr std::int64_t kStates = 256;  // that stay in the nearest cache
  const StepHeads& heads = *levels[cpu_level()];
  const std::int64_t states = std::max<std::int64_t>(1, step.states);
  const std::int64_t most = std::max<std::int64_t>(1, kStates / states);
  const std::int64_t padded = blocks_of(most * states, heads.lanes) * heads.lanes;
  const std::int64_t grain = std::max(most, (std::int64_t{1} << 13) / (states * (step.batch + 4)));
  run_parallel(parallel_for, 0, step.heads, grain, [&](std::int64_t begin, std::int64_t end) {
    heads.run(step, y, new_state, begin, end, most, scratch<double>(7 * padded).get());
  });
}

}  // namespace longtail::longconv
