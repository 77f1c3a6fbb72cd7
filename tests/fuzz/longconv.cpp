// Long and short convolutions, diagonal state spaces: forward and backward.
#include "input.h"
#include "longconv/long_conv.h"
#include "longconv/s4d.h"
#include "longconv/short_conv.h"

namespace longtail::fuzz {
namespace {

using namespace longconv;

/// Sizes of small calls, of empty ones too.
struct Rows {
  std::int64_t batch, heads, length;
};
Rows rows_of(Input& input, std::int64_t longest) {
  return {input.between(0, 3), input.between(0, 3), input.between(0, longest)};
}

void long_rows(Input& input) {
  const Rows n = rows_of(input, 500);
  const bool state = input.flag();
  const std::int64_t taps = input.between(1, state ? 300 : std::max<std::int64_t>(n.length, 1));
  const std::int64_t before = state ? 0 : input.between(0, n.length);
  const ConvShape shape{n.batch, n.heads, input.between(1, 2), n.length, taps, before, state};
  const DType dtype = input.dtype();
  const ConvTypes types{dtype, dtype == DType::float64 || input.flag() ? dtype : DType::float32};
  const bool extremes = input.flag(), has_skip = input.flag(), gated = input.flag();
  const std::int64_t rows = n.batch * n.heads, outputs = shape.outputs * n.heads;
  const Memory u = input.elements(dtype, rows * n.length, extremes);
  const Memory gate_in = input.elements(dtype, u.count());
  const Memory gate_out = input.elements(dtype, shape.outputs * u.count());
  const Memory k = input.elements(types.taps, outputs * taps);
  const Memory k_rev = input.elements(types.taps, outputs * before);
  const Memory skip = input.elements(types.taps, outputs);
  const Memory past = input.elements(dtype, state ? rows * (taps - 1) : 0);
  const Memory grad = input.elements(dtype, gate_out.count());
  const DType wide = dtype == DType::float64 ? DType::float64 : DType::float32;
  Memory spectrum(wide, spectrum_size(shape, dtype)), y(dtype, grad.count());
  Memory du(dtype, u.count()), dk(types.taps, k.count()), dk_rev(types.taps, k_rev.count());
  Memory dskip(types.taps, has_skip ? skip.count() : 0), dgate(dtype, gated ? u.count() : 0),
      dpast(dtype, past.count());
  runs_alike({&y, &du, &dk, &dk_rev, &dskip, &dgate, &dpast}, [&](const ParallelFor& each) {
    conv_spectrum(shape, types, k.data(), k_rev.data(), spectrum.data(), each);
    const ConvInputs inputs{u.data(),
                            spectrum.data(),
                            has_skip ? skip.data() : nullptr,
                            gated ? gate_in.data() : nullptr,
                            gated ? gate_out.data() : nullptr,
                            state ? past.data() : nullptr};
    long_conv(shape, types, inputs, y.data(), each);
    long_conv_backward(shape, types, inputs, grad.data(),
                       {du.data(), dk.data(), before > 0 ? dk_rev.data() : nullptr,
                        has_skip ? dskip.data() : nullptr, gated ? dgate.data() : nullptr,
                        state ? dpast.data() : nullptr},
                       each);
  });
  require(extremes || (!y.has_nan() && !du.has_nan()), "nan of numbers");
}

void short_rows(Input& input) {
  const Rows n = rows_of(input, 150);
  const ShortConvShape shape{n.batch, n.heads, n.length, input.between(1, kMostShortTaps),
                             input.flag()};
  const DType dtype = input.dtype();
  const ShortConvTypes types{dtype,
                             dtype == DType::float64 || input.flag() ? dtype : DType::float32};
  const bool extremes = input.flag(), has_bias = input.flag(), has_state = input.flag();
  const std::int64_t rows = n.batch * n.heads;
  const Memory u = input.elements(dtype, rows * n.length, extremes);
  const Memory w = input.elements(types.taps, n.heads * shape.taps);
  const Memory bias = input.elements(types.taps, n.heads);
  const Memory state = input.elements(dtype, rows * (shape.taps - 1));
  const Memory grad = input.elements(dtype, u.count());
  const ShortConvInputs inputs{u.data(), w.data(), has_bias ? bias.data() : nullptr,
                               has_state ? state.data() : nullptr};
  Memory y(dtype, u.count()), du(dtype, u.count()), dw(types.taps, w.count());
  Memory dbias(types.taps, has_bias ? bias.count() : 0);
  Memory dstate(dtype, has_state ? state.count() : 0);
  runs_alike({&y, &du, &dw, &dbias, &dstate}, [&](const ParallelFor& each) {
    short_conv(shape, types, inputs, y.data(), each);
    short_conv_backward(shape, types, inputs, grad.data(),
                        {du.data(), dw.data(), has_bias ? dbias.data() : nullptr,
                         has_state ? dstate.data() : nullptr},
                        each);
  });
  require(extremes || dtype == DType::float16 || !y.has_nan(), "nan of numbers");
  ShortConvShape one = shape;
  one.length = 1;
  const Memory now = input.elements(dtype, rows);
  Memory then(dtype, rows), next(dtype, state.count());
  runs_alike({&then, &next}, [&](const ParallelFor& each) {
    short_conv_step(one, types, {now.data(), w.data(), inputs.bias, state.data()}, then.data(),
                    next.data(), each);
  });
}

const double* numbers(const Memory& memory) { return static_cast<const double*>(memory.data()); }
double* numbers(Memory& memory) { return static_cast<double*>(memory.data()); }

void state_space(Input& input) {
  const Rows n = rows_of(input, 150);
  const S4dShape s{n.batch, n.heads, input.between(1, 2), input.between(0, 9), n.length};
  const DType dtype = input.dtype();
  const bool extremes = input.flag(), has_skip = input.flag(), has_state = input.flag();
  const auto pairs = [&](std::int64_t count) {
    return input.elements(DType::float64, 2 * count, extremes);
  };
  const Memory u = input.elements(dtype, s.batch * s.heads * s.length, extremes);
  Memory base = pairs(s.heads * s.states);
  if (!extremes) {  // inside of the unit circle, as systems that stay bounded have it
    for (std::int64_t i = 0; i < base.count(); ++i) base.set(i, base.at(i) / 16);
  }
  const Memory drive = pairs(s.heads * s.states), readout = pairs(s.outputs * s.heads * s.states);
  const Memory skip = input.elements(DType::float64, s.outputs * s.heads);
  const Memory state = pairs(s.batch * s.heads * s.states);
  const S4dInputs inputs{u.data(),
                         numbers(base),
                         numbers(drive),
                         numbers(readout),
                         has_skip ? numbers(skip) : nullptr,
                         has_state ? numbers(state) : nullptr};
  const Memory grad = input.elements(dtype, s.batch * s.outputs * s.heads * s.length);
  const Memory last = pairs(s.batch * s.heads * s.states);
  Memory y(dtype, grad.count()), after(DType::float64, state.count()), du(dtype, u.count());
  Memory dbase(DType::float64, base.count()), ddrive(DType::float64, drive.count());
  Memory dreadout(DType::float64, readout.count());
  Memory dskip(DType::float64, has_skip ? skip.count() : 0);
  Memory dstate(DType::float64, has_state ? state.count() : 0);
  runs_alike({&y, &after, &du, &dbase, &ddrive, &dreadout, &dskip, &dstate},
             [&](const ParallelFor& each) {
               s4d_scan(s, dtype, inputs, y.data(), numbers(after), each);
               s4d_scan_backward(
                   s, dtype, inputs, grad.data(), numbers(last),
                   {du.data(), numbers(dbase), numbers(ddrive), numbers(dreadout),
                    has_skip ? numbers(dskip) : nullptr, has_state ? numbers(dstate) : nullptr},
                   each);
             });
  require(extremes || (!y.has_nan() && !after.has_nan()), "nan of numbers");
}

void products(Input& input) {
  const VandermondeShape s{input.between(0, 3), input.between(0, 3), input.between(0, 9),
                           input.between(0, 200)};
  const DType dtype = input.flag() ? DType::float64 : DType::float32;
  Memory base = input.elements(DType::float64, 2 * s.heads * s.states);
  for (std::int64_t i = 0; i < base.count(); ++i) base.set(i, base.at(i) / 16);
  const Memory weights = input.elements(DType::float64, 2 * s.rows * s.heads * s.states);
  const Memory v = input.elements(dtype, s.rows * s.heads * s.length);
  Memory k(dtype, v.count()), sums(DType::float64, weights.count());
  runs_alike({&k, &sums}, [&](const ParallelFor& each) {
    vandermonde(s, dtype, numbers(base), numbers(weights), k.data(), each);
    vandermonde_transposed(s, dtype, numbers(base), v.data(), numbers(sums), each);
  });
  require(!k.has_nan() && !sums.has_nan(), "nan of numbers");
}

}  // namespace
}  // namespace longtail::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longtail::fuzz;
  Input input(data, size);
  void (*const targets[])(Input&) = {long_rows, short_rows, state_space, products};
  targets[input.between(0, 3)](input);
  return 0;
}
