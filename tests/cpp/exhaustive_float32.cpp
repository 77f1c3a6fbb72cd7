// Runs functions of csrc/core on all 2^32 floats and prints the largest error beside the contract:
//   exhaustive_float32 [name...]        (all of them without a name: about 2 minutes each)
// Built and run at every level by tools/exhaustive_float32.sh; too slow for CI.
#include <cstring>
#include <iostream>

#include "math_functions.h"

namespace {

using Floats = longtail::native<float>;
constexpr std::uint64_t kBlock = 1 << 14;

struct Worst {
  double error = 0;
  float argument = 0;
};

// Every float, or those from F::low on.
template <class F>
Worst over_all_floats(bool everywhere) {
  Worst worst;
  std::vector<float> arguments;
  for (std::uint64_t start = 0; start < (std::uint64_t(1) << 32); start += kBlock) {
    arguments.clear();
    for (std::uint64_t bits = start; bits < start + kBlock; ++bits) {
      const float x = test::from_pattern<float>(std::uint32_t(bits));
      if (everywhere || x >= float(F::low)) arguments.push_back(x);
    }
    const auto results = test::evaluate<Floats>(arguments, [](Floats x) { return F::ours(x); });
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      const double error = F::error(arguments[i], results[i]);
      if (!(error <= worst.error)) worst = {error, arguments[i]};
    }
  }
  return worst;
}

int failures = 0;

template <class F>
void report(bool everywhere, int count, char** names) {
  bool chosen = count == 0;
  for (int i = 0; i < count; ++i) chosen |= std::strcmp(names[i], F::name) == 0;
  if (!chosen) return;
  const Worst worst = over_all_floats<F>(everywhere);
  const bool kept = worst.error <= F::bound.in_float;
  failures += !kept;
  std::cout << F::name << ": " << worst.error << " at " << std::hexfloat << worst.argument
            << std::defaultfloat << (kept ? ", within " : ", EXCEEDS ") << F::bound.in_float
            << std::endl;
}

}  // namespace

int main(int argc, char** argv) {
  test::for_each_math_function([&]<class F>() { report<F>(true, argc - 1, argv + 1); });
  test::for_each_gamma_function([&]<class F>() { report<F>(false, argc - 1, argv + 1); });
  return failures == 0 ? 0 : 1;
}
