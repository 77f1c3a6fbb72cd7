#include "multigrid/dense.h"

#include <cmath>

namespace longtail::multigrid {

std::vector<double> inverse_of_positive(std::vector<double> a, std::int64_t n) {
  // a becomes L, with the reciprocals of its diagonal in their place.
  for (std::int64_t j = 0; j < n; ++j) {
    double pivot = a[j * n + j];
    for (std::int64_t k = 0; k < j; ++k) pivot -= a[j * n + k] * a[j * n + k];
    const double reciprocal = pivot > 0 ? 1 / std::sqrt(pivot) : 0;
    for (std::int64_t i = j + 1; i < n; ++i) {
      double sum = a[i * n + j];
      for (std::int64_t k = 0; k < j; ++k) sum -= a[i * n + k] * a[j * n + k];
      a[i * n + j] = sum * reciprocal;
    }
    a[j * n + j] = reciprocal;
  }
  std::vector<double> result(n * n, 0.0), column(n);
  for (std::int64_t c = 0; c < n; ++c) {
    for (std::int64_t i = 0; i < n; ++i) {  // L y = the c-th unit vector
      double sum = i == c ? 1 : 0;
      for (std::int64_t k = c; k < i; ++k) sum -= a[i * n + k] * column[k];
      column[i] = i < c ? 0 : sum * a[i * n + i];
    }
    for (std::int64_t i = n - 1; i >= 0; --i) {  // L^T x = y
      double sum = column[i];
      for (std::int64_t k = i + 1; k < n; ++k) sum -= a[k * n + i] * column[k];
      column[i] = sum * a[i * n + i];
      result[i * n + c] = column[i];
    }
  }
  return result;
}

void remove_constants(std::vector<double>& matrix, const std::vector<double>& volume) {
  const auto n = static_cast<std::int64_t>(volume.size());
  double whole = 0;
  for (const double each : volume) whole += each;
  for (std::int64_t j = 0; j < n; ++j) {
    double mean = 0;
    for (std::int64_t i = 0; i < n; ++i) mean += volume[i] / whole * matrix[i * n + j];
    for (std::int64_t i = 0; i < n; ++i) matrix[i * n + j] -= mean;
  }
  for (std::int64_t i = 0; i < n; ++i) {
    double of_constants = 0;
    for (std::int64_t j = 0; j < n; ++j) of_constants += matrix[i * n + j];
    for (std::int64_t j = 0; j < n; ++j) matrix[i * n + j] -= of_constants * volume[j] / whole;
  }
}

}  // namespace longtail::multigrid
