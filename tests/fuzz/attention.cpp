// Quantised attention, caches and decoding, attention with a prefix or over parameters, Hadamard.
#include "attention/cache.h"
#include "attention/decode.h"
#include "attention/hadamard.h"
#include "attention/ntk.h"
#include "attention/pattention.h"
#include "attention/prefill.h"
#include <array>

#include "input.h"

namespace longtail::fuzz {
namespace {

using namespace attention;

DType narrow_type(Input& input) {
  return input.one_of({DType::float32, DType::float16, DType::bfloat16});
}

void prefill(Input& input) {
  const std::int64_t batch = input.between(1, 2), key_heads = input.between(1, 2);
  const std::int64_t heads = key_heads * input.between(1, 2), rows = input.between(0, 140);
  const std::int64_t keys = input.between(0, 200), channels = input.between(1, 40);
  const std::int64_t values = input.between(1, 40), gap = input.between(0, 3);
  const DType dtype = narrow_type(input);
  Options options;
  options.codes = input.one_of({Codes::int4, Codes::q8k4, Codes::int8});
  options.smooth = input.one_of({Smooth::none, Smooth::k, Smooth::qk});
  options.rotate = input.flag();
  options.causal = input.one_of({Causal::none, Causal::top_left, Causal::bottom_right});
  options.strict = input.flag();
  options.scale = float(input.moderate());
  const auto mask_kind = input.one_of({Mask::Kind::none, Mask::Kind::boolean, Mask::Kind::number});
  const bool extremes = input.flag();

  // Rows with a gap behind each; the last has none.
  const auto drawn = [&](std::int64_t h, std::int64_t length, std::int64_t width) {
    const std::int64_t lines = batch * h * length;
    return input.elements(dtype, std::max<std::int64_t>(lines * (width + gap) - gap, 0), extremes);
  };
  const auto strides = [&](std::int64_t h, std::int64_t length, std::int64_t width) {
    const std::int64_t row = width + gap;
    return std::array<std::int64_t, 3>{h * length * row, length * row, row};
  };
  const Memory q = drawn(heads, rows, channels), k = drawn(key_heads, keys, channels);
  const Memory v = drawn(key_heads, keys, values);
  const bool boolean = mask_kind == Mask::Kind::boolean;
  Memory mask_data(boolean ? DType::uint8 : DType::float32, rows * keys);
  for (std::int64_t i = 0; i < rows * keys && i < 300; ++i) {
    const std::uint8_t byte = input.byte();
    if (boolean) {
      static_cast<std::uint8_t*>(mask_data.data())[i] = byte & 1;
    } else {
      mask_data.set(i, byte == 1 ? -HUGE_VAL : byte / 32.0 - 4);
    }
  }
  Mask mask;
  mask.kind = mask_kind;
  mask.data = static_cast<const std::byte*>(mask_data.data());
  mask.row = keys;
  mask.key = 1;

  std::vector<Sequence> sequences;
  for (std::int64_t b = 0; b < batch; ++b) sequences.push_back({b, 0, rows, 0, keys});
  if (batch == 1 && mask_kind == Mask::Kind::none && input.flag()) {  // two behind each other
    const std::int64_t row = input.between(0, rows), key = input.between(0, keys);
    sequences = {{0, 0, row, 0, key}, {0, row, rows - row, key, keys - key}};
  }
  const auto read = [&](const Memory& memory, const std::array<std::int64_t, 3>& step) {
    return InputHeads{static_cast<const std::byte*>(memory.data()), step[0], step[1], step[2]};
  };
  const Problem problem{dtype,
                        heads,
                        key_heads,
                        channels,
                        values,
                        read(q, strides(heads, rows, channels)),
                        read(k, strides(key_heads, keys, channels)),
                        read(v, strides(key_heads, keys, values)),
                        mask,
                        options,
                        sequences};
  Memory out(dtype, batch * heads * rows * values), lse(DType::float32, batch * heads * rows);
  runs_alike({&out, &lse}, [&](const ParallelFor& each) {
    quantised_attention(
        problem,
        {static_cast<std::byte*>(out.data()), heads * rows * values, rows * values, values},
        {static_cast<float*>(lse.data()), heads * rows, rows, 1}, each);
  });
  require(extremes || (!out.has_nan() && !lse.has_nan()), "nan of numbers");
}

void cache(Input& input) {
  const int bits = input.flag() ? 4 : 8;
  const auto format = input.flag() ? KFormat::channel : KFormat::token_rotated;
  const int group = input.one_of({32, 64, 128, 256});
  const CacheLayout layout{bits, format, group, int(input.between(1, 72)),
                           int(input.between(1, 72))};
  const std::int64_t batch = input.between(1, 2), kv_heads = input.between(1, 2), tiles = 3;
  const DType dtype = narrow_type(input);
  const std::int64_t all = batch * kv_heads;
  const auto words = [&](int count) {
    return std::vector<std::uint32_t>(static_cast<std::size_t>(all * tiles * count));
  };
  auto k_codes = words(layout.k_codes()), k_grids = words(layout.k_grids());
  auto v_codes = words(layout.v_codes()), v_grids = words(layout.v_grids());
  Memory tail(dtype, all * kTileTokens * layout.k_dim);
  std::vector<float> mean(static_cast<std::size_t>(all * layout.k_dim));
  std::vector<std::int64_t> lengths(2), packed(2);
  const MutableCache memory{batch,          kv_heads,       tiles,
                            dtype,          k_codes.data(), k_grids.data(),
                            v_codes.data(), v_grids.data(), static_cast<std::byte*>(tail.data()),
                            mean.data(),    lengths.data(), packed.data()};
  for (std::int64_t step = input.between(1, 4); step > 0; --step) {
    const std::int64_t tokens = input.between(0, 90);
    std::int64_t counts[2];
    for (int b = 0; b < 2; ++b) {
      const std::int64_t room = std::min(tokens, tiles * kTileTokens - lengths[b]);
      counts[b] = input.flag() ? room : input.between(0, room);
    }
    const Memory k = input.elements(dtype, all * tokens * layout.k_dim);
    const Memory v = input.elements(dtype, all * tokens * layout.v_dim);
    cache_append(layout, memory, tokens, counts, k.data(), v.data());
  }
  DecodeCall call{};
  call.heads = kv_heads * input.between(1, 3);
  call.q_len = input.between(0, 5);
  call.dtype = narrow_type(input);
  const bool extremes = input.flag();
  const std::int64_t queries = batch * call.heads * call.q_len;
  const Memory q = input.elements(call.dtype, queries * layout.k_dim, extremes);
  call.q = q.data();
  call.scale = float(input.moderate());
  call.is_causal = input.flag();
  const std::int64_t longest = std::max(lengths[0], lengths[1]);
  const Memory mask = input.elements(DType::float32, longest);
  if (input.flag()) call.mask = static_cast<const float*>(mask.data());
  call.mask_stride[3] = 1;
  const ConstCache read{batch,          kv_heads,       tiles,          dtype,
                        k_codes.data(), k_grids.data(), v_codes.data(), v_grids.data(),
                        memory.tail,    mean.data(),    lengths.data(), packed.data()};
  Memory out(call.dtype, queries * layout.v_dim), lse(DType::float32, queries);
  call.out = out.data();
  call.lse = static_cast<float*>(lse.data());
  runs_alike({&out, &lse}, [&](const ParallelFor& each) { decode(layout, read, call, each); });
  require(extremes || (!out.has_nan() && !lse.has_nan()), "nan of numbers");
}

void ntk(Input& input) {
  const NtkShape s{input.between(0, 2),   input.between(1, 2),  input.between(0, 110),
                   input.between(0, 140), input.between(1, 20), input.between(1, 20),
                   input.flag(),          input.flag(),         input.moderate() / 8};
  const DType dtype = input.dtype();
  const NtkTypes types{dtype, dtype == DType::float64 || input.flag() ? dtype : DType::float32};
  const std::int64_t n = s.problems(), m = s.prefixes();
  const Memory q = input.elements(dtype, n * s.queries * s.channels);
  const Memory k = input.elements(dtype, n * s.keys * s.channels);
  const Memory v = input.elements(dtype, n * s.keys * s.values);
  const Memory z = input.elements(types.prefix, m * s.channels * s.values);
  const Memory kappa = input.elements(types.prefix, m * s.channels);
  const Memory grad = input.elements(dtype, n * s.queries * s.values);
  const NtkInputs inputs{q.data(), k.data(), v.data(), z.data(), kappa.data()};
  Memory out(dtype, grad.count()), lse(DType::float64, n * s.queries), dq(dtype, q.count());
  Memory dk(dtype, k.count()), dv(dtype, v.count()), dz(types.prefix, z.count());
  Memory dkappa(types.prefix, kappa.count());
  runs_alike({&out, &lse, &dq, &dk, &dv, &dz, &dkappa}, [&](const ParallelFor& each) {
    auto* logs = static_cast<double*>(lse.data());
    ntk_attention(s, types, inputs, out.data(), logs, each);
    ntk_attention_backward(s, types, grad.data(), inputs, out.data(), logs,
                           {dq.data(), dk.data(), dv.data(), dz.data(), dkappa.data()}, each);
  });
}

void parameters(Input& input) {
  const PattentionShape s{input.between(0, 110), input.between(1, 20), input.between(1, 140),
                          input.between(1, 20), std::abs(input.moderate()) + 0.5};
  const DType dtype = input.dtype();
  const DType tokens = dtype == DType::float64 || input.flag() ? dtype : DType::float32;
  const Memory x = input.elements(dtype, s.rows * s.inputs, input.flag());
  const Memory key = input.elements(tokens, s.tokens * s.inputs);
  const Memory value = input.elements(tokens, s.tokens * s.outputs);
  const Memory grad = input.elements(dtype, s.rows * s.outputs);
  Memory y(dtype, grad.count()), dx(dtype, x.count()), dkey(tokens, key.count());
  Memory dvalue(tokens, value.count());
  runs_alike({&y, &dx, &dkey, &dvalue}, [&](const ParallelFor& each) {
    pattention(s, {dtype, tokens}, x.data(), key.data(), value.data(), y.data(), each);
    pattention_backward(s, {dtype, tokens}, grad.data(), x.data(), key.data(), value.data(),
                        dx.data(), dkey.data(), dvalue.data(), each);
  });
}

void hadamard(Input& input) {
  const std::int64_t n = input.between(-2, 700), rows = input.between(0, 5);
  const DType dtype = input.dtype();
  const bool transpose = input.flag(), extremes = input.flag();
  const double scale = input.moderate();
  const Memory x = input.elements(dtype, std::max<std::int64_t>(n, 0) * rows, extremes);
  Memory y(dtype, x.count());
  const bool supported = runs_alike({&y}, [&](const ParallelFor& each) {
    hadamard_transform(rows, n, dtype, x.data(), scale, transpose, y.data(), each);
  });
  require(supported == (hadamard_base(n) > 0), "a size is refused that is supported, or not");
  require(!supported || hadamard_size_for(n) == n, "a supported size has another beside it");
}

}  // namespace
}  // namespace longtail::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longtail::fuzz;
  Input input(data, size);
  void (*const targets[])(Input&) = {prefill, cache, ntk, parameters, hadamard};
  targets[input.between(0, 4)](input);
  return 0;
}
