// The CUDA kernels of poisson_solve and diffusion_solve, run on the CPU by simt/cuda_runtime.h,
// beside the CPU's own solvers: sizes, boundaries, batches that converge one after the other.
#include "cuda/multigrid/diffusion_steps.cuh"
#include "cuda/multigrid/poisson_steps.cuh"
#include "test.h"

#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>
#include <vector>

namespace {

using namespace longtail;
using multigrid::Axis;
using multigrid::Side;

struct OnFibres {
  template <class... P, class... A>
  void operator()(void (*kernel)(P...), dim3 grid, int threads, std::size_t shared,
                  const A&... arguments) const {
    grid.y = std::min(grid.y, 2u);  // each has to go on to the next problems
    simt::launch(grid, threads, [&] { kernel(arguments...); }, shared);
  }
  int read(const int* from) const {
    ++looks;
    return *from;
  }
  mutable int looks = 0;
};

/// Noise in -1 ... 1.
std::vector<double> noise(std::int64_t count, unsigned seed) {
  std::mt19937 bits(seed);
  std::vector<double> result(count);
  for (double& each : result) each = static_cast<double>(bits()) * 0x1p-31 - 1;
  return result;
}

template <class E>
double relative(const std::vector<E>& got, const std::vector<E>& expected) {
  double error = 0, size = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const auto a = static_cast<double>(got[i]), b = static_cast<double>(expected[i]);
    error += (a - b) * (a - b);
    size += b * b;
  }
  return size > 0 ? std::sqrt(error / size) : std::sqrt(error);
}

/// Memory as a GPU gives it: full of nans.
class Unwritten {
 public:
  explicit Unwritten(std::int64_t bytes) : buffer_(bytes) {
    std::fill_n(buffer_.as<unsigned char>(), bytes, static_cast<unsigned char>(0xff));
  }
  std::byte* data() const { return buffer_.as<std::byte>(); }

 private:
  Buffer buffer_;
};

struct Reported {
  explicit Reported(std::int64_t batch) : iterations(batch), residual(batch), returned(batch) {}
  std::vector<std::int64_t> iterations;
  std::vector<double> residual, returned;
};

template <class E>
struct Solved {
  std::vector<E> u;
  Reported report;
};

template <class E>
Solved<E> poisson_on_fibres(const multigrid::Box& box, std::int64_t batch, const std::vector<E>& f,
                            const E* initial, const cuda::PoissonOptions& options,
                            int* looks = nullptr) {
  const cuda::PoissonPlan plan(box, batch, options);
  cuda::PoissonViews views;
  const Unwritten memory(views.place(plan, nullptr));
  views.place(plan, memory.data());
  const OnFibres launch;
  Solved<E> result{std::vector<E>(f.size()), Reported(batch)};
  Reported& report = result.report;
  cuda::PoissonSteps<E, OnFibres>(plan, views, launch)
      .solve(f.data(), initial, result.u.data(),
             {report.iterations.data(), report.residual.data(), report.returned.data()});
  if (looks) *looks = launch.looks;
  return result;
}

template <class E>
Solved<E> poisson_on_cpu(const multigrid::Box& box, std::int64_t batch, const std::vector<E>& f,
                         const E* initial, double tolerance, int most) {
  Solved<E> result{std::vector<E>(f.size()), Reported(batch)};
  Reported& report = result.report;
  multigrid::poisson_solve(
      box, batch, sizeof(E) == 8 ? DType::float64 : DType::float32, f.data(), initial,
      result.u.data(), {tolerance, most, {}},
      {report.iterations.data(), report.residual.data(), report.returned.data()});
  return result;
}

struct PoissonCase {
  std::vector<std::int64_t> sizes;
  std::vector<std::pair<Side, Side>> sides;
  bool cell = false;
  std::vector<double> spacings = {1, 1, 1};
  std::int64_t shared_bytes = 4096;  // so that there are large levels too
};

multigrid::Box box_of(const PoissonCase& of) {
  std::vector<Axis> axes;
  for (std::size_t d = 0; d < of.sizes.size(); ++d) {
    const auto& [left, right] = of.sides[d % of.sides.size()];
    axes.push_back({of.sizes[d], of.spacings[d], left, right, of.cell});
  }
  return multigrid::make_box(axes);
}

