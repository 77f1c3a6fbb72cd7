// The CUDA kernels of kan_basis and kan_linear, run on the CPU by simt/cuda_runtime.h, beside the
// CPU's: every kind of function, sizes that fill no tile, and shapes that fill shared memory.
#include "cuda/rational/kan_collect.cuh"
#include "cuda/rational/kan_forward.cuh"
#include "cuda/rational/kan_parameters.cuh"
#include "cuda/rational/kan_pull.cuh"
#include "cuda/rational/kan_weight.cuh"
#include "kan_cuda_case.h"

namespace {

using namespace kan_case;
using cuda::KanSource;
using cuda::KanTiles;
using rational::BasisKind;
using rational::BasisShape;

void launch(std::int64_t blocks, const std::function<void()>& body, std::size_t shared = 0) {
  simt::launch({static_cast<unsigned>(blocks), 1, 1}, cuda::kKanThreads, body, shared);
}

std::vector<double> collect(const std::vector<double>& partial, std::int64_t terms,
                            std::int64_t size) {
  std::vector<double> sums(size);
  launch(cuda::kan_ceil(size, cuda::kKanThreads / cuda::kKanSharers),
         [&] { cuda::kan_collect(partial.data(), terms, size, sums.data(), DType::float64); });
  return sums;
}

struct Sizes {
  std::int64_t rows, inputs, outputs;
};

// A layer on both sides. W is the type of its weights.
template <class E, class W>
class Problem {
 public:
  using S = cuda::compute_type<E>;

  Problem(const BasisShape& shape, bool shared, const Sizes& sizes, bool biased, bool one_group)
      : basis_(make_basis(shape, sizes.inputs, shared)),
        sizes_(sizes),
        one_group_(one_group),
        total_(shape.total()),
        x_(numbers<E>(sizes.rows * sizes.inputs, 1.2, 0.1)),
        weight_(numbers<W>(sizes.outputs * sizes.inputs * total_, 1, 0.2)),
        bias_(numbers<double>(biased ? sizes.outputs : 0, 1, 0.3)),
        table_(rational::table_rows(shape) * basis_.rows_of_table) {
    if (x_.size() > 4) {  // an infinity on its row; nan on the last
      x_[1] = static_cast<E>(HUGE_VAL);
      x_.back() = static_cast<E>(std::nan(""));
    }
    launch(1, [&] {
      if (table_.empty()) return;
      cuda::kan_fill_table<S>(shape, basis_.rows_of_table, {basis_.first.data(), DType::float64},
                              {basis_.second.data(), DType::float64}, table_.data());
    });
    layer_ = {shape,
              sizes.rows,
              sizes.inputs,
              sizes.outputs,
              table_.data(),
              basis_.rows_of_table,
              basis_.rows_of_table == 1 ? 0 : 1};
  }

  void compare_basis() {
    const std::int64_t size = sizes_.rows * sizes_.inputs * total_;
    std::vector<E> phi(size), expected(size), dx(x_.size()), expected_dx(x_.size());
    rational::kan_basis(basis_, sizes_.rows, kDType<E>, x_.data(), expected.data());
    const KanTiles tiles = cuda::kan_basis_tiles(layer_);
    launch(
        cuda::kan_ceil(sizes_.rows, cuda::kKanTile) * tiles.steps,
        [&] { cuda::kan_basis_forward<E, S>(layer_, tiles, x_.data(), phi.data()); },
        tiles.shared * sizeof(S));
    CHECK(near(phi, expected, kTolerance<E>));

    const auto grad = numbers<E>(size, 1, 0.4);
    rational::KanGradients sums;
    rational::kan_basis_backward(basis_, sizes_.rows, kDType<E>, grad.data(), x_.data(),
                                 expected_dx.data(), sums);
    pull(grad, nullptr, dx, expected_dx, sums);
  }

  void compare_linear() {
    const std::int64_t size = sizes_.rows * sizes_.outputs, depth = sizes_.inputs * total_;
    std::vector<E> y(size), expected(size);
    const rational::Parameter weight = {weight_.data(), kDType<W>};
    rational::kan_linear(basis_, sizes_.rows, sizes_.outputs, kDType<E>, x_.data(), weight, bias_,
                         expected.data());
    std::vector<S> packed(weight_.size());
    launch(cuda::kan_ceil(sizes_.outputs, 32) * cuda::kan_ceil(depth, 32), [&] {
      cuda::kan_pack<S>({weight_.data(), kDType<W>}, sizes_.outputs, depth, packed.data());
    });
    const KanSource bias = {bias_.empty() ? nullptr : bias_.data(), DType::float64};
    const auto run = [&]<int parts>() {
      // What the launch chooses by size; here, sizes are small.
      auto chosen = layer_;
      if (parts == 2) chosen.rows = std::int64_t{1} << 30, chosen.outputs = 65;
      const KanTiles tiles = cuda::kan_forward_tiles(chosen);
      if (tiles.parts != parts) return;
      launch(
          cuda::kan_ceil(sizes_.rows, cuda::kKanRows) *
              cuda::kan_ceil(sizes_.outputs, parts * cuda::kKanOutputs),
          [&] {
            cuda::kan_linear_forward<parts, E, S>(layer_, tiles, x_.data(), packed.data(), bias,
                                                  y.data());
          },
          tiles.shared * sizeof(S));
      CHECK(near(y, expected, kTolerance<E>));
    };
    run.template operator()<1>();
    const std::vector<E> narrow = y;
    run.template operator()<2>();
    CHECK(near(y, narrow, 0));  // the same sums
  }

