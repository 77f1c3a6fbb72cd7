// The CUDA kernels of learned multigrid, run on the CPU by simt/cuda_runtime.h, beside the CPU's:
// single convolutions of all kinds, and whole cycles forward and back whose coarse levels, all or
// none run in one block.
#include "cuda/multigrid/grid_conv_steps.cuh"
#include "multigrid/grid_transfer.h"
#include "multigrid/winograd.h"
#include "numbers_near.h"

namespace {

using namespace numbers_near;
using multigrid::CycleMemory;
using multigrid::CyclePlan;
using multigrid::CycleShape;
using multigrid::GridConvShape;
using multigrid::TransferShape;
using Floats = std::vector<float>;

constexpr double kNear = 2e-5;

struct OnFibres {
  template <class... P, class... A>
  void operator()(void (*kernel)(P...), dim3 grid, int threads, std::size_t shared,
                  const A&... arguments) const {
    simt::launch(grid, threads, [&] { kernel(arguments...); }, shared);
  }
};
const OnFibres kFibres;

// Memory as a GPU gives it, and nothing behind it.
Floats unwritten(std::int64_t count) { return Floats(count, std::nanf("")); }

// What a job reads besides grids.
struct Prepared {
  Prepared(const Floats& w, cuda::GridWeightJob job, int in, int out) {
    to = unwritten(cuda::prepared_floats(job.taps, in, out));
    job.from = w.data();
    job.to = to.data();
    cuda::GridConvLaunches(kFibres).prepare({job});
  }
  Floats to;
};

void compare_conv(const GridConvShape& s, bool adjoint, bool with) {
  const std::int64_t points = s.batch * s.height * s.width;
  const Floats x = numbers<float>(points * s.in, 1, 0.1),
               w = numbers<float>(s.in * s.out * 9, 1, 0.2);
  const Floats add = numbers<float>(points * s.out, 1, 0.3), bias = numbers<float>(s.out, 1, 0.4);
  Floats expected(points * s.out), y = unwritten(points * s.out);
  multigrid::grid_conv(s, adjoint, x.data(), w.data(), with ? add.data() : nullptr,
                       with ? bias.data() : nullptr, expected.data(), {});
  const int in = static_cast<int>(s.in), out = static_cast<int>(s.out);
  const Prepared weights(
      w, {nullptr, nullptr, adjoint ? in : out, adjoint ? out : in, 3, adjoint, adjoint, false}, in,
      out);
  const cuda::GridConvJob job = {x.data(),
                                 with ? add.data() : nullptr,
                                 weights.to.data(),
                                 with ? bias.data() : nullptr,
                                 y.data(),
                                 s.height,
                                 s.width,
                                 s.height,
                                 s.width,
                                 in,
                                 out,
                                 3,
                                 1,
                                 cuda::GridConvKind::gather};
  cuda::GridConvLaunches(kFibres).convolve(s.batch, job, nullptr);
  CHECK(near(y, expected, kNear));

  Floats dw(s.in * s.out * 9), expected_dw = dw;
  multigrid::grid_conv_weight(s, add.data(), x.data(), expected_dw.data(), {});
  const int parts = cuda::gradient_parts(s.batch, s.height, s.width, 1);
  Floats partial = unwritten(parts * static_cast<std::int64_t>(dw.size()));
  cuda::GridConvLaunches(kFibres).gradient(
      {add.data(), x.data(), partial.data(), dw.data(), s.batch, s.height, s.width, s.height,
       s.width, out, in, parts, false},
      1, 3);
  CHECK(near(dw, expected_dw, kNear));
}

void compare_transfer(const TransferShape& s, bool with) {
  const std::int64_t height = (s.height + 1) / 2, width = (s.width + 1) / 2;
  const std::int64_t fine = s.batch * s.height * s.width * s.fine;
  const std::int64_t coarse = s.batch * height * width * s.coarse;
  const int points = s.taps * s.taps, k = static_cast<int>(s.coarse), l = static_cast<int>(s.fine);
  const Floats x = numbers<float>(fine, 1, 0.1), c = numbers<float>(coarse, 1, 0.5);
  const Floats w = numbers<float>(s.coarse * s.fine * points, 1, 0.2);
  const Floats add = numbers<float>(fine, 1, 0.3), bias = numbers<float>(s.fine, 1, 0.4);
  Floats down = unwritten(coarse), expected_down(coarse), up = unwritten(fine), expected_up(fine);
  const float* a = with ? add.data() : nullptr;
  const float* b = with ? bias.data() : nullptr;
  multigrid::grid_down(s, x.data(), w.data(), expected_down.data(), {});
  multigrid::grid_up(s, c.data(), w.data(), a, b, expected_up.data(), {});
  const Prepared to_coarse(w, {nullptr, nullptr, k, l, s.taps, false, false, false}, l, k);
  const Prepared to_fine(w, {nullptr, nullptr, k, l, s.taps, true, false, false}, k, l);
  // Two at once: the second of a negated field would show a mixture.
  Floats twin = unwritten(coarse), turned = x;
  for (float& each : turned) each = -each;
  cuda::GridConvJob first = {x.data(),
                             nullptr,
                             to_coarse.to.data(),
                             nullptr,
                             down.data(),
                             height,
                             width,
                             s.height,
                             s.width,
                             l,
                             k,
                             s.taps,
                             2,
                             cuda::GridConvKind::gather};
  cuda::GridConvJob second = first;
  second.from = turned.data();
  second.to = twin.data();
  cuda::GridConvLaunches(kFibres).convolve(s.batch, first, &second);
  CHECK(near(down, expected_down, kNear));
  for (float& each : twin) each = -each;
  CHECK(near(twin, down, 0));
  cuda::GridConvLaunches(kFibres).convolve(
      s.batch,
      {c.data(), a, to_fine.to.data(), b, up.data(), s.height, s.width, height, width, k, l, s.taps,
       1, cuda::GridConvKind::spread},
      nullptr);
  CHECK(near(up, expected_up, kNear));

  Floats dw(w.size()), expected_dw = dw;
  multigrid::grid_transfer_weight(s, c.data(), x.data(), expected_dw.data(), {});
  const int parts = cuda::gradient_parts(s.batch, height, width, 2);
  Floats partial = unwritten(parts * static_cast<std::int64_t>(dw.size()));
  cuda::GridConvLaunches(kFibres).gradient({c.data(), x.data(), partial.data(), dw.data(), s.batch,
                                            height, width, s.height, s.width, k, l, parts, false},
                                           2, s.taps);
  CHECK(near(dw, expected_dw, kNear));
}

// All that comes in and out of a cycle.
struct Cycle {
  CycleShape shape;
  Floats f, grad, through, weights, bias;
  explicit Cycle(const CycleShape& s) : shape(s) {
    const std::int64_t points = s.batch * s.height * s.width;
    f = numbers<float>(points * s.in, 1, 0.1);
    through = numbers<float>(points * s.in, 1, 0.6);
    grad = numbers<float>(points * s.channels, 1, 0.2);
    weights = numbers<float>(multigrid::forward_cycle(s, true).weights, 0.1, 0.3);
    bias = numbers<float>(s.channels, 1, 0.4);
  }