template <class E>
void compare_poisson(const PoissonCase& of, bool with_initial = false) {
  const multigrid::Box box = box_of(of);
  const std::int64_t batch = 3, points = box.points();
  const std::vector<double> numbers = noise(batch * points, 5), first = noise(batch * points, 6);
  std::vector<E> f(numbers.begin(), numbers.end()), initial(first.begin(), first.end());
  // A problem that is smooth converges later than noise; another is done at once.
  for (std::int64_t i = 0; i < points; ++i) f[points + i] = E(0);
  const double tolerance = sizeof(E) == 8 ? 1e-9 : 1e-5;
  const E* const from = with_initial ? initial.data() : nullptr;
  const auto cpu = poisson_on_cpu(box, batch, f, from, tolerance, 40);
  const auto gpu = poisson_on_fibres(box, batch, f, from, {tolerance, 40, 1, of.shared_bytes});
  CHECK(relative(gpu.u, cpu.u) <= (sizeof(E) == 8 ? 1e-9 : 1e-6));
  for (std::int64_t b = 0; b < batch; ++b) {
    CHECK(std::abs(gpu.report.iterations[b] - cpu.report.iterations[b]) <= 1);
    CHECK(gpu.report.residual[b] <= tolerance);
    if (gpu.report.iterations[b] == cpu.report.iterations[b]) {
      CHECK(std::abs(gpu.report.residual[b] - cpu.report.residual[b]) <=
            0.01 * cpu.report.residual[b]);
    }
    CHECK(std::abs(gpu.report.returned[b] - cpu.report.returned[b]) <=
          0.1 * cpu.report.returned[b] + 1e-12);
  }
  CHECK_EQUAL(gpu.report.iterations[1], 0);
}

constexpr std::pair<Side, Side> kDirichlet = {Side::dirichlet, Side::dirichlet};
constexpr std::pair<Side, Side> kNeumann = {Side::neumann, Side::neumann};
constexpr std::pair<Side, Side> kPeriodic = {Side::periodic, Side::periodic};
constexpr std::pair<Side, Side> kLeft = {Side::dirichlet, Side::neumann};
constexpr std::pair<Side, Side> kRight = {Side::neumann, Side::dirichlet};

/// The tables on the device beside those of the CPU, of every level.
TEST(tables_from_patterns) {
  for (const bool cell : {false, true}) {
    for (const auto& sides : {kDirichlet, kNeumann, kPeriodic, kLeft, kRight}) {
      for (const std::int64_t size : {17, 18, 19, 20, 31, 33, 36, 37, 64, 90, 127, 143}) {
        const multigrid::Box box = box_of({{size, 40}, {sides}, cell, {1, 1.3}});
        const cuda::PoissonPlan plan(box, 1, {1e-8, 10});
        cuda::PoissonViews views;
        const Unwritten memory(views.place(plan, nullptr));
        views.place(plan, memory.data());
        cuda::write_tables(plan, views, OnFibres());
        const multigrid::Hierarchy<float> expected(plan.boxes[0]);
        CHECK_EQUAL(views.levels.size(), expected.levels().size());
        for (std::size_t i = 0; i < views.levels.size(); ++i) {
          const multigrid::Level<float>& level = expected.levels()[i];
          const multigrid::AxisView<float>* axes[3] = {&level.view.planes, &level.view.rows,
                                                       &level.view.points};
          for (int d = 0; d < 3; ++d) {
            const multigrid::AxisView<float>& mine = views.levels[i].box.axes[d];
            const auto near = [](float a, float b) {
              return std::abs(a - b) <= 1e-6f * (1 + std::abs(b));
            };
            CHECK_EQUAL(mine.size, axes[d]->size);
            for (std::int64_t x = 0; x < mine.size; ++x) {
              CHECK(near(mine.lower[x], axes[d]->lower[x]));
              CHECK(near(mine.upper[x], axes[d]->upper[x]));
              CHECK(near(mine.diagonal[x], axes[d]->diagonal[x]));
            }
            if (i + 1 == views.levels.size()) continue;
            const auto& up = level.transfers.up[d];
            const auto& my_up = views.levels[i].transfers.up[d];
            for (std::int64_t x = 0; x < mine.size; ++x) {
              for (int k = 0; k < 2; ++k) {
                CHECK(near(my_up.weights[k][x], up.weights[k][x]));
                CHECK(up.weights[k][x] == 0 || my_up.points[k][x] == up.points[k][x]);
              }
            }
            const auto& down = level.transfers.down[d];
            const auto& my_down = views.levels[i].transfers.down[d];
            for (std::int64_t k = 0;
                 k < views.levels[i + 1].box.axes[d].size * multigrid::kMostFine; ++k) {
              CHECK(near(my_down.weights[k], down.weights[k]));
              CHECK(down.weights[k] == 0 || my_down.points[k] == down.points[k]);
            }
          }
        }
      }
    }
  }
}

TEST(poisson_sizes) {
  compare_poisson<double>({{31, 31}, {kDirichlet}});
  compare_poisson<double>({{63, 50}, {kDirichlet}});
  compare_poisson<float>({{37, 65}, {kDirichlet}});
  compare_poisson<double>({{1, 1}, {kDirichlet}});
  compare_poisson<double>({{1, 70}, {kDirichlet}});
  compare_poisson<double>({{70, 1}, {kDirichlet}});
  compare_poisson<double>({{2, 3}, {kDirichlet}});
  compare_poisson<double>({{63, 63}, {kDirichlet}, false, {1, 1, 1}, 96 << 10});
  compare_poisson<double>({{40, 41}, {kDirichlet}}, true);
  compare_poisson<float>({{40, 41}, {kDirichlet}, true}, true);
}