  void compare_linear_backward() {
    const auto grad = numbers<E>(sizes_.rows * sizes_.outputs, 1, 0.5);
    std::vector<E> dx(x_.size()), expected_dx(x_.size());
    rational::KanGradients sums;
    std::vector<double> expected_weight(weight_.size());
    rational::kan_linear_backward(basis_, sizes_.rows, sizes_.outputs, kDType<E>, grad.data(),
                                  x_.data(), {weight_.data(), kDType<W>}, expected_dx.data(),
                                  {expected_weight.data(), DType::float64}, sums);
    std::vector<S> weight(weight_.size());
    launch(2, [&] {
      cuda::kan_convert<S>({weight_.data(), kDType<W>}, static_cast<std::int64_t>(weight.size()),
                           weight.data());
    });
    pull(grad, weight.data(), dx, expected_dx, sums);

    const auto size = static_cast<std::int64_t>(weight_.size());
    const KanTiles tiles = cut(cuda::kan_weight_tiles(layer_));
    std::vector<double> partial(tiles.groups * size, std::nan(""));
    launch(
        tiles.groups * tiles.steps * cuda::kan_ceil(sizes_.outputs, cuda::kKanOutputs),
        [&] {
          cuda::kan_weight_backward<E, S>(layer_, tiles, grad.data(), x_.data(), partial.data());
        },
        tiles.shared * sizeof(S));
    CHECK(near(collect(partial, tiles.groups, size), expected_weight, gradient_tolerance()));

    const std::int64_t parts = cuda::kan_bias_parts(sizes_.rows);
    std::vector<double> bias(parts * sizes_.outputs, std::nan(""));
    launch(cuda::kan_ceil(parts, 8) * cuda::kan_ceil(sizes_.outputs, 32), [&] {
      cuda::kan_bias_backward<E>(sizes_.rows, sizes_.outputs, grad.data(), bias.data());
    });
    CHECK(near(collect(bias, parts, sizes_.outputs), sums.bias, 1e-12));
  }

 private:
  // Of sums in S, whatever x is rounded to.
  static double gradient_tolerance() { return sizeof(S) == 8 ? 1e-11 : 1e-4; }

  // All rows in one group where the test is about long groups.
  KanTiles cut(KanTiles tiles) const {
    if (one_group_) {
      tiles.groups = 1;
      tiles.group_rows = cuda::kan_ceil(sizes_.rows, cuda::kKanTile) * cuda::kKanTile;
    }
    return tiles;
  }

  void pull(const std::vector<E>& grad, const S* weight, std::vector<E>& dx,
            const std::vector<E>& expected_dx, const rational::KanGradients& sums) {
    const KanTiles tiles = cut(cuda::kan_pull_tiles(layer_));
    const auto size = static_cast<std::int64_t>(sums.first.size());
    std::vector<double> first(tiles.groups * size, std::nan("")), second = first;
    launch(
        tiles.groups * tiles.steps,
        [&] {
          cuda::kan_pull<E, S>(layer_, tiles, grad.data(), x_.data(), weight, dx.data(),
                               first.data(), second.data());
        },
        tiles.shared * sizeof(S));
    CHECK(near(dx, expected_dx, kTolerance<E>));
    if (size == 0) return;
    CHECK(near(collect(first, tiles.groups, size), sums.first, gradient_tolerance()));
    CHECK(near(collect(second, tiles.groups, size), sums.second, gradient_tolerance()));
  }

