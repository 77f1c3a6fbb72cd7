// Forward: a group of rows walks over the keys once, packed block after packed block, with a
// running softmax; then the prefix joins.

#include "attention/ntk_parts.h"

namespace longtail::attention {
namespace {

constexpr std::int64_t kGroupRows = kGroupTiles * kTileRows;

/// One thread's memory and work.
template <class S>
class ForwardTask {
 public:
  ForwardTask(const NtkTensors<S>& t, DType dtype, void* out, double* lse)
      : t_(t),
        dtype_(dtype),
        out_(static_cast<std::byte*>(out)),
        lse_(lse),
        keys_(scratch<S>(t.shape.channels * padded_keys(t))),
        values_(scratch<S>(kTileKeys * t.values.padded)),
        prefix_(scratch<S>(t.shape.channels * t.prefix.padded)),
        scores_(scratch<S>(kTileRows * padded_keys(t))),
        sums_(scratch<S>(kGroupRows * t.values.padded)),
        phi_(scratch<S>(kTileRows * t.shape.channels)),
        joined_(scratch<S>(kTileRows * t.prefix.padded)),
        row_(scratch<S>(t.shape.values)),
        softmax_(kGroupRows) {}

  void run(std::int64_t n, std::int64_t begin, std::int64_t end) {
    constexpr S nothing = -std::numeric_limits<S>::infinity();
    std::fill(softmax_.begin(), softmax_.end(), Softmax<S>{nothing, S(0)});
    std::fill_n(sums_.get(), (end - begin) * t_.values.padded, S(0));
    for (std::int64_t j = 0; j < t_.seen(end - 1); j += kTileKeys) attend(n, begin, end, j);
    join(n, begin, end);
  }

 private:
  static std::int64_t padded_keys(const NtkTensors<S>& t) { return t.keys(kTileKeys).padded; }

  void attend(std::int64_t n, std::int64_t begin, std::int64_t end, std::int64_t j) {
    const NtkShape& shape = t_.shape;
    const std::int64_t count = std::min(kTileKeys, shape.keys - j);
    const std::int64_t stride = t_.keys(count).padded;
    t_.pack_keys(n, j, count, keys_.get());
    t_.pack_rows(t_.values, t_.value(n, j), count, shape.values, values_.get());
    for (std::int64_t row = begin; row < end; row += kTileRows) {
      const std::int64_t rows = std::min(kTileRows, end - row);
      if (shape.causal && row + rows <= j) continue;
      const std::int64_t visible = shape.causal ? row + 1 - j : count;
      std::fill_n(scores_.get(), rows * stride, S(0));
      t_.kernels.multiply(rows, stride, shape.channels, {t_.query(n, row), shape.channels, 1},
                          keys_.get(), scores_.get(), stride);
      S* sums = sums_.get() + (row - begin) * t_.values.padded;
      t_.kernels.attend({scores_.get(), rows, count, stride, visible},
                        softmax_.data() + (row - begin), sums, t_.values.padded);
      t_.kernels.multiply(rows, t_.values.padded, count, {scores_.get(), stride, 1}, values_.get(),
                          sums, t_.values.padded);
    }
  }

  void join(std::int64_t n, std::int64_t begin, std::int64_t end) {
    const NtkShape& shape = t_.shape;
    const Prefix<S> prefix = t_.prefix_of(n);
    const double log_unit = std::log(prefix.kappa_unit);
    pack(t_.prefix, shape.channels, shape.values + 1, prefix_.get(), prefix);
    for (std::int64_t row = begin; row < end; row += kTileRows) {
      const std::int64_t rows = std::min(kTileRows, end - row);
      t_.kernels.features(t_.query(n, row), t_.factor, rows * shape.channels, phi_.get());
      std::fill_n(joined_.get(), rows * t_.prefix.padded, S(0));
      t_.kernels.multiply(rows, t_.prefix.padded, shape.channels, {phi_.get(), shape.channels, 1},
                          prefix_.get(), joined_.get(), t_.prefix.padded);
      for (std::int64_t r = 0; r < rows; ++r) {
        const std::int64_t i = n * shape.queries + row + r;
        const NtkRow<S> one = {softmax_[row - begin + r],
                               sums_.get() + (row - begin + r) * t_.values.padded,
                               joined_.get() + r * t_.prefix.padded, prefix.z_unit, log_unit};
        lse_[i] = t_.kernels.finish(one, shape.values, row_.get());
        t_.kernels.narrow[static_cast<int>(dtype_)](
            row_.get(), out_ + i * shape.values * item_size(dtype_), shape.values);
      }
    }
  }

  const NtkTensors<S>& t_;
  DType dtype_;
  std::byte* out_;
  double* lse_;
  std::unique_ptr<S[]> keys_, values_, prefix_, scores_, sums_, phi_, joined_, row_;
  std::vector<Softmax<S>> softmax_;
};

template <class S>
void forward(const NtkShape& shape, const NtkTypes& types, const NtkInputs& inputs, void* out,
             double* lse, const ParallelFor& parallel_for) {
  const NtkTensors<S> tensors(shape, types, inputs);
  const std::int64_t groups = blocks_of(shape.queries, kGroupRows);
  run_parallel(parallel_for, 0, shape.problems() * groups, 1,
               [&](std::int64_t begin, std::int64_t end) {
                 ForwardTask<S> task(tensors, types.tokens, out, lse);
                 for (std::int64_t g = begin; g < end; ++g) {
                   const std::int64_t row = g % groups * kGroupRows;
                   task.run(g / groups, row, std::min(shape.queries, row + kGroupRows));
                 }
               });
}

}  // namespace

void ntk_attention(const NtkShape& shape, const NtkTypes& types, const NtkInputs& inputs, void* out,
                   double* lse, const ParallelFor& parallel_for) {
  const auto run = types.tokens == DType::float64 ? forward<double> : forward<float>;
  run(shape, types, inputs, out, lse, parallel_for);
}

}  // namespace longtail::attention
