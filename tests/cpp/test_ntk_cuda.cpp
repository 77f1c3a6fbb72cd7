// The CUDA kernels of ntk_attention, run on the CPU by simt/cuda_runtime.h, beside the CPU's: sizes
// that fill no tile, prefixes for all and for each, scores and prefixes of any size.
#include "attention/ntk.h"
#include "cuda/attention/ntk_kernels.cuh"
#include "numbers_near.h"

namespace {

using namespace numbers_near;
using attention::NtkShape;

void launch(std::int64_t blocks, const std::function<void()>& body) {
  simt::launch({static_cast<unsigned>(blocks), 1, 1}, cuda::kTileThreads, body);
}

// E is the type of q, k and v, P that of z and kappa.
template <class E, class P>
void compare(const NtkShape& shape, double size = 1, double prefix_size = 1) {
  using S = cuda::compute_type<E>;
  const std::int64_t n = shape.problems(), m = shape.prefixes(), rows = n * shape.queries;
  const auto q = numbers<E>(rows * shape.channels, size, 0.1);
  const auto k = numbers<E>(n * shape.keys * shape.channels, 1, 0.2);
  const auto v = numbers<E>(n * shape.keys * shape.values, 1, 0.3);
  const auto z = numbers<P>(m * shape.channels * shape.values, prefix_size, 0.4);
  const auto kappa = numbers<P>(m * shape.channels, prefix_size, 0.5);
  const auto grad = numbers<E>(rows * shape.values, 1, 0.6);
  const attention::NtkTypes types = {kDType<E>, kDType<P>};
  const attention::NtkInputs inputs = {q.data(), k.data(), v.data(), z.data(), kappa.data()};

  std::vector<E> out(grad.size()), expected = out;
  std::vector<double> lse(rows), expected_lse = lse;
  attention::ntk_attention(shape, types, inputs, expected.data(), expected_lse.data());
  std::vector<S> prefix(m * shape.channels * (shape.values + 1));
  std::vector<double> units(2 * m);
  launch(m, [&] {
    cuda::ntk_prepare<P, S>(shape.channels, shape.values, z.data(), kappa.data(), prefix.data(),
                            units.data());
  });
  const cuda::NtkProblem<E, S> problem = {
      n,
      m,
      shape.queries,
      shape.keys,
      shape.channels,
      shape.values,
      shape.causal,
      static_cast<S>(shape.scale),
      static_cast<S>(1 / std::sqrt(std::sqrt(static_cast<double>(shape.channels)))),
      q.data(),
      k.data(),
      v.data(),
      prefix.data(),
      units.data()};
  const std::int64_t row_tiles = n * cuda::tiles_of(shape.queries);
  launch(row_tiles, [&] { cuda::ntk_forward<E, S>(problem, out.data(), lse.data()); });
  CHECK(near(out, expected, kTolerance<E>));
  CHECK(near(lse, expected_lse, sizeof(S) == 8 ? 1e-12 : 1e-5));

  std::vector<E> dq(q.size()), dk(k.size()), dv(v.size());
  std::vector<E> expected_q = dq, expected_k = dk, expected_v = dv;
  std::vector<P> dz(z.size()), dkappa(kappa.size()), expected_z = dz, expected_kappa = dkappa;
  attention::ntk_attention_backward(shape, types, grad.data(), inputs, expected.data(),
                                    expected_lse.data(),
                                    {expected_q.data(), expected_k.data(), expected_v.data(),
                                     expected_z.data(), expected_kappa.data()});
  std::vector<cuda::NtkRowSlopes<S>> slopes(rows);
  launch((rows + cuda::kTileThreads - 1) / cuda::kTileThreads, [&] {
    cuda::ntk_slopes<E, S>(rows, shape.values, expected.data(), grad.data(), expected_lse.data(),
                           slopes.data());
  });
  launch(row_tiles,
         [&] { cuda::ntk_queries_backward<E, S>(problem, grad.data(), slopes.data(), dq.data()); });
  launch(n * cuda::tiles_of(shape.keys), [&] {
    cuda::ntk_keys_backward<E, S>(problem, grad.data(), slopes.data(), dk.data(), dv.data());
  });
  launch(m * cuda::tiles_of(shape.channels) * cuda::tiles_of(shape.values + 1), [&] {
    cuda::ntk_prefix_backward<E, P, S>(problem, grad.data(), slopes.data(), kappa.data(), dz.data(),
                                       dkappa.data());
  });
  CHECK(near(dq, expected_q, kTolerance<E>));
  CHECK(near(dk, expected_k, kTolerance<E>));
  CHECK(near(dv, expected_v, kTolerance<E>));
  CHECK(near(dz, expected_z, kTolerance<P>));
  CHECK(near(dkappa, expected_kappa, kTolerance<P>));
}

// batch, heads, queries, keys, channels, values, causal, shared prefix, scale
const NtkShape kShapes[] = {
    {2, 2, 17, 33, 5, 7, false, true, 0.4},       {1, 2, 33, 17, 16, 16, true, true, 0.25},
    {2, 1, 1, 1, 1, 1, true, false, 1.0},         {2, 2, 16, 15, 33, 3, true, false, -0.3},
    {1, 1, 5, 18, 256, 256, false, true, 0.0625}, {1, 2, 3, 0, 4, 6, false, true, 0.5},
};

TEST(float64) {
  for (const NtkShape& shape : kShapes) compare<double, double>(shape);
}
TEST(float64_with_float32_prefix) { compare<double, float>(kShapes[0]); }
TEST(float32) {
  for (const NtkShape& shape : kShapes) compare<float, float>(shape);
}
TEST(bfloat16) {
  compare<bfloat16, bfloat16>(kShapes[0]);
  compare<bfloat16, float>(kShapes[1]);
}
TEST(scores_and_prefixes_of_any_size) {
  for (const double size : {30.0, 300.0}) compare<double, double>(kShapes[1], size);
  for (const double prefix : {1e-37, 1e37}) compare<float, float>(kShapes[0], 3, prefix);
  compare<double, double>(kShapes[0], 1, 0);
}

}  // namespace