  template <class Run>
  std::vector<Floats> results(int late, const Run& run) const {
    const std::int64_t points = shape.batch * shape.height * shape.width;
    const CyclePlan forward = multigrid::forward_cycle(shape, true);
    const CyclePlan alone = multigrid::forward_cycle(shape, false);
    Floats u = unwritten(points * shape.channels), again = u, df = unwritten(points * shape.in);
    Floats saved = unwritten(forward.saved * shape.batch), dw = unwritten(forward.weights);
    Floats scratch = unwritten(std::max(forward.scratch, alone.scratch) * shape.batch);
    CycleMemory memory{f.data(), nullptr, nullptr, u.data(), saved.data(), scratch.data(), nullptr};
    run(forward, memory, bias.data(), nullptr);
    memory.u = again.data();
    memory.saved = nullptr;
    run(alone, memory, bias.data(), nullptr);
    CHECK(near(again, u, 0));
    const CyclePlan back = multigrid::backward_cycle(shape, {true, true, true, late});
    scratch = unwritten(back.scratch * shape.batch);
    memory = {f.data(),     grad.data(),    through.data(), nullptr,
              saved.data(), scratch.data(), df.data()};
    run(back, memory, nullptr, dw.data());
    return {u, df, dw};
  }
};

void compare_cycles(const CycleShape& shape, int expected_level) {
  CHECK(cuda::block_level(shape) == expected_level);
  const Cycle cycle(shape);
  const auto expected = cycle.results(
      100, [&](const CyclePlan& plan, const CycleMemory& memory, const float* bias, float* dw) {
        multigrid::run_cycle(shape, plan, memory, cycle.weights.data(), bias, dw, {});
      });
  const auto got = cycle.results(
      expected_level,
      [&](const CyclePlan& plan, const CycleMemory& memory, const float* bias, float* dw) {
        Floats more = unwritten(cuda::cycle_memory(shape, plan).total);
        cuda::CycleLaunches(shape, plan, memory, kFibres, more.data())
            .run(cycle.weights.data(), bias, dw);
      });
  for (int i = 0; i < 3; ++i) CHECK(near(got[i], expected[i], kNear));
}

TEST(convolutions) {
  compare_conv({2, 19, 18, 24, 24}, false, true);
  compare_conv({1, 9, 17, 24, 24}, true, true);
  compare_conv({2, 5, 4, 33, 40}, false, false);
  compare_conv({1, 1, 1, 1, 1}, true, true);
  compare_conv({3, 8, 33, 1, 24}, false, true);
  compare_conv({1, 10, 7, 65, 2}, true, false);
}
TEST(transfers) {
  for (const int taps : {3, 4}) {
    compare_transfer({2, 20, 34, 24, 24, taps}, true);
    compare_transfer({1, 19, 17, 24, 24, taps}, false);
    compare_transfer({2, 1, 1, 1, 3, taps}, true);
    compare_transfer({1, 9, 2, 66, 5, taps}, false);
    compare_transfer({1, 3, 40, 7, 35, taps}, true);
  }
}
TEST(cycles_with_coarse_levels_in_a_block) {
  compare_cycles({2, 24, 20, 24, 24, {{1, 0}, {1, 0}, {2, 0}}, false}, 1);
}
TEST(cycles_in_one_block) {
  compare_cycles({2, 16, 15, 3, 5, {{2, 1}, {0, 2}, {1, 1}, {2, 0}}, true}, 0);
}
TEST(cycles_outside_of_blocks) {
  compare_cycles({1, 17, 18, 4, 2, {{1, 2}}, false}, 1);
  compare_cycles({1, 9, 40, 66, 2, {{1, 1}, {1, 0}}, true}, 2);
}

}  // namespace
