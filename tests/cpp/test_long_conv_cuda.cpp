// The CUDA kernels of long convolutions, run on the CPU by simt/cuda_runtime.h, beside the CPU's:
// rows in one kernel, rows whose passes go over memory, blocks, states, gradients.
#include "cuda/longconv/conv_steps.cuh"
#include "longconv/long_conv.h"
#include "noise.h"
#include "test.h"

#include <cmath>
#include <memory>
#include <vector>

namespace {

using namespace longtail;
using cuda::ConvProblem;
using longconv::ConvShape;
using test::noise;
using test::relative;

struct OnFibres {
  template <class... P, class... A>
  void operator()(void (*kernel)(P...), unsigned blocks, int threads, std::size_t shared,
                  const A&... arguments) const {
    // Few blocks: each has to go on to the next rows.
    simt::launch({std::min(blocks, 2u), 1, 1}, threads, [&] { kernel(arguments...); }, shared);
  }
};

/// Numbers of the 227 KB of a block on sm_90, in float32.
constexpr std::int64_t kHopper = 58'112;

struct Options {
  bool skip = false, gates = false;
  std::int64_t room = 4096;           // numbers of shared memory
  std::int64_t work_bytes = 1 << 16;  // few rows at once
};

/// Rows and taps of a call, and its gradients.
template <class E, class P>
struct Tensors {
  std::vector<E> u, gate_in, gate_out, state, y;
  std::vector<P> k, k_rev, skip;

