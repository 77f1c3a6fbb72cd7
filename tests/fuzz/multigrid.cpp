// Solvers and operations on grids of every kind, convolutions on grids.
#include "input.h"
#include "multigrid/diffusion.h"
#include "multigrid/grid_ops.h"
#include "multigrid/grid_transfer.h"
#include "multigrid/poisson.h"
#include "multigrid/side_by_side.h"
#include "multigrid/winograd.h"

namespace longtail::fuzz {
namespace {

using namespace multigrid;

double spacing(Input& input) { return input.one_of({1.0, 0.1, 0.25, 3.0, 1e-3, 40.0}); }

const double* numbers(const Memory& memory) { return static_cast<const double*>(memory.data()); }
double* numbers(Memory& memory) { return static_cast<double*>(memory.data()); }
const float* floats(const Memory& memory) { return static_cast<const float*>(memory.data()); }
float* floats(Memory& memory) { return static_cast<float*>(memory.data()); }

/// What solve() writes beside the solution.
struct Report {
  explicit Report(std::int64_t batch)
      : iterations(static_cast<std::size_t>(batch)),
        residual(DType::float64, batch),
        returned(DType::float64, batch) {}

  std::vector<std::int64_t> iterations;
  Memory residual, returned;

  SolveReport to() { return {iterations.data(), numbers(residual), numbers(returned)}; }
};

void poisson(Input& input) {
  const bool cell = input.flag();
  const std::int64_t longest = input.flag() ? 33 : 9;
  std::vector<Axis> axes;
  std::int64_t points = 1;
  for (std::int64_t dims = input.between(2, 3); dims > 0; --dims) {
    const auto left = input.one_of({Side::dirichlet, Side::neumann, Side::periodic});
    const auto right = input.one_of({Side::dirichlet, Side::neumann});
    const bool ends = !cell && (left == Side::neumann || right == Side::neumann);
    const std::int64_t size = input.between(ends ? 2 : 1, longest);
    axes.push_back({size, spacing(input), left, left == Side::periodic ? left : right, cell});
    points *= size;
  }
  const std::int64_t batch = input.between(0, 2);
  const DType dtype = input.flag() ? DType::float64 : DType::float32;
  SolveOptions options{1e-6, int(input.between(0, 12)), {}};
  options.cycle.before = int(input.between(0, 2));
  options.cycle.after = int(input.between(options.cycle.before == 0 ? 1 : 0, 2));
  const bool extremes = input.flag();
  const Memory f = input.elements(dtype, batch * points, extremes);
  const Memory initial = input.elements(dtype, batch * points);
  const bool has_initial = input.flag();
  Memory u(dtype, batch * points);
  Report report(batch);
  const Box box = make_box(axes);
  runs_alike({&u, &report.residual, &report.returned}, [&](const ParallelFor& each) {
    poisson_solve(box, batch, dtype, f.data(), has_initial ? initial.data() : nullptr, u.data(),
                  options, report.to(), each);
  });
  require(extremes || !u.has_nan(), "nan of numbers");
}

/// A grid of varying coefficients: positive weights of all faces.
struct Grid {
  DiffusionShape shape;
  std::int64_t systems, points;
  std::vector<double> weights[3];
  const double* faces[3];
};

Grid grid_of(Input& input) {
  Grid grid{};
  DiffusionShape& shape = grid.shape;
  shape.flat = input.flag();
  const std::int64_t longest = shape.flat ? 40 : 9;
  grid.systems = input.between(1, 2);
  grid.points = 1;
  for (int axis = 0; axis < 3; ++axis) {
    const bool none = shape.flat && axis == 0;
    shape.sizes[axis] = none ? 1 : input.between(1, longest);
    shape.periodic[axis] = !none && input.flag();
    shape.spacings[axis] = spacing(input);
    grid.points *= shape.sizes[axis];
  }
  for (int axis = shape.flat ? 1 : 0; axis < 3; ++axis) {
    const std::int64_t n = shape.sizes[axis];
    const double unit = 1 / (shape.spacings[axis] * shape.spacings[axis]);
    for (const double each : input.doubles(grid.systems * grid.points / n * (n + 1))) {
      grid.weights[axis].push_back(unit * std::exp2(each));
    }
    grid.faces[axis] = grid.weights[axis].data();
  }
  return grid;
}

void diffusion(Input& input) {
  const Grid grid = grid_of(input);
  const std::int64_t batch = grid.systems * input.between(0, 1) + (grid.systems == 1 ? 1 : 0);
  const bool extremes = input.flag(), has_initial = input.flag();
  SolveOptions options{1e-8, int(input.between(0, 12)), {}};
  const Memory f = input.elements(DType::float64, batch * grid.points, extremes);
  const Memory initial = input.elements(DType::float64, batch * grid.points);
  Memory u(DType::float64, batch * grid.points);
  Report report(batch);
  const auto solve = [&]<class C>(C*) {
    const double* const* const w = grid.faces;
    const DiffusionProblems<C> problems{
        grid.systems, batch,      {w[0], w[1], w[2]},
        nullptr,      numbers(f), has_initial ? numbers(initial) : nullptr,
        numbers(u)};
    runs_alike({&u, &report.residual}, [&](const ParallelFor& each) {
      diffusion_solve(grid.shape, problems, options, report.to(), each);
    });
  };
  if (input.flag()) {
    solve(static_cast<double*>(nullptr));
  } else {
    solve(static_cast<float*>(nullptr));
  }
  require(extremes || !u.has_nan(), "nan of numbers");
}

template <class S>
void operations(Input& input, DType dtype) {
  const Grid grid = grid_of(input);
  const StencilPlan plan = plan_levels<S>(grid.shape);
  std::vector<S> memory(static_cast<std::size_t>(grid.systems * plan.numbers));
  diffusion_hierarchy(grid.shape, grid.systems, grid.faces, memory.data());
  const auto level = std::size_t(input.between(0, std::int64_t(plan.levels.size()) - 1));
  const GridOperators<S> a{plan, memory.data(), grid.systems, level};
  const std::int64_t batch = grid.systems * input.between(0, 2);
  const std::int64_t points = plan.levels[level].shape.points();
  const auto smoother = input.one_of({Smoother::colours, Smoother::jacobi, Smoother::chebyshev});
  StencilMethod method;
  method.smoother = smoother;
  method.before = int(input.between(0, 2));
  method.after = int(input.between(0, 2));
  method.omega = 0.75;
  const bool reverse = input.flag(), from_zero = input.flag(), down = !plan.levels[level].last;
  const std::int64_t coarse_points = down ? plan.levels[level + 1].shape.points() : 0;
  const Memory u = input.elements(dtype, batch * points), f = input.elements(dtype, batch * points);
  const Memory e = input.elements(dtype, batch * coarse_points);
  Memory applied(dtype, u.count()), smoothed(dtype, u.count()), cycled(dtype, u.count());
  Memory coarse(dtype, e.count()), fine(dtype, down ? u.count() : 0);
  const auto in = [](const Memory& m) { return static_cast<const S*>(m.data()); };
  const auto out = [](Memory& m) { return static_cast<S*>(m.data()); };
  const S* start = from_zero ? nullptr : in(u);
  runs_alike({&applied, &smoothed, &cycled, &coarse, &fine}, [&](const ParallelFor& each) {
    grid_apply(a, batch, in(u), out(applied), each);
    grid_smooth(a, method, method.before, reverse, batch, start, in(f), out(smoothed), each);
    grid_cycle(a, method, batch, start, in(f), out(cycled), each);
    if (!down) return;
    grid_restrict(a, batch, in(f), out(coarse), each);
    grid_prolong(a, batch, in(e), out(fine), each);
  });
  require(!applied.has_nan() && !smoothed.has_nan() && !cycled.has_nan(), "nan of numbers");
}

void side_by_side(Input& input) {
  SideBySide problems{};
  problems.batch = input.between(1, 20);
  problems.rows = input.between(1, 40);
  problems.columns = input.between(1, 40);
  problems.row_spacing = spacing(input);
  problems.column_spacing = input.flag() ? problems.row_spacing : spacing(input);
  if (!fits_side_by_side(problems.rows, problems.columns, problems.row_spacing,
                         problems.column_spacing)) {
    return;
  }
  const std::int64_t points = problems.rows * problems.columns;
  std::vector<double> a;
  for (const double each : input.doubles(problems.batch * points)) a.push_back(std::exp2(each));
  const Memory f = input.elements(DType::float64, points, input.flag());
  problems.a = a.data();
  problems.f = numbers(f);
  problems.tolerance = 1e-8;
  problems.most_iterations = int(input.between(0, 12));
  Memory u(DType::float64, problems.batch * points);
  Report report(problems.batch);
  problems.u = numbers(u);
  problems.iterations = report.iterations.data();
  problems.residual = numbers(report.residual);
  runs_alike({&u, &report.residual},
             [&](const ParallelFor& each) { solve_side_by_side(problems, each); });
}

void convolutions(Input& input) {
  const GridConvShape s{input.between(0, 2), input.between(1, 20), input.between(1, 20),
                        input.between(1, 20), input.between(1, 20)};
  const TransferShape t{s.batch, s.height, s.width, s.out, s.in, input.flag() ? 3 : 4};
  const std::int64_t fine = s.batch * s.height * s.width;
  const std::int64_t coarse = s.batch * ((s.height + 1) / 2) * ((s.width + 1) / 2);
  const bool adjoint = input.flag(), has_add = input.flag(), has_bias = input.flag();
  const auto drawn = [&](std::int64_t count) { return input.elements(DType::float32, count); };
  const Memory x = drawn(fine * s.in), w = drawn(s.in * s.out * 9), add = drawn(fine * s.out);
  const Memory bias = drawn(s.out), grad = drawn(fine * s.out), add_in = drawn(fine * s.in);
  const Memory taps = drawn(s.in * s.out * t.taps * t.taps), below = drawn(coarse * s.out);
  const Memory bias_in = drawn(s.in);
  Memory y(DType::float32, fine * s.out), dw(DType::float32, w.count());
  Memory up(DType::float32, x.count()), down(DType::float32, below.count());
  Memory dtaps(DType::float32, taps.count());
  runs_alike({&y, &dw, &up, &down, &dtaps}, [&](const ParallelFor& each) {
    grid_conv(s, adjoint, floats(x), floats(w), has_add ? floats(add) : nullptr,
              has_bias ? floats(bias) : nullptr, floats(y), each);
    grid_conv_weight(s, floats(grad), floats(x), floats(dw), each);
    grid_up(t, floats(below), floats(taps), has_add ? floats(add_in) : nullptr,
            has_bias ? floats(bias_in) : nullptr, floats(up), each);
    grid_down(t, floats(x), floats(taps), floats(down), each);
    grid_transfer_weight(t, floats(below), floats(x), floats(dtaps), each);
  });
  require(!y.has_nan() && !dw.has_nan() && !up.has_nan() && !down.has_nan(), "nan of numbers");
}

}  // namespace
}  // namespace longtail::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace longtail;
  fuzz::Input input(data, size);
  switch (input.between(0, 5)) {
    case 0:
      fuzz::poisson(input);
      break;
    case 1:
      fuzz::diffusion(input);
      break;
    case 2:
      fuzz::operations<double>(input, DType::float64);
      break;
    case 3:
      fuzz::operations<float>(input, DType::float32);
      break;
    case 4:
      fuzz::side_by_side(input);
      break;
    default:
      fuzz::convolutions(input);
  }
  return 0;
}
