// Forward: for each tile of rows, the scores of all tokens in a second cache, their weights in
// place, and the product with the values. Backward: stretches of a few hundred rows leave their
// weights and score gradients, tile by tile with dx; then every chunk of tokens sums over the
// stretch what belongs to its keys and values. All cuts depend on the shape alone.

#include "attention/pattention.h"

#include <algorithm>

#include "attention/pattention_level.h"
#include "core/wide.h"

namespace longtail::attention {
namespace {

constexpr std::int64_t kDepth = 256;       // of a product that a first cache holds a panel of
constexpr std::int64_t kRows = 96;         // of a tile, at most
constexpr std::int64_t kBackRows = 48;     // of a tile, backward
constexpr std::int64_t kStretch = 768;     // rows whose scores are kept, backward, at most
constexpr std::int64_t kChunk = 128;       // tokens whose gradients a thread sums at a time
constexpr std::int64_t kScores = 1 << 21;  // of a tile, at most, and twice as many of a stretch

template <class S>
const PattentionKernels<S>& kernels_of() {
  if constexpr (sizeof(S) == 8) {
    static constexpr PerLevel<const PattentionKernels<S>*> levels =
        LONGTAIL_ADDRESS_PER_LEVEL(kPattentionDouble);
    return *levels[cpu_level()];
  } else {
    static constexpr PerLevel<const PattentionKernels<S>*> levels =
        LONGTAIL_ADDRESS_PER_LEVEL(kPattentionFloat);
    return *levels[cpu_level()];
  }
}

/// A right matrix [depth, columns] of any depth up to that it is made with, packed in slices of
/// kDepth.
template <class S>
class Packed {
 public:
  Packed(const DenseKernels<S>& kernels, std::int64_t depth, std::int64_t columns)
      : kernels_(kernels),
        panels_(kernels.lanes, columns),
        depth_(depth),
        columns_(columns),
        data_(scratch<S>(depth * panels_.padded)) {}

  template <class Element>
  void fill(std::int64_t depth, const Element& element, const ParallelFor& parallel_for) {
    depth_ = depth;
    run_parallel(parallel_for, 0, blocks_of(depth_, kDepth), 1,
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t slice = begin; slice < end; ++slice) {
                     const std::int64_t first = slice * kDepth;
                     pack(panels_, std::min(kDepth, depth_ - first), columns_,
                          data_.get() + first * panels_.padded,
                          [&](std::int64_t d, std::int64_t c) { return element(first + d, c); });
                   }
                 });
  }

  std::int64_t padded() const { return panels_.padded; }

  /// c [rows, padded] += a [rows, depth] times this.
  void multiply(std::int64_t rows, const Strided<S>& a, S* c) const {
    for (std::int64_t first = 0; first < depth_; first += kDepth) {
      kernels_.multiply(rows, panels_.padded, std::min(kDepth, depth_ - first),
                        {a.data + first * a.column, a.row, a.column},
                        data_.get() + first * panels_.padded, c, panels_.padded);
    }
  }

 private:
  const DenseKernels<S>& kernels_;
  Panels panels_;
  std::int64_t depth_, columns_;
  std::unique_ptr<S[]> data_;
};

/// The tensors of a call in S, and the keys as a right matrix.
template <class S>
struct Tensors {
  const PattentionShape& shape;
  const PattentionKernels<S>& kernels = kernels_of<S>();
  Wide<S> x, key, value;
  Packed<S> keys;  // [inputs, tokens]

  Tensors(const PattentionShape& s, const PattentionTypes& types, const void* x_, const void* key_,
          const void* value_, const ParallelFor& parallel_for)
      : shape(s),
        x(kernels, types.rows, x_, s.rows * s.inputs),
        key(kernels, types.tokens, key_, s.tokens * s.inputs),
        value(kernels, types.tokens, value_, s.tokens * s.outputs),
        keys(kernels, s.inputs, s.tokens) {
    keys.fill(
        s.inputs, [&](std::int64_t d, std::int64_t t) { return *key.at(t * s.inputs + d); },
        parallel_for);
  }