TEST(poisson_sides) {
  for (const bool cell : {false, true}) {
    compare_poisson<double>({{33, 40}, {kNeumann}, cell});
    compare_poisson<double>({{33, 40}, {kPeriodic}, cell});  // an odd one
    compare_poisson<double>({{33, 39}, {kPeriodic, kDirichlet}, cell});
    compare_poisson<float>({{32, 45}, {kLeft, kPeriodic}, cell});
    compare_poisson<double>({{38, 33}, {kRight, kLeft}, cell});
    compare_poisson<double>({{33, 40}, {kNeumann, kPeriodic}, cell}, true);
  }
  compare_poisson<double>({{33, 40}, {kPeriodic}, false, {1, 1, 1}, 96 << 10});
}

TEST(poisson_boxes) {
  compare_poisson<double>({{15, 15, 15}, {kDirichlet}});
  compare_poisson<double>({{9, 14, 21}, {kPeriodic, kDirichlet, kNeumann}});
  compare_poisson<float>({{12, 9, 17}, {kNeumann, kLeft, kPeriodic}, true});
  compare_poisson<double>({{40, 40}, {kDirichlet}, false, {1, 7.3, 1}});
  compare_poisson<double>({{7, 30, 12}, {kNeumann}, true, {0.3, 0.01, 0.1}});
}

TEST(poisson_without_a_look) {
  const multigrid::Box box = box_of({{31, 31}, {kDirichlet}});
  const std::vector<double> f = noise(2 * box.points(), 7);
  int looks = -1;
  const auto fixed = poisson_on_fibres<double>(box, 2, f, nullptr, {0, 6, 1, 4096}, &looks);
  CHECK_EQUAL(looks, 0);
  CHECK_EQUAL(fixed.report.iterations[0], 6);
  CHECK_EQUAL(fixed.report.iterations[1], 6);
  const auto none = poisson_on_fibres<double>(box, 2, f, nullptr, {1e-8, 0, 1, 4096}, &looks);
  CHECK_EQUAL(none.report.iterations[0], 0);
  CHECK_EQUAL(none.report.residual[0], 1.0);
  // The bits do not depend on what is in shared memory.
  const auto shared = poisson_on_fibres<double>(box, 2, f, nullptr, {0, 6});
  CHECK(shared.u == fixed.u);
}

TEST(poisson_of_nan) {
  const multigrid::Box box = box_of({{20, 21}, {kDirichlet}});
  std::vector<double> f = noise(2 * box.points(), 8);
  f[30] = std::numeric_limits<double>::quiet_NaN();
  const auto cpu = poisson_on_cpu<double>(box, 2, f, nullptr, 1e-8, 40);
  const auto gpu = poisson_on_fibres<double>(box, 2, f, nullptr, {1e-8, 40});
  CHECK(std::isnan(gpu.report.residual[0]));
  CHECK_EQUAL(gpu.report.iterations[0], cpu.report.iterations[0]);
  CHECK(gpu.report.residual[1] <= 1e-8);
}

struct DiffusionCase {
  std::vector<std::int64_t> sizes;
  std::vector<bool> periodic;
  bool closed = false;  // Neumann sides instead of Dirichlet
  double contrast = 10;
  std::vector<double> spacings = {1, 1, 1};
  std::int64_t shared_bytes = 2048;
};

multigrid::DiffusionShape shape_of(const DiffusionCase& of) {
  multigrid::DiffusionShape shape{of.sizes.size() == 2, {1, 1, 1}, {}, {1, 1, 1}};
  const std::size_t missing = 3 - of.sizes.size();
  for (std::size_t d = 0; d < of.sizes.size(); ++d) {
    shape.sizes[missing + d] = of.sizes[d];
    shape.periodic[missing + d] = of.periodic[d % of.periodic.size()];
    shape.spacings[missing + d] = of.spacings[d];
  }
  return shape;
}