  rational::Basis basis_;
  Sizes sizes_;
  bool one_group_;
  int total_;
  std::vector<E> x_;
  std::vector<W> weight_;
  std::vector<double> bias_;
  std::vector<S> table_;
  cuda::KanLayer<S> layer_;
};

template <class E, class W = E>
void compare(BasisShape shape, bool shared, const Sizes& sizes, bool one_group = false) {
  Problem<E, W> layer(shape, shared, sizes, shape.base, one_group);
  layer.compare_linear();
  layer.compare_linear_backward();
  shape.base = false;
  Problem<E, W>(shape, shared, sizes, false, one_group).compare_basis();
}

const std::vector<BasisShape> kShapes = {
    {BasisKind::bspline, 8, 3, 0, false},     {BasisKind::bspline, 5, 0, 0, true},
    {BasisKind::gaussian_rbf, 7, 0, 0, true}, {BasisKind::rswaf, 6, 0, 0, false},
    {BasisKind::chebyshev, 5, 4, 0, false},   {BasisKind::legendre, 6, 5, 0, true},
    {BasisKind::hermite, 4, 3, 0, false},     {BasisKind::relu_window, 5, 0, 0, true},
    {BasisKind::fourier, 6, 3, 0, true},
};

template <class E, class W = E>
void compare_all() {
  bool shared = false;
  for (const BasisShape& shape : kShapes) {
    compare<E, W>(shape, shared, {33, 5, 3});
    compare<E, W>(shape, !shared, {1, 1, 1});
    shared = !shared;
  }
  compare<E, W>(kShapes[0], true, {70, 5, 65});
  compare<E, W>(kShapes[2], false, {70, 19, 65});  // two steps of inputs, two tiles of outputs
  compare<E, W>(kShapes[4], true, {3, 2, 200});
}

TEST(float64) { compare_all<double>(); }
TEST(float64_with_float32_weights) { compare<double, float>(kShapes[0], false, {33, 5, 3}); }
TEST(float32) { compare_all<float>(); }
TEST(bfloat16) { compare_all<bfloat16>(); }
TEST(bfloat16_with_float32_weights) { compare<bfloat16, float>(kShapes[2], true, {33, 5, 3}); }

TEST(windows_of_af_kan) {
  for (int variant = 1; variant <= rational::kActivations * rational::kCombinations; variant += 3) {
    compare<double>({BasisKind::relu_window, 4, 0, variant, false}, true, {33, 2, 3});
    compare<float>({BasisKind::relu_window, 4, 0, variant, true}, false, {33, 2, 3});
  }
}

// Several groups of rows, and a group that is longer than its float32 sums may be.
TEST(groups_of_rows) {
  compare<float>(kShapes[2], false, {300, 3, 5});
  compare<float>(kShapes[7], false, {600, 2, 5}, true);
  compare<double>(kShapes[3], true, {300, 3, 5});
}

// The largest shapes that are allowed, in float64: a spline whose recurrence needs all the slots,
// one function of which is left, and functions with parameters.
TEST(largest_shapes) {
  compare<double>({BasisKind::bspline, 1, 94, 0, true}, true, {33, 3, 3});
  compare<double>({BasisKind::bspline, 92, 3, 0, true}, true, {33, 2, 3});
  compare<double>({BasisKind::relu_window, 95, 0, 0, true}, false, {33, 2, 3});
  compare<double>({BasisKind::fourier, 94, 47, 0, true}, false, {33, 2, 65});
}

TEST(shared_memory_suffices_everywhere) {
  const auto fits = []<class S>(const cuda::KanLayer<S>& layer) {
    for (const KanTiles& tiles : {cuda::kan_forward_tiles(layer), cuda::kan_basis_tiles(layer),
                                  cuda::kan_weight_tiles(layer), cuda::kan_pull_tiles(layer)}) {
      CHECK(tiles.shared * sizeof(S) <= 99 * 1024);
      CHECK(tiles.step >= 1);
      CHECK(tiles.step * tiles.steps >= layer.inputs);
      CHECK(tiles.step * layer.shape.total() <= cuda::kKanColumns);
    }
  };
  for (const BasisKind kind : {BasisKind::bspline, BasisKind::rswaf, BasisKind::hermite}) {
    for (int functions = 1; functions < rational::kMaxFunctions; ++functions) {
      const int degrees = kind == BasisKind::bspline ? rational::kMaxFunctions - functions : 1;
      for (int degree = 0; degree < degrees; ++degree) {
        for (const std::int64_t inputs : {1, 3, 1000}) {
          const BasisShape shape = {kind, functions, degree, 0, degree % 2 == 0};
          fits(cuda::KanLayer<double>{shape, 1000, inputs, 100, nullptr, 0, 0});
          fits(cuda::KanLayer<float>{shape, 1000, inputs, 100, nullptr, 0, 0});
        }
      }
    }
  }
}

// Without rows or outputs, gradients are zeros.
TEST(sums_of_nothing) {
  for (const double each : collect({}, 0, 35)) CHECK_EQUAL(each, 0.0);
  std::vector<double> terms(100 * 3);
  for (std::size_t t = 0; t < terms.size(); ++t) terms[t] = static_cast<double>(t % 3);
  const std::vector<double> sums = collect(terms, 100, 3);
  for (int k = 0; k < 3; ++k) CHECK_EQUAL(sums[k], 100.0 * k);
}

}  // namespace
