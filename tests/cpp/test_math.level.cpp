// The elementary functions against 113-bit (double) and double (float) references, within the
// bounds of core/contract.h.
#include "errors.h"
#include "math_functions.h"

namespace {

constexpr std::size_t kFloats = std::size_t(1) << (test::kEmulated ? 18 : 22);
constexpr std::size_t kDoubles = std::size_t(1) << (test::kEmulated ? 14 : 19);
constexpr std::size_t kFew = std::size_t(1) << 13;

using Floats = longtail::native<float>;
using Doubles = longtail::native<double>;

TEST(float_sample) {
  const auto sample = test::stratified_floats(kFloats);
  test::for_each_math_function([&]<class F>() { test::check_contract<F, Floats>(sample); });
}

TEST(double_sample) {
  test::for_each_math_function([]<class F>() {
    test::check_contract<F, Doubles>(test::mixed_doubles(kDoubles, F::low, F::high));
  });
}

TEST(edge_cases) {
  test::for_each_math_function([]<class F>() {
    test::check_contract<F, Floats>(test::edge_cases<float>());
    test::check_contract<F, Doubles>(test::edge_cases<double>());
  });
}

// The remainders of loops run on plain scalars at every level.
TEST(scalars_at_this_level) {
  const auto floats = test::stratified_floats(kFew);
  test::for_each_math_function([&]<class F>() {
    test::check_contract<F, float>(floats);
    test::check_contract<F, double>(test::mixed_doubles(kFew, F::low, F::high));
  });
}

}  // namespace
