// Problems side by side in lanes of float32 vectors, beside the solver of diffusion.h in float64.
#include <cmath>
#include <vector>

#include "dense_matrix.h"
#include "errors.h"
#include "multigrid/diffusion.h"
#include "multigrid/side_by_side.h"
#include "this_level.h"

namespace longtail::multigrid {
namespace {

using test::Numbers;

struct Size {
  std::int64_t rows, columns;
  double row_spacing, column_spacing;
  std::int64_t points() const { return rows * columns; }
};

/// A few more problems than fill a vector of the widest level.
constexpr std::int64_t kBatch = 19;

/// Blocks of 5 x 7 cells, by chance of 1 or of `contrast`.
Numbers two_phases(const Size& size, double contrast, test::Random& random) {
  const std::int64_t across = (size.columns + 6) / 7;
  Numbers blocks((size.rows + 4) / 5 * across), a;
  for (double& each : blocks) each = random.uniform(0, 1) < 0.5 ? 1 : contrast;
  for (std::int64_t y = 0; y < size.rows; ++y) {
    for (std::int64_t x = 0; x < size.columns; ++x) a.push_back(blocks[y / 5 * across + x / 7]);
  }
  return a;
}

/// Of n cells `step` apart in an array: harmonic means between two, twice the cell's at a side.
void faces_of_line(const double* a, std::int64_t n, std::int64_t step, double spacing,
                   double* faces) {
  const double unit = 2 / (spacing * spacing);
  faces[0] = unit * a[0];
  for (std::int64_t i = 1; i < n; ++i) {
    const double before = a[(i - 1) * step], behind = a[i * step];
    faces[i * step] = unit / (1 / before + 1 / behind);
  }
  faces[n * step] = unit * a[(n - 1) * step];
}

Numbers reference(const Size& size, const double* a, const Numbers& f) {
  Numbers north((size.rows + 1) * size.columns), west(size.rows * (size.columns + 1));
  for (std::int64_t x = 0; x < size.columns; ++x) {
    faces_of_line(a + x, size.rows, size.columns, size.row_spacing, north.data() + x);
  }
  for (std::int64_t y = 0; y < size.rows; ++y) {
    faces_of_line(a + y * size.columns, size.columns, 1, size.column_spacing,
                  west.data() + y * (size.columns + 1));
  }
  const DiffusionShape shape{
      true, {1, size.rows, size.columns}, {}, {1, size.row_spacing, size.column_spacing}};
  Numbers u(size.points());
  std::int64_t iterations = 0;
  double residual = 1;
  const DiffusionProblems<float> one{
      1, 1, {nullptr, north.data(), west.data()}, nullptr, f.data(), nullptr, u.data()};
  diffusion_solve(shape, one, {1e-12, 50, {}}, {&iterations, &residual, nullptr});
  CHECK(residual <= 1e-12);
  return u;
}

}  // namespace

TEST(solutions_are_those_of_diffusion) {
  test::Random random(21);
  // One level, several of odd and even sizes, and spacings that differ.
  const Size sizes[] = {{1, 1, 1, 1},
                        {5, 6, 0.2, 0.2},
                        {9, 8, 0.1, 0.19},
                        {33, 40, 1.0 / 33, 1.0 / 40},
                        {64, 64, 1.0 / 64, 1.0 / 64}};
  for (const Size& size : sizes) {
    for (const double contrast : {1.0, 1000.0}) {
      CHECK(fits_side_by_side(size.rows, size.columns, size.row_spacing, size.column_spacing));
      const std::int64_t n = size.points();
      Numbers a, f(n), u(kBatch * n, NAN), residual(kBatch, NAN);
      for (double& each : f) each = random.uniform(-1, 1);
      for (std::int64_t i = 0; i < kBatch; ++i) {
        const Numbers one = two_phases(size, contrast, random);
        a.insert(a.end(), one.begin(), one.end());
      }
      std::vector<std::int64_t> iterations(kBatch, -1);
      solve_side_by_side({kBatch, size.rows, size.columns, size.row_spacing, size.column_spacing,
                          a.data(), f.data(), 1e-11, 60, u.data(), iterations.data(),
                          residual.data()});
      for (std::int64_t i = 0; i < kBatch; ++i) {
        CHECK(residual[i] <= 1e-11);
        // Measured: at most 13 and 30. Blocks that touch at corners are hard.
        CHECK(iterations[i] >= 1 && iterations[i] <= (contrast == 1 ? 14 : 36));
        const Numbers got(u.begin() + i * n, u.begin() + (i + 1) * n);
        CHECK(test::difference(got, reference(size, a.data() + i * n, f)) < 1e-8);
      }
    }
  }
}

}  // namespace longtail::multigrid
