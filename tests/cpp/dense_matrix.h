// Small dense matrices, to see whole what a linear routine does.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "test.h"

namespace test {

using Numbers = std::vector<double>;

struct Matrix {
  std::int64_t rows, columns;
  Numbers entries;
  double& at(std::int64_t i, std::int64_t j) { return entries[i * columns + j]; }
  double at(std::int64_t i, std::int64_t j) const { return entries[i * columns + j]; }
};

inline Matrix zeros(std::int64_t rows, std::int64_t columns) {
  return {rows, columns, Numbers(rows * columns, 0.0)};
}

/// Columns are what apply(from, to) makes of unit vectors.
template <class Apply>
Matrix matrix_of(std::int64_t rows, std::int64_t columns, const Apply& apply) {
  Matrix result = zeros(rows, columns);
  for (std::int64_t j = 0; j < columns; ++j) {
    Numbers unit(columns, 0.0), image(rows);
    unit[j] = 1;
    apply(unit.data(), image.data());
    for (std::int64_t i = 0; i < rows; ++i) result.at(i, j) = image[i];
  }
  return result;
}

inline Matrix times(const Matrix& a, const Matrix& b) {
  Matrix result = zeros(a.rows, b.columns);
  for (std::int64_t i = 0; i < a.rows; ++i) {
    for (std::int64_t k = 0; k < a.columns; ++k) {
      if (a.at(i, k) == 0) continue;
      for (std::int64_t j = 0; j < b.columns; ++j) result.at(i, j) += a.at(i, k) * b.at(k, j);
    }
  }
  return result;
}

inline Numbers times(const Matrix& a, const Numbers& x) {
  Numbers result(a.rows, 0.0);
  for (std::int64_t i = 0; i < a.rows; ++i) {
    for (std::int64_t j = 0; j < a.columns; ++j) result[i] += a.at(i, j) * x[j];
  }
  return result;
}

inline Matrix transposed(const Matrix& a) {
  Matrix result = zeros(a.columns, a.rows);
  for (std::int64_t i = 0; i < a.rows; ++i) {
    for (std::int64_t j = 0; j < a.columns; ++j) result.at(j, i) = a.at(i, j);
  }
  return result;
}

/// The Kronecker product: of matrices along axes, that of the grid.
inline Matrix kron(const Matrix& a, const Matrix& b) {
  Matrix result = zeros(a.rows * b.rows, a.columns * b.columns);
  for (std::int64_t i = 0; i < result.rows; ++i) {
    for (std::int64_t j = 0; j < result.columns; ++j) {
      result.at(i, j) = a.at(i / b.rows, j / b.columns) * b.at(i % b.rows, j % b.columns);
    }
  }
  return result;
}

inline Matrix identity(std::int64_t n) {
  Matrix result = zeros(n, n);
  for (std::int64_t i = 0; i < n; ++i) result.at(i, i) = 1;
  return result;
}

/// The largest difference in units of the largest number of b; infinite for a nan.
inline double difference(const Numbers& a, const Numbers& b) {
  CHECK_EQUAL(a.size(), b.size());
  double apart = 0, largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double here = std::abs(a[i] - b[i]);
    if (!(here < INFINITY)) return INFINITY;
    apart = std::max(apart, here);
    largest = std::max(largest, std::abs(b[i]));
  }
  return apart == 0 ? 0 : apart / largest;
}
inline double difference(const Matrix& a, const Matrix& b) {
  CHECK_EQUAL(a.rows, b.rows);
  CHECK_EQUAL(a.columns, b.columns);
  return difference(a.entries, b.entries);
}

}  // namespace test
