// The CUDA kernels of layers of Mexican hats, run on the CPU by simt/cuda_runtime.h, beside the
// CPU's.
#include "cuda/rational/kan_hat_kernels.cuh"
#include "cuda/rational/kan_parameters.cuh"
#include "kan_cuda_case.h"

namespace {

using namespace kan_case;

struct Sizes {
  std::int64_t rows, inputs, outputs;
};

void launch(std::int64_t blocks, const std::function<void()>& body) {
  simt::launch({static_cast<unsigned>(blocks), 1, 1}, cuda::kKanThreads, body);
}

template <class E>
class Problem {
 public:
  using S = cuda::compute_type<E>;

  explicit Problem(const Sizes& sizes)
      : sizes_(sizes),
        size_(sizes.inputs * sizes.outputs),
        x_(numbers<E>(sizes.rows * sizes.inputs, 1.5, 0.1)),
        edges_(3 * size_),
        given_{sizes.inputs, sizes.outputs, numbers<double>(size_, 1, 0.2),
               numbers<double>(size_, 0.5, 0.3), numbers<double>(size_, 1, 0.4)} {
    for (double& scale : given_.scale) scale += 1;
    if (x_.size() > 4) {
      x_[1] = static_cast<E>(-HUGE_VAL);
      x_.back() = static_cast<E>(std::nan(""));
    }
    launch(2, [&] {
      cuda::kan_read_edges<S>({given_.weight.data(), DType::float64},
                              {given_.scale.data(), DType::float64},
                              {given_.shift.data(), DType::float64}, size_, edges_.data());
    });
    layer_ = {sizes.rows, sizes.inputs, sizes.outputs, edges_.data()};
  }

  void compare_forward(bool biased) {
    const auto bias = numbers<double>(biased ? sizes_.outputs : 0, 1, 0.5);
    std::vector<E> y(sizes_.rows * sizes_.outputs), expected = y;
    rational::hat_linear(given_, bias, sizes_.rows, kDType<E>, x_.data(), expected.data());
    const cuda::KanSource source = {biased ? bias.data() : nullptr, DType::float64};
    launch(cuda::kan_ceil(sizes_.rows, cuda::kKanTile) *
               cuda::kan_ceil(sizes_.outputs, cuda::kKanOutputs),
           [&] { cuda::hat_forward<E, S>(layer_, x_.data(), source, y.data()); });
    CHECK(near(y, expected, kTolerance<E>));
  }

  void compare_backward() {
    const auto grad = numbers<E>(sizes_.rows * sizes_.outputs, 1, 0.6);
    std::vector<E> dx(x_.size()), expected = dx;
    rational::HatGradients sums;
    rational::hat_linear_backward(given_, sizes_.rows, kDType<E>, grad.data(), x_.data(),
                                  expected.data(), sums);
    launch(cuda::kan_ceil(sizes_.rows, cuda::kKanTile) * cuda::kan_ceil(sizes_.inputs, 32),
           [&] { cuda::hat_pull<E, S>(layer_, grad.data(), x_.data(), dx.data()); });
    CHECK(near(dx, expected, kTolerance<E>));

    const cuda::KanTiles tiles = cuda::hat_tiles(sizes_.rows, sizes_.inputs, sizes_.outputs);
    std::vector<double> partial(3 * tiles.groups * size_, std::nan(""));
    launch(tiles.groups * cuda::hat_blocks(sizes_.inputs, sizes_.outputs), [&] {
      cuda::hat_edges_backward<E, S>(layer_, tiles, grad.data(), x_.data(), partial.data());
    });
    const double* parts = partial.data();
    for (const auto* of : {&sums.weight, &sums.scale, &sums.shift}) {
      std::vector<double> got(size_, 0.0);
      for (std::int64_t t = 0; t < tiles.groups * size_; ++t) got[t % size_] += *parts++;
      CHECK(near(got, *of, sizeof(S) == 8 ? 1e-11 : 1e-4));
    }
  }

 private:
  Sizes sizes_;
  std::int64_t size_;
  std::vector<E> x_;
  std::vector<S> edges_;
  rational::HatEdges given_;
  cuda::HatLayer<S> layer_;
};

template <class E>
void compare_all() {
  for (const Sizes& sizes :
       {Sizes{1, 1, 1}, Sizes{33, 5, 65}, Sizes{70, 35, 3}, Sizes{300, 17, 20}}) {
    Problem<E> layer(sizes);
    layer.compare_forward(true);
    layer.compare_forward(false);
    layer.compare_backward();
  }
}

TEST(float64) { compare_all<double>(); }
TEST(float32) { compare_all<float>(); }
TEST(bfloat16) { compare_all<bfloat16>(); }

}  // namespace
