// The CUDA kernels of pattention, run on the CPU by simt/cuda_runtime.h, beside the CPU's.
#include "attention/pattention.h"
#include "cuda/attention/pattention_kernels.cuh"
#include "numbers_near.h"

namespace {

using namespace numbers_near;
using attention::PattentionShape;

void launch(std::int64_t blocks, const std::function<void()>& body) {
  simt::launch({static_cast<unsigned>(blocks), 1, 1}, cuda::kTileThreads, body);
}

template <class From, class To>
std::vector<To> converted(const std::vector<From>& from) {
  std::vector<To> to(from.size());
  const auto count = static_cast<std::int64_t>(from.size());
  launch(2, [&] { cuda::attention_convert<From, To>(count, from.data(), to.data()); });
  return to;
}

// Gradients of x go as the inverse of its size.
template <class E>
std::vector<double> scaled(const std::vector<E>& from, double size) {
  std::vector<double> to;
  for (const E& each : from) to.push_back(static_cast<double>(each) * size);
  return to;
}

// E is the type of x, T that of the tokens.
template <class E, class T>
void compare(const PattentionShape& shape, double size = 1) {
  using S = cuda::compute_type<E>;
  auto x = numbers<E>(shape.rows * shape.inputs, size, 0.1);
  if (shape.rows > 2) std::fill_n(x.data() + shape.inputs, shape.inputs, static_cast<E>(0.0));
  const auto key = numbers<T>(shape.tokens * shape.inputs, 1, 0.2);
  const auto value = numbers<T>(shape.tokens * shape.outputs, 1, 0.3);
  const auto grad = numbers<E>(shape.rows * shape.outputs, 1, 0.4);
  const attention::PattentionTypes types = {kDType<E>, kDType<T>};

  std::vector<E> y(grad.size()), expected = y;
  attention::pattention(shape, types, x.data(), key.data(), value.data(), expected.data());
  const auto keys = converted<T, S>(key), values = converted<T, S>(value);
  const cuda::PattentionProblem<E, S> problem = {
      shape.rows, shape.inputs, shape.tokens, shape.outputs, static_cast<S>(shape.tau),
      x.data(),   keys.data(),  values.data()};
  std::vector<cuda::PattentionRow<S>> rows(shape.rows);
  const std::int64_t tiles = cuda::tiles_of(shape.rows), tokens = cuda::tiles_of(shape.tokens);
  const std::int64_t of_inputs = cuda::channel_tiles_of(shape.inputs);
  const std::int64_t of_outputs = cuda::channel_tiles_of(shape.outputs);
  launch(tiles, [&] { cuda::pattention_norms<E, S>(problem, rows.data()); });
  launch(tiles * of_outputs,
         [&] { cuda::pattention_forward<E, S>(problem, rows.data(), y.data()); });
  CHECK(near(y, expected, kTolerance<E>));

  std::vector<E> dx(x.size()), expected_x = dx;
  std::vector<S> dkey(key.size()), dvalue(value.size());
  std::vector<T> expected_key(key.size()), expected_value(value.size());
  attention::pattention_backward(shape, types, grad.data(), x.data(), key.data(), value.data(),
                                 expected_x.data(), expected_key.data(), expected_value.data());
  launch(tiles, [&] { cuda::pattention_shares<E, S>(problem, grad.data(), rows.data()); });
  launch(tiles * of_inputs, [&] {
    cuda::pattention_rows_backward<E, S>(problem, grad.data(), rows.data(), dx.data());
  });
  launch(tokens * of_inputs, [&] {
    cuda::pattention_tokens_backward<false, E, S>(problem, grad.data(), rows.data(), dkey.data());
  });
  launch(tokens * of_outputs, [&] {
    cuda::pattention_tokens_backward<true, E, S>(problem, grad.data(), rows.data(), dvalue.data());
  });
  CHECK(near(scaled(dx, size), scaled(expected_x, size), kTolerance<E>));
  CHECK(near(converted<S, T>(dkey), expected_key, kTolerance<T>));
  CHECK(near(converted<S, T>(dvalue), expected_value, kTolerance<T>));
}

// rows, inputs, tokens, outputs, tau
const PattentionShape kShapes[] = {{1, 1, 1, 1, 1},
                                   {5, 3, 7, 2, 2.6},
                                   {33, 40, 17, 19, 4},
                                   {17, 5, 33, 300, 6},
                                   {16, 300, 16, 5, 4}};

TEST(float64) {
  for (const PattentionShape& shape : kShapes) compare<double, double>(shape);
}
TEST(float64_with_float32_tokens) { compare<double, float>(kShapes[2]); }
TEST(float32) {
  for (const PattentionShape& shape : kShapes) compare<float, float>(shape);
}
TEST(bfloat16) {
  compare<bfloat16, bfloat16>(kShapes[2]);
  compare<bfloat16, float>(kShapes[1]);
}
// |s|^2 would leave the range of float.
TEST(scores_of_any_size) {
  compare<float, float>(kShapes[2], 1e-25);
  compare<float, float>(kShapes[2], 1e25);
}

}  // namespace