  S tau() const { return static_cast<S>(shape.tau); }
  /// scores [rows, keys.padded()] of the rows from `row` on.
  void score(std::int64_t row, std::int64_t rows, S* scores) const {
    std::fill_n(scores, rows * keys.padded(), S(0));
    keys.multiply(rows, {x.at(row * shape.inputs), shape.inputs, 1}, scores);
  }
  /// Of [rows, stride], the first `count` columns in the type of a tensor.
  void narrow(const S* from, std::int64_t stride, DType dtype, void* to, std::int64_t row,
              std::int64_t rows, std::int64_t count) const {
    for (std::int64_t r = 0; r < rows; ++r) {
      kernels.narrow[static_cast<int>(dtype)](
          from + r * stride, static_cast<std::byte*>(to) + (row + r) * count * item_size(dtype),
          count);
    }
  }
};

template <class S>
void forward(const PattentionShape& shape, const PattentionTypes& types, const void* x,
             const void* key, const void* value, void* y, const ParallelFor& parallel_for) {
  const Tensors<S> t(shape, types, x, key, value, parallel_for);
  Packed<S> values(t.kernels, shape.tokens, shape.outputs);
  values.fill(
      shape.tokens,
      [&](std::int64_t n, std::int64_t o) { return *t.value.at(n * shape.outputs + o); },
      parallel_for);
  const std::int64_t tokens = t.keys.padded(), outputs = values.padded();
  const std::int64_t tile = std::clamp<std::int64_t>(kScores / tokens / 12 * 12, 12, kRows);
  run_parallel(parallel_for, 0, blocks_of(shape.rows, tile), 1,
               [&](std::int64_t begin, std::int64_t end) {
                 const auto scores = scratch<S>(tile * tokens), sums = scratch<S>(tile * outputs);
                 for (std::int64_t b = begin; b < end; ++b) {
                   const std::int64_t row = b * tile, rows = std::min(tile, shape.rows - row);
                   t.score(row, rows, scores.get());
                   for (std::int64_t r = 0; r < rows; ++r) {
                     t.kernels.weigh(scores.get() + r * tokens, tokens, t.tau());
                   }
                   std::fill_n(sums.get(), rows * outputs, S(0));
                   values.multiply(rows, {scores.get(), tokens, 1}, sums.get());
                   t.narrow(sums.get(), outputs, types.rows, y, row, rows, shape.outputs);
                 }
               });
}

template <class S>
class Backward {
 public:
  Backward(const Tensors<S>& t, const PattentionTypes& types, const void* grad, void* dx,
           const ParallelFor& parallel_for)
      : t_(t),
        types_(types),
        parallel_for_(parallel_for),
        grad_(t.kernels, types.rows, grad, t.shape.rows * t.shape.outputs),
        dx_(dx),
        stretch_(stretch(t)),
        values_(t.kernels, t.shape.outputs, t.shape.tokens),
        plain_(t.kernels, t.shape.tokens, t.shape.inputs),
        grads_(t.kernels, stretch_, t.shape.outputs),
        inputs_(t.kernels, stretch_, t.shape.inputs),
        theta_(scratch<S>(stretch_ * t.keys.padded())),
        dscore_(scratch<S>(stretch_ * t.keys.padded())),
        dkey_(zeros(t.shape.tokens * plain_.padded())),
        dvalue_(zeros(t.shape.tokens * grads_.padded())) {
    const PattentionShape& s = t.shape;
    values_.fill(
        s.outputs, [&](std::int64_t o, std::int64_t n) { return *t.value.at(n * s.outputs + o); },
        parallel_for);
    plain_.fill(
        s.tokens, [&](std::int64_t n, std::int64_t d) { return *t.key.at(n * s.inputs + d); },
        parallel_for);
  }

  void run(void* dkey, void* dvalue) {
    const PattentionShape& s = t_.shape;
    for (std::int64_t row = 0; row < s.rows; row += stretch_) {
      const std::int64_t rows = std::min(stretch_, s.rows - row);
      run_parallel(parallel_for_, 0, blocks_of(rows, kBackRows), 1,
                   [&](std::int64_t begin, std::int64_t end) { pull(row, rows, begin, end); });
      const S *g = grad_.at(row * s.outputs), *x = t_.x.at(row * s.inputs);
      grads_.fill(
          rows, [&](std::int64_t r, std::int64_t o) { return g[r * s.outputs + o]; },
          parallel_for_);
      inputs_.fill(
          rows, [&](std::int64_t r, std::int64_t d) { return x[r * s.inputs + d]; }, parallel_for_);
      run_parallel(parallel_for_, 0, blocks_of(s.tokens, kChunk), 1,
                   [&](std::int64_t begin, std::int64_t end) { add(begin, end); });
    }
    t_.narrow(dkey_.get(), plain_.padded(), types_.tokens, dkey, 0, s.tokens, s.inputs);
    t_.narrow(dvalue_.get(), grads_.padded(), types_.tokens, dvalue, 0, s.tokens, s.outputs);
  }