  explicit Tensors(const ConvShape& s)
      : u(s.batch * s.heads * s.length),
        gate_in(u.size()),
        gate_out(u.size() * s.outputs),
        state(s.batch * s.heads * (s.taps - 1)),
        y(gate_out.size()),
        k(s.outputs * s.heads * s.taps),
        k_rev(s.outputs * s.heads * s.taps_before),
        skip(s.outputs * s.heads) {}
};

template <class E, class P>
void compare(DType rows, DType taps, const ConvShape& shape, const Options& options, double most) {
  using S = cuda::compute_type<E>;
  Tensors<E, P> in(shape), cpu(shape), gpu(shape);
  in.u = noise<E>(in.u.size(), 1);
  in.gate_in = noise<E>(in.gate_in.size(), 2);
  in.gate_out = noise<E>(in.gate_out.size(), 3);
  in.state = noise<E>(in.state.size(), 4);
  in.k = noise<P>(in.k.size(), 5);
  in.k_rev = noise<P>(in.k_rev.size(), 6);
  in.skip = noise<P>(in.skip.size(), 7);
  const auto grad = noise<E>(in.y.size(), 8);

  const auto inputs_with = [&](const void* spectrum) {
    return longconv::ConvInputs{in.u.data(),
                                spectrum,
                                options.skip ? in.skip.data() : nullptr,
                                options.gates ? in.gate_in.data() : nullptr,
                                options.gates ? in.gate_out.data() : nullptr,
                                shape.state ? in.state.data() : nullptr};
  };
  const auto gradients_of = [&](Tensors<E, P>& to) {
    return longconv::ConvGradients{to.u.data(),
                                   to.k.data(),
                                   shape.taps_before > 0 ? to.k_rev.data() : nullptr,
                                   options.skip ? to.skip.data() : nullptr,
                                   options.gates ? to.gate_in.data() : nullptr,
                                   shape.state ? to.state.data() : nullptr};
  };

  const longconv::ConvTypes types = {rows, taps};
  // Sixty-four bytes: the CPU's vectors.
  const std::int64_t size = longconv::spectrum_size(shape, rows);
  const std::shared_ptr<S[]> spectrum(new (std::align_val_t{64}) S[size],
                                      [](S* p) { ::operator delete[](p, std::align_val_t{64}); });
  longconv::conv_spectrum(shape, types, in.k.data(), in.k_rev.data(), spectrum.get());
  longconv::long_conv(shape, types, inputs_with(spectrum.get()), cpu.y.data());
  longconv::long_conv_backward(shape, types, inputs_with(spectrum.get()), grad.data(),
                               gradients_of(cpu));

  const ConvProblem problem = {shape, types,
                               cuda::conv_layout(shape, options.room * sizeof(S), sizeof(S)),
                               options.work_bytes};
  std::vector<S> roots(cuda::conv_root_numbers(problem) + 2);
  std::vector<S> of_taps(cuda::conv_spectrum_numbers(problem));
  std::vector<S> forward(cuda::conv_forward_work(problem));
  std::vector<S> backward(cuda::conv_backward_work(problem)), sums(of_taps.size());
  std::vector<double> skips(cuda::conv_skip_sums(shape));
  const OnFibres launch;
  const cuda::ConvSteps<E, OnFibres> steps(problem, launch, roots.data());
  steps.spectrum(in.k.data(), in.k_rev.data(), of_taps.data());
  steps.forward(inputs_with(of_taps.data()), forward.data(), gpu.y.data());
  steps.backward(inputs_with(of_taps.data()), grad.data(), gradients_of(gpu), backward.data(),
                 sums.data(), skips.data());

  CHECK(relative(gpu.y, cpu.y) <= most);
  CHECK(relative(gpu.u, cpu.u) <= most);
  CHECK(relative(gpu.k, cpu.k) <= most);
  CHECK(relative(gpu.k_rev, cpu.k_rev) <= most);
  CHECK(relative(gpu.skip, cpu.skip) <= most);
  CHECK(relative(gpu.gate_in, cpu.gate_in) <= most);
  CHECK(relative(gpu.state, cpu.state) <= most);
}

void in_float(const ConvShape& shape, const Options& options = {}) {
  compare<float, float>(DType::float32, DType::float32, shape, options, 6e-7);
}
void in_double(const ConvShape& shape, const Options& options = {}) {
  compare<double, double>(DType::float64, DType::float64, shape, options, 1e-14);
}

TEST(whole_rows_in_one_kernel) {
  for (const std::int64_t length : {1, 2, 3, 17, 256, 300, 1000, 1024, 2048}) {
    in_float({3, 2, 1, length, length, 0, false});
    in_double({3, 2, 1, length, length, 0, false});
  }
  in_float({1, 1, 1, 4096, 4096, 0, false}, {.room = kHopper});
  in_float({1, 1, 1, 8000, 8000, 0, false}, {.room = kHopper});
  in_float({1, 1, 1, 16384, 16384, 0, false}, {.room = kHopper});
  in_double({1, 1, 1, 8192, 8192, 0, false}, {.room = kHopper / 2});
}

// Which layouts calls get is asked of conv_layout itself: a row in parts is one whose transform
// would not fit, or which wastes less than the next power of two.
TEST(rows_in_parts) {
  struct Expected {
    std::int64_t length, size;
    int parts;
  };
  for (const Expected& each : {Expected{6000, 6144, 3},
                               {10'000, 10'240, 5},
                               {12'000, 12'288, 3},
                               {16'384, 16'384, 1},
                               {17'000, 20'480, 5},
                               {24'000, 24'576, 3},
                               {32'768, 32'768, 4},
                               {40'000, 40'960, 5}}) {
    const ConvShape shape = {1, 1, 1, each.length, each.length, 0, false};
    const auto layout = cuda::conv_layout(shape, kHopper * 4, 4);
    CHECK(layout.size == each.size && layout.parts == each.parts && layout.one_kernel());
    in_float(shape, {.skip = true, .room = kHopper});
  }
  in_double({1, 1, 1, 16'384, 16'384, 0, false}, {.room = kHopper / 2});
  in_double({1, 1, 1, 6000, 6000, 0, false}, {.room = kHopper / 2});
  // GeForce: 16,384 numbers in 96 KB of its 99.
  in_float({1, 1, 1, 16'384, 16'384, 0, false}, {.room = 25'344});
  const Options all = {.skip = true, .gates = true, .room = kHopper};
  in_float({3, 2, 1, 6000, 6000, 5000, false}, all);
  in_double({2, 2, 2, 6000, 6000, 6000, false}, all);
  in_float({2, 1, 1, 9000, 5500, 0, true}, all);  // the state is a block of its own
  compare<bfloat16, float>(DType::bfloat16, DType::float32, {2, 2, 1, 5000, 5000, 0, false}, all,
                           3e-4);
}

TEST(several_outputs) {
  Options all = {.skip = true, .gates = true, .room = 8192};  // two tiles
  in_float({3, 2, 3, 1000, 1000, 700, false}, all);
  in_double({3, 2, 2, 300, 300, 0, false}, all);
  in_float({2, 2, 3, 3000, 100, 0, true}, all);
  all.room = 4096;  // over memory, and again for each in shared memory
  in_float({3, 2, 3, 5000, 5000, 100, false}, all);
  in_float({3, 2, 3, 2000, 2000, 100, false}, all);
  in_double({3, 1, 4, 40'000, 40'000, 0, false}, all);
}

TEST(all_options) {
  const Options all = {.skip = true, .gates = true};
  in_float({2, 3, 2, 1000, 1000, 700, false}, all);
  in_double({2, 3, 2, 1000, 1000, 1300, false}, all);
  in_float({5, 1, 3, 77, 400, 90, false}, all);
  in_double({2, 2, 1, 1, 5, 3, false}, all);
}

TEST(blocks_and_states) {
  const Options all = {.skip = true, .gates = true};
  in_float({2, 2, 1, 3000, 33, 0, false}, all);
  in_float({2, 2, 2, 3001, 100, 120, false}, all);
  in_double({2, 2, 2, 3001, 100, 120, false}, all);
  in_float({3, 2, 2, 1000, 100, 0, true}, all);
  in_double({3, 2, 1, 700, 300, 0, true}, all);
  in_float({2, 1, 1, 5, 400, 0, true}, all);
  in_double({2, 1, 1, 0, 40, 0, true}, all);
  in_float({2, 1, 1, 257, 2, 0, true});
}

TEST(passes_over_memory) {
  const Options all = {.skip = true, .gates = true};
  in_float({3, 2, 1, 4096, 4096, 0, false});
  in_double({2, 1, 1, 4000, 4000, 0, false});
  in_float({2, 2, 2, 5000, 5000, 3000, false}, all);
  in_double({1, 2, 1, 6000, 3000, 0, true}, all);
  in_float({1, 1, 1, 40000, 40000, 0, false}, {.skip = true});  // two of them, of 5 and 16
  in_double({1, 1, 1, 40000, 40000, 100, false}, {.skip = true});
  in_float({1, 1, 1, 64000, 64000, 0, false});                            // of 16 and 16
  for (const std::int64_t length : {3000, 5100, 6000, 10'000, 12'000}) {  // of 3 or 5
    in_float({2, 1, 1, length, length, 0, false}, all);
    in_double({2, 1, 1, length, length, 30, false}, all);
  }
}

TEST(sixteen_bits) {
  const Options all = {.skip = true, .gates = true};
  const ConvShape shape = {2, 2, 2, 1000, 700, 30, false}, longer = {2, 1, 1, 4096, 4096, 0, false};
  // Of results that differ by 1e-7 a few are rounded to different neighbours.
  compare<bfloat16, bfloat16>(DType::bfloat16, DType::bfloat16, shape, all, 3e-4);
  compare<bfloat16, float>(DType::bfloat16, DType::float32, longer, all, 3e-4);
  compare<float16, float>(DType::float16, DType::float32, shape, all, 1e-4);
}

TEST(nothing_at_all) {
  in_float({0, 2, 1, 100, 100, 20, false}, {.skip = true, .gates = true});
  in_float({2, 0, 1, 100, 100, 0, false}, {.skip = true});
  in_float({2, 2, 1, 0, 10, 5, false}, {.skip = true});
}

}  // namespace
