// Problems for the CUDA kernels of Kolmogorov-Arnold layers.
#pragma once

#include "numbers_near.h"
#include "rational/kan.h"

namespace kan_case {

using namespace longtail;

using namespace numbers_near;

// Functions over [-1, 1], the same for all inputs or a little apart.
inline rational::Basis make_basis(const rational::BasisShape& shape, std::int64_t inputs,
                                  bool shared) {
  rational::Basis basis{shape, inputs, shared ? 1 : inputs, {}, {}};
  const bool table = rational::table_rows(shape) > 0;
  for (std::int64_t i = 0; table && i < basis.rows_of_table; ++i) {
    const double shift = 0.01 * static_cast<double>(i);
    const int count = rational::parameters_of_input(shape);
    for (int k = 0; k < count; ++k) {
      const double at = -1.1 + 2.2 * (k + 0.5) / count + shift;
      if (shape.kind == rational::BasisKind::relu_window) {
        basis.first.push_back(at - 0.45 - 0.02 * k);
        basis.second.push_back(at + 0.4);
      } else {
        basis.first.push_back(at);
        if (shape.kind != rational::BasisKind::bspline) basis.second.push_back(0.3 + 0.05 * k);
      }
    }
  }
  return basis;
}

}  // namespace kan_case