 private:
  static std::int64_t stretch(const Tensors<S>& t) {
    const std::int64_t fits = 2 * kScores / t.keys.padded() / kBackRows * kBackRows;
    const std::int64_t needed = blocks_of(t.shape.rows, kBackRows) * kBackRows;
    return std::min(needed, std::clamp(fits, kBackRows, kStretch));
  }
  static std::unique_ptr<S[]> zeros(std::int64_t count) {
    return std::make_unique<S[]>(static_cast<std::size_t>(count));
  }

  /// theta, score gradients and dx of some tiles of the stretch from `row` on.
  void pull(std::int64_t row, std::int64_t rows, std::int64_t begin, std::int64_t end) {
    const PattentionShape& s = t_.shape;
    const std::int64_t tokens = t_.keys.padded();
    const auto sums = scratch<S>(kBackRows * plain_.padded()), u = scratch<S>(tokens);
    for (std::int64_t b = begin; b < end; ++b) {
      const std::int64_t at = b * kBackRows, count = std::min(kBackRows, rows - at);
      S *theta = theta_.get() + at * tokens, *dscore = dscore_.get() + at * tokens;
      t_.score(row + at, count, theta);
      std::fill_n(dscore, count * tokens, S(0));
      values_.multiply(count, {grad_.at((row + at) * s.outputs), s.outputs, 1}, dscore);
      for (std::int64_t r = 0; r < count; ++r) {
        t_.kernels.pull(theta + r * tokens, dscore + r * tokens, u.get(), tokens, t_.tau());
      }
      std::fill_n(sums.get(), count * plain_.padded(), S(0));
      plain_.multiply(count, {dscore, tokens, 1}, sums.get());
      t_.narrow(sums.get(), plain_.padded(), types_.rows, dx_, row + at, count, s.inputs);
    }
  }

  /// Adds the sums over a stretch to the gradients of some chunks of tokens.
  void add(std::int64_t begin, std::int64_t end) {
    const std::int64_t tokens = t_.keys.padded();
    for (std::int64_t chunk = begin; chunk < end; ++chunk) {
      const std::int64_t n = chunk * kChunk, count = std::min(kChunk, t_.shape.tokens - n);
      grads_.multiply(count, {theta_.get() + n, 1, tokens}, dvalue_.get() + n * grads_.padded());
      inputs_.multiply(count, {dscore_.get() + n, 1, tokens}, dkey_.get() + n * inputs_.padded());
    }
  }

  const Tensors<S>& t_;
  PattentionTypes types_;
  const ParallelFor& parallel_for_;
  Wide<S> grad_;
  void* dx_;
  std::int64_t stretch_;
  Packed<S> values_, plain_;  // [outputs, tokens] and [tokens, inputs]
  Packed<S> grads_, inputs_;  // of a stretch, [stretch, outputs] and [stretch, inputs]
  std::unique_ptr<S[]> theta_, dscore_, dkey_, dvalue_;
};

template <class S>
void backward(const PattentionShape& shape, const PattentionTypes& types, const void* grad,
              const void* x, const void* key, const void* value, void* dx, void* dkey, void* dvalue,
              const ParallelFor& parallel_for) {
  const Tensors<S> t(shape, types, x, key, value, parallel_for);
  Backward<S>(t, types, grad, dx, parallel_for).run(dkey, dvalue);
}

}  // namespace

void pattention(const PattentionShape& shape, const PattentionTypes& types, const void* x,
                const void* key, const void* value, void* y, const ParallelFor& parallel_for) {
  if (shape.rows == 0) return;
  const auto run = types.rows == DType::float64 ? forward<double> : forward<float>;
  run(shape, types, x, key, value, y, parallel_for);
}

void pattention_backward(const PattentionShape& shape, const PattentionTypes& types,
                         const void* grad, const void* x, const void* key, const void* value,
                         void* dx, void* dkey, void* dvalue, const ParallelFor& parallel_for) {
  const auto run = types.rows == DType::float64 ? backward<double> : backward<float>;
  run(shape, types, grad, x, key, value, dx, dkey, dvalue, parallel_for);
}

}  // namespace longtail::attention
