// Backward, in three steps. First each problem's rows, for what the prefix gives and gets; then
// blocks of keys, which recompute their scores, keep the gradients of their k and v to themselves
// and leave a share of dq for each group of blocks; then the sums over groups. The cut depends on
// the shape alone and every sum is taken in order, so that results repeat bit for bit.

#include "attention/ntk_parts.h"

namespace longtail::attention {
namespace {

constexpr std::int64_t kGroupsWanted = 16;  // of all problems together, enough to share out

template <class S>
class Backward {
 public:
  Backward(const NtkTensors<S>& t, const NtkTypes& types, const void* grad, const void* out,
           const double* lse)
      : t_(t),
        types_(types),
        grad_(t.kernels, types.tokens, grad, rows() * t.shape.values),
        out_(t.kernels, types.tokens, out, rows() * t.shape.values),
        lse_(lse),
        blocks_(blocks_of(t.shape.keys, kTileKeys)),
        groups_(
            std::clamp<std::int64_t>(kGroupsWanted / std::max<std::int64_t>(1, t.shape.problems()),
                                     1, std::max<std::int64_t>(1, blocks_))),
        slopes_(scratch<NtkSlopes<S>>(rows())),
        dq_(scratch<S>((groups_ + 1) * rows() * t.channels.padded)),
        dz_(scratch<S>(t.shape.problems() * t.shape.channels * t.prefix.padded)) {}

