// Log-Bessel functions and derivatives: any element, strides of either sign, half types.
#include "bessel/bessel.h"

#include <array>

#include "input.h"

namespace longtail::fuzz {
namespace {

/// One argument of the box `sizes`: where its elements lie, and one of them.
struct Argument {
  Memory memory;
  std::array<std::int64_t, 2> strides;
  std::int64_t first;  // in elements, of index (0, 0)

  const std::byte* data(std::int64_t i, std::int64_t j) const {
    return static_cast<const std::byte*>(memory.data()) + first * size() + i * strides[0] +
           j * strides[1];
  }
  std::int64_t size() const { return std::int64_t(memory.size()) / memory.count(); }
};

Argument argument(Input& input, DType dtype, const std::array<std::int64_t, 2>& sizes) {
  const std::int64_t step = input.between(-2, 2), row = input.between(-1, 1);
  const std::int64_t across = std::abs(step) * (sizes[1] - 1), pitch = row * (across + 1);
  const std::int64_t down = std::abs(pitch) * (sizes[0] - 1);
  Argument result{input.elements(dtype, across + down + 1, true), {}, 0};
  result.strides = {pitch * item_size(dtype), step * item_size(dtype)};
  result.first = (step < 0 ? across : 0) + (pitch < 0 ? down : 0);
  return result;
}

/// Inside of every function's domain, and far from where arguments overflow.
bool inside(double first, double second) {
  return first > 0 && second >= 0 && first < 1e300 && second < 1e300;
}

void run(Input input) {
  const auto function = static_cast<bessel::Function>(input.between(0, bessel::kFunctions - 1));
  const int da = int(input.between(0, 3)), db = int(input.between(0, 3));
  const std::array<std::int64_t, 2> sizes{input.between(1, 4), input.between(1, 40)};
  const DType dtype = input.dtype();
  const Argument a = argument(input, dtype, sizes), b = argument(input, dtype, sizes);
  Memory out(dtype, sizes[0] * sizes[1]);
  const std::array<std::int64_t, 2> strides{sizes[1] * item_size(dtype), item_size(dtype)};
  const auto view = [&](const Argument& of) { return InputView{of.data(0, 0), dtype, of.strides}; };
  const bool allowed = runs_alike({&out}, [&](const ParallelFor& parallel_for) {
    elementwise(bessel::block_kernel(function, da, db), sizes, view(a), view(b),
                {static_cast<std::byte*>(out.data()), dtype, strides}, parallel_for);
  });
  require(allowed == (da + db <= 2), "an order is refused that is allowed, or the other way");
  if (!allowed) return;
  for (std::int64_t i = 0; i < sizes[0]; ++i) {
    for (std::int64_t j = 0; j < sizes[1]; ++j) {
      Memory alone(dtype, 1);
      elementwise(bessel::block_kernel(function, da, db), {}, {a.data(i, j), dtype, {}},
                  {b.data(i, j), dtype, {}}, {static_cast<std::byte*>(alone.data()), dtype, {}});
      const double got = out.at(i * sizes[1] + j);
      const double mine = alone.at(0);
      require(got == mine || (std::isnan(got) && std::isnan(mine)),
              "bits depend on the neighbours");
      Memory left(dtype, 1), right(dtype, 1);
      std::memcpy(left.data(), a.data(i, j), left.size());
      std::memcpy(right.data(), b.data(i, j), right.size());
      const bool is_value = da + db == 0 && inside(left.at(0), right.at(0));
      require(!is_value || !std::isnan(got), "nan inside of the domain");
    }
  }
}

}  // namespace
}  // namespace longtail::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  longtail::fuzz::run({data, size});
  return 0;
}