/// Of cells of two phases in random places: the harmonic means of neighbours.
std::vector<double> faces_across(int axis, const DiffusionCase& of, std::int64_t systems) {
  const multigrid::DiffusionShape shape = shape_of(of);
  const std::int64_t* const n = shape.sizes;
  const std::vector<double> phases = noise(systems * n[0] * n[1] * n[2], 20);
  std::int64_t sizes[3] = {n[0], n[1], n[2]};
  sizes[axis] += 1;
  const double h = shape.spacings[axis];
  std::vector<double> result;
  for (std::int64_t i = 0; i < systems * sizes[0] * sizes[1] * sizes[2]; ++i) {
    std::int64_t place[3], rest = i;
    for (int d = 3; d-- > 0; rest /= sizes[d]) place[d] = rest % sizes[d];
    const auto cell = [&](std::int64_t at) {
      std::int64_t to[3] = {place[0], place[1], place[2]};
      to[axis] = (at + n[axis]) % n[axis];
      return phases[((rest * n[0] + to[0]) * n[1] + to[1]) * n[2] + to[2]] > 0.3 ? of.contrast : 1;
    };
    const double front = cell(place[axis] - 1), behind = cell(place[axis]);
    double face = 2 * front * behind / (front + behind);
    const bool end = place[axis] == 0 || place[axis] == n[axis];
    if (end && !shape.periodic[axis]) {
      face = of.closed ? 0 : 2 * (place[axis] == 0 ? behind : front);
    }
    result.push_back(face / (h * h));
  }
  return result;
}

void compare_diffusion(const DiffusionCase& of, std::int64_t systems = 1,
                       bool with_initial = false) {
  const multigrid::DiffusionShape shape = shape_of(of);
  const std::int64_t points = shape.sizes[0] * shape.sizes[1] * shape.sizes[2];
  const std::int64_t batch = systems > 1 ? systems : 3;
  std::vector<double> faces[3], f = noise(batch * points, 30), first = noise(batch * points, 31);
  for (std::int64_t i = 0; i < points; ++i) f[points + i] = 0;  // done at once
  const double* pointers[3] = {};
  for (int axis = shape.flat ? 1 : 0; axis < 3; ++axis) {
    faces[axis] = faces_across(axis, of, systems);
    pointers[axis] = faces[axis].data();
  }
  const double* const initial = with_initial ? first.data() : nullptr;
  const double tolerance = 1e-9;
  const int most = 60;
  Solved<double> cpu{std::vector<double>(f.size()), Reported(batch)}, gpu = cpu;
  multigrid::DiffusionProblems problems{systems, batch, {}, f.data(), initial, cpu.u.data()};
  std::copy_n(pointers, 3, problems.faces);
  multigrid::diffusion_solve(shape, problems, {tolerance, most, {}},
                             {cpu.report.iterations.data(), cpu.report.residual.data(), nullptr});

  const cuda::DiffusionPlan plan(shape, systems, batch, {tolerance, most, of.shared_bytes});
  cuda::DiffusionViews views;
  const Unwritten memory(views.place(plan, nullptr));
  views.place(plan, memory.data());
  const OnFibres launch;
  const cuda::DiffusionSteps<OnFibres> steps(plan, views, launch);
  steps.prepare(pointers);
  steps.solve(f.data(), initial, gpu.u.data(),
              {gpu.report.iterations.data(), gpu.report.residual.data()});
  CHECK(relative(gpu.u, cpu.u) <= 1e-8);
  for (std::int64_t b = 0; b < batch; ++b) {
    CHECK(std::abs(gpu.report.iterations[b] - cpu.report.iterations[b]) <= 1);
    CHECK(gpu.report.residual[b] <= tolerance);
  }
  // Nothing to do, nothing done.
  if (!with_initial) CHECK_EQUAL(gpu.report.iterations[1], 0);
}

TEST(diffusion_sizes) {
  compare_diffusion({{31, 31}, {false}});
  compare_diffusion({{40, 37}, {false}});
  compare_diffusion({{1, 50}, {false}});
  compare_diffusion({{50, 1}, {false}});
  compare_diffusion({{1, 1}, {false}});
  compare_diffusion({{33, 30}, {false}}, 3);
  compare_diffusion({{33, 30}, {false}, false, 1000}, 2, true);
  compare_diffusion({{63, 60}, {false}, false, 1000, {1, 1, 1}, 96 << 10});
}

TEST(diffusion_sides) {
  compare_diffusion({{32, 40}, {true}});
  compare_diffusion({{33, 41}, {true}});  // odd: seams
  compare_diffusion({{33, 40}, {true, false}, true, 1000});
  compare_diffusion({{30, 37}, {false}, true}, 3, true);
  compare_diffusion({{33, 41}, {true}, false, 100, {1, 1, 1}, 96 << 10}, 2);
  compare_diffusion({{40, 40}, {false, true}, false, 10, {1, 5.3, 1}});
}

TEST(diffusion_boxes) {
  compare_diffusion({{11, 12, 13}, {false}, false, 1000});
  compare_diffusion({{9, 12, 11}, {true, false, true}}, 2);
  compare_diffusion({{7, 10, 9}, {true}}, 1, true);
  compare_diffusion({{6, 14, 9}, {false}, true, 100, {2, 1, 1}});
}

}  // namespace
