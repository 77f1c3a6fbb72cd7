// Calls the installed C++ API on its own buffers and prints what it finds.
#include <longtail/bessel/bessel.h>

#include <cmath>
#include <iostream>
#include <stdexcept>
#include <vector>

int main() {
  const std::vector<double> v = {0.5};
  const std::vector<double> x = {0.5, 1.0, 2.0};
  std::vector<double> out(x.size());
  longtail::log_bessel_i(v, x, out);
  for (std::size_t k = 0; k < x.size(); ++k) {
    // I_{1/2}(x) = sqrt(2 / (pi x)) sinh x
    const double expected = std::log(std::sqrt(2 / (M_PI * x[k])) * std::sinh(x[k]));
    if (std::abs(out[k] - expected) > 1e-14) return 1;
  }
  try {
    longtail::log_bessel_i(x, v, std::span(out).first(2));
    return 2;
  } catch (const std::invalid_argument& error) {
    std::cout << error.what() << "\n";
  }
  return 0;
}