  void run(const NtkGradients& to, const ParallelFor& parallel_for) {
    const NtkShape& shape = t_.shape;
    run_parallel(parallel_for, 0, shape.problems(), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t n = begin; n < end; ++n) pull_prefix(n);
    });
    run_parallel(parallel_for, 0, shape.problems() * groups_, 1,
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t g = begin; g < end; ++g) {
                     pull_keys(g / groups_, g % groups_, to);
                   }
                 });
    run_parallel(parallel_for, 0, rows(), 64, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) add_queries(i, to.q);
    });
    for (std::int64_t m = 0; m < shape.prefixes(); ++m) add_prefixes(m, to);
  }

 private:
  std::int64_t rows() const { return t_.shape.problems() * t_.shape.queries; }
  /// Row i of group g's share of dq; the prefix has the last.
  S* dq(std::int64_t g, std::int64_t i) const {
    return dq_.get() + (g * rows() + i) * t_.channels.padded;
  }
  S* dz(std::int64_t n) const { return dz_.get() + n * t_.shape.channels * t_.prefix.padded; }
  void narrow(const S* from, DType dtype, void* to, std::int64_t element,
              std::int64_t count) const {
    t_.kernels.narrow[static_cast<int>(dtype)](
        from, static_cast<std::byte*>(to) + element * item_size(dtype), count);
  }

  /// What every row knows of itself; dq through phi; [dZ, d|kappa|] of one problem.
  void pull_prefix(std::int64_t n) {
    const NtkShape& shape = t_.shape;
    const std::int64_t channels = shape.channels, values = shape.values;
    const Prefix<S> prefix = t_.prefix_of(n);
    // dphi = [e^-L g, -e^-L delta] [Z, |kappa|]^T, dZ = phi^T [e^-L g, -e^-L delta].
    const auto packed = scratch<S>((values + 1) * t_.channels.padded);
    pack(t_.channels, values + 1, channels, packed.get(),
         [&](std::int64_t c, std::int64_t d) { return prefix(d, c); });
    const auto grads = scratch<S>(kTileRows * (values + 1));
    const auto right = scratch<S>(kTileRows * t_.prefix.padded);
    const auto phi = scratch<S>(kTileRows * channels);
    const auto dphi = scratch<S>(kTileRows * t_.channels.padded);
    std::fill_n(dz(n), channels * t_.prefix.padded, S(0));
    for (std::int64_t row = 0; row < shape.queries; row += kTileRows) {
      const std::int64_t count = std::min(kTileRows, shape.queries - row);
      const std::int64_t first = n * shape.queries + row;
      t_.kernels.features(t_.query(n, row), t_.factor, count * channels, phi.get());
      for (std::int64_t r = 0; r < count; ++r) {
        const S* g = grad_.at((first + r) * values);
        NtkSlopes<S>& one = slopes_[first + r];
        one = t_.kernels.slopes(out_.at((first + r) * values), g, values, lse_[first + r]);
        const S z_half = static_cast<S>(prefix.z_unit * double{one.half});
        const S kappa_half = static_cast<S>(prefix.kappa_unit * double{one.half});
        for (std::int64_t c = 0; c < values; ++c) grads[r * (values + 1) + c] = g[c] * z_half;
        grads[r * (values + 1) + values] = -one.delta * kappa_half;
        for (std::int64_t d = 0; d < channels; ++d) phi[r * channels + d] *= one.half;
      }
      std::fill_n(dphi.get(), count * t_.channels.padded, S(0));
      t_.kernels.multiply(count, t_.channels.padded, values + 1, {grads.get(), values + 1, 1},
                          packed.get(), dphi.get(), t_.channels.padded);
      for (std::int64_t r = 0; r < count; ++r) {
        S* to = dq(groups_, first + r);
        std::fill_n(to, t_.channels.padded, S(0));
        t_.kernels.pull_features(t_.query(n, row + r), t_.factor, slopes_[first + r].half,
                                 dphi.get() + r * t_.channels.padded, channels, to);
      }
      pack(t_.prefix, count, values + 1, right.get(), [&](std::int64_t r, std::int64_t c) {
        const NtkSlopes<S>& one = slopes_[first + r];
        return one.half * (c < values ? grad_.at((first + r) * values)[c] : -one.delta);
      });
      t_.kernels.multiply(channels, t_.prefix.padded, count, {phi.get(), 1, channels}, right.get(),
                          dz(n), t_.prefix.padded);
    }
  }

  /// dk and dv of a group of blocks, and its share of dq.
  void pull_keys(std::int64_t n, std::int64_t group, const NtkGradients& to) {
    const NtkShape& shape = t_.shape;
    const std::int64_t channels = shape.channels, values = shape.values;
    const std::int64_t begin = group * blocks_ / groups_ * kTileKeys;
    const std::int64_t end = std::min(shape.keys, (group + 1) * blocks_ / groups_ * kTileKeys);
    const std::int64_t widest = t_.keys(kTileKeys).padded;
    const auto keys = scratch<S>(channels * widest), back = scratch<S>(values * widest);
    const auto plain = scratch<S>(kTileKeys * t_.channels.padded);
    const auto scores = scratch<S>(kTileRows * widest), dp = scratch<S>(kTileRows * widest);
    const auto queries = scratch<S>(kTileRows * t_.channels.padded);
    const auto grads = scratch<S>(kTileRows * t_.values.padded);
    const auto dk = scratch<S>(kTileKeys * t_.channels.padded);
    const auto dv = scratch<S>(kTileKeys * t_.values.padded);
    std::fill_n(dq(group, n * shape.queries), shape.queries * t_.channels.padded, S(0));
    for (std::int64_t j = begin; j < end; j += kTileKeys) {
      const std::int64_t count = std::min(kTileKeys, shape.keys - j);
      const std::int64_t stride = t_.keys(count).padded;
      t_.pack_keys(n, j, count, keys.get());
      t_.pack_rows(t_.channels, t_.key(n, j), count, channels, plain.get());
      pack(t_.keys(count), values, count, back.get(),
           [&](std::int64_t d, std::int64_t c) { return t_.value(n, j)[c * values + d]; });
      std::fill_n(dk.get(), count * t_.channels.padded, S(0));
      std::fill_n(dv.get(), count * t_.values.padded, S(0));
      const std::int64_t start = shape.causal ? j / kTileRows * kTileRows : 0;
      for (std::int64_t row = start; row < shape.queries; row += kTileRows) {
        const std::int64_t rows = std::min(kTileRows, shape.queries - row);
        const std::int64_t first = n * shape.queries + row;
        const std::int64_t visible = shape.causal ? row + 1 - j : count;
        const S* g = grad_.at(first * values);
        std::fill_n(scores.get(), rows * stride, S(0));
        t_.kernels.multiply(rows, stride, channels, {t_.query(n, row), channels, 1}, keys.get(),
                            scores.get(), stride);
        std::fill_n(dp.get(), rows * stride, S(0));
        t_.kernels.multiply(rows, stride, values, {g, values, 1}, back.get(), dp.get(), stride);
        t_.kernels.pull({scores.get(), rows, count, stride, visible}, slopes_.get() + first,
                        static_cast<S>(shape.scale), dp.get());
        t_.kernels.multiply(rows, t_.channels.padded, count, {dp.get(), stride, 1}, plain.get(),
                            dq(group, first), t_.channels.padded);
        t_.pack_rows(t_.channels, t_.query(n, row), rows, channels, queries.get());
        t_.kernels.multiply(count, t_.channels.padded, rows, {dp.get(), 1, stride}, queries.get(),
                            dk.get(), t_.channels.padded);
        t_.pack_rows(t_.values, g, rows, values, grads.get());
        t_.kernels.multiply(count, t_.values.padded, rows, {scores.get(), 1, stride}, grads.get(),
                            dv.get(), t_.values.padded);
      }
      for (std::int64_t c = 0; c < count; ++c) {
        const std::int64_t key = n * shape.keys + j + c;
        narrow(dk.get() + c * t_.channels.padded, types_.tokens, to.k, key * channels, channels);
        narrow(dv.get() + c * t_.values.padded, types_.tokens, to.v, key * values, values);
      }
    }
  }

  void add_queries(std::int64_t i, void* to) const {
    S* sum = dq(groups_, i);
    for (std::int64_t g = 0; g < groups_; ++g) {
      const S* share = dq(g, i);
      for (std::int64_t d = 0; d < t_.shape.channels; ++d) sum[d] += share[d];
    }
    narrow(sum, types_.tokens, to, i * t_.shape.channels, t_.shape.channels);
  }

  /// The gradients of one prefix: a sum over the batch where that shares it.
  void add_prefixes(std::int64_t m, const NtkGradients& to) const {
    const NtkShape& shape = t_.shape;
    const std::int64_t values = shape.values;
    std::vector<double> sum(values + 1);
    std::vector<S> row(values + 1);
    for (std::int64_t d = 0; d < shape.channels; ++d) {
      std::fill(sum.begin(), sum.end(), 0.0);
      for (std::int64_t n = m; n < shape.problems(); n += shape.prefixes()) {
        for (std::int64_t c = 0; c <= values; ++c)
          sum[c] += double{dz(n)[d * t_.prefix.padded + c]};
      }
      const S kappa = *t_.kappa.at(m * shape.channels + d);
      sum[values] *= kappa > S(0) ? 1.0 : kappa < S(0) ? -1.0 : 0.0;
      for (std::int64_t c = 0; c <= values; ++c) row[c] = static_cast<S>(sum[c]);
      narrow(row.data(), types_.prefix, to.z, (m * shape.channels + d) * values, values);
      narrow(row.data() + values, types_.prefix, to.kappa, m * shape.channels + d, 1);
    }
  }

  const NtkTensors<S>& t_;
  NtkTypes types_;
  Wide<S> grad_, out_;
  const double* lse_;
  std::int64_t blocks_, groups_;  // of keys; of blocks, in a problem
  std::unique_ptr<NtkSlopes<S>[]> slopes_;
  std::unique_ptr<S[]> dq_, dz_;
};

template <class S>
void backward(const NtkShape& shape, const NtkTypes& types, const void* grad,
              const NtkInputs& inputs, const void* out, const double* lse,
              const NtkGradients& gradients, const ParallelFor& parallel_for) {
  const NtkTensors<S> tensors(shape, types, inputs);
  Backward<S>(tensors, types, grad, out, lse).run(gradients, parallel_for);
}

}  // namespace

void ntk_attention_backward(const NtkShape& shape, const NtkTypes& types, const void* grad,
                            const NtkInputs& inputs, const void* out, const double* lse,
                            const NtkGradients& gradients, const ParallelFor& parallel_for) {
  const auto run = types.tokens == DType::float64 ? backward<double> : backward<float>;
  run(shape, types, grad, inputs, out, lse, gradients, parallel_for);
}

}  // namespace longtail::attention
