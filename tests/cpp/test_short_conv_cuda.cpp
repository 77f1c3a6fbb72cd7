// The CUDA kernels of short_conv, run on the CPU by simt/cuda_runtime.h, beside the CPU's: rows
// shorter and longer than a tile, every way to share threads among taps, states and bias or none.
#include "cuda/longconv/short_conv_kernels.cuh"
#include "longconv/short_conv.h"
#include "numbers_near.h"

namespace {

using namespace numbers_near;
using longconv::ShortConvShape;

// Whether there is a bias and a state.
struct Given {
  bool bias, state;
};

template <class E, class P>
void compare(const ShortConvShape& shape, const Given& given, std::int64_t parts) {
  const std::int64_t rows = shape.batch * shape.heads, past = shape.taps - 1;
  const auto u = numbers<E>(rows * shape.length, 1, 0.1), state = numbers<E>(rows * past, 1, 0.2);
  const auto taps = numbers<P>(shape.heads * shape.taps, 1, 0.3);
  const auto bias = numbers<P>(shape.heads, 1, 0.4);
  const auto grad = numbers<E>(rows * shape.length, 1, 0.5);
  const longconv::ShortConvTypes types = {kDType<E>, kDType<P>};
  const longconv::ShortConvInputs inputs = {u.data(), taps.data(),
                                            given.bias ? bias.data() : nullptr,
                                            given.state ? state.data() : nullptr};
  const cuda::ShortConvProblem<E, P> problem = {shape, u.data(),
                                                given.state ? state.data() : nullptr, taps.data(),
                                                given.bias ? bias.data() : nullptr};

  std::vector<E> y(u.size()), expected = y;
  longconv::short_conv(shape, types, inputs, expected.data());
  simt::launch({static_cast<unsigned>(rows * cuda::short_tiles(shape.length)), 1, 1},
               cuda::kShortThreads, [&] { cuda::short_conv_forward<E, P>(problem, y.data()); });
  CHECK(near(y, expected, kTolerance<E>));

  std::vector<E> du(u.size()), dstate(state.size()), expected_u = du, expected_state = dstate;
  std::vector<P> dtaps(taps.size()), dbias(bias.size()), expected_taps = dtaps;
  std::vector<P> expected_bias = dbias;
  longconv::short_conv_backward(
      shape, types, inputs, grad.data(),
      {expected_u.data(), expected_taps.data(), given.bias ? expected_bias.data() : nullptr,
       given.state ? expected_state.data() : nullptr});
  std::vector<double> partial(shape.heads * parts * (shape.taps + 1));
  simt::launch({static_cast<unsigned>(shape.heads * parts), 1, 1}, cuda::kShortThreads, [&] {
    cuda::short_conv_backward<E, P>(problem, parts, grad.data(), du.data(),
                                    given.state ? dstate.data() : nullptr, partial.data());
  });
  const auto sums = static_cast<unsigned>(partial.size() / parts);
  simt::launch({(sums + cuda::kShortThreads - 1) / cuda::kShortThreads, 1, 1}, cuda::kShortThreads,
               [&] {
                 cuda::short_conv_collect<P>(shape.heads, shape.taps, parts, partial.data(),
                                             dtaps.data(), given.bias ? dbias.data() : nullptr);
               });
  CHECK(near(du, expected_u, kTolerance<E>));
  CHECK(near(dstate, expected_state, kTolerance<E>));
  CHECK(near(dtaps, expected_taps, kTolerance<P>));
  CHECK(near(dbias, expected_bias, kTolerance<P>));
}

// batch, heads, length, taps, silu
const ShortConvShape kShapes[] = {
    {2, 3, 700, 4, false}, {2, 3, 700, 4, true},  {1, 2, 1, 1, true},      {3, 1, 5, 17, true},
    {2, 2, 512, 2, true},  {1, 2, 511, 65, true}, {2, 1, 1030, 128, true}, {1, 1, 3, 128, false},
};

TEST(float64) {
  for (const ShortConvShape& shape : kShapes) {
    compare<double, double>(shape, {true, true}, 3);
    compare<double, double>(shape, {false, false}, 1);
  }
}
TEST(float64_with_float32_taps) { compare<double, float>(kShapes[3], {true, false}, 2); }
TEST(float32) {
  for (const ShortConvShape& shape : kShapes) compare<float, float>(shape, {false, true}, 2);
}
TEST(bfloat16) {
  compare<bfloat16, bfloat16>(kShapes[1], {true, true}, 2);
  compare<bfloat16, float>(kShapes[5], {true, false}, 2);
}

}  // namespace
