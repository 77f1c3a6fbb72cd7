#include "multigrid/diffusion.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>

#include "multigrid/conjugate_rows.h"

namespace longtail::multigrid {
namespace {

StencilView<double> view_of(const Stencil& stencil) {
  StencilView<double> view{};
  view.shape = stencil.shape;
  view.reach = stencil.reach;
  for (const int offset : offsets_before(stencil.reach)) {
    view.weights[offset] = stencil.weights[offset].data();
  }
  view.centre = stencil.centre.data();
  return view;
}

bool is_finite(const Stencil& stencil) {
  const GridShape& shape = stencil.shape;
  double sum = 0;
  for (std::int64_t line = 0; line < shape.lines(); ++line) {
    const double* const row = stencil.centre.data() + shape.line(line);
    for (std::int64_t x = 0; x < shape.sizes[2]; ++x) sum += 0 * row[x];
  }
  return sum == 0;
}

template <class C>
const ConjugateRows<C>& conjugate_rows() {
  static constexpr PerLevel<const BothPrecisions<ConjugateRows>*> levels =
      LONGTAIL_ADDRESS_PER_LEVEL(kConjugateRows);
  return levels[cpu_level()]->of<C>();
}

/// The vectors of conjugate gradients, with ghosts, and what is done to them line by line: sums are
/// those of lines, added up in their order.
class Vectors {
 public:
  Vectors(const StencilView<double>& view, const ParallelFor& parallel_for)
      : view_(view), parallel_for_(parallel_for), sums_(view.shape.lines()) {}

  const GridShape& shape() const { return view_.shape; }

  template <class Visit>
  void each(const Visit& visit) {
    const GridShape& shape = view_.shape;
    const std::int64_t grain = std::max<std::int64_t>(1, (1 << 14) / shape.sizes[2]);
    run_parallel(parallel_for_, 0, shape.lines(), grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t line = begin; line < end; ++line) visit(line, shape.line(line));
    });
  }
  /// The sum of what `visit` gives for each line.
  template <class Visit>
  double sum(const Visit& visit) {
    each([&](std::int64_t line, std::int64_t at) { sums_[line] = visit(line, at); });
    return std::accumulate(sums_.begin(), sums_.end(), 0.0);
  }
  double dot_all(const double* a, const double* b) {
    return sum([&](std::int64_t, std::int64_t at) {
      return conjugate_rows<double>().dot(view_.shape.sizes[2], a + at, b + at);
    });
  }
  /// The largest absolute value of `from`, which is contiguous; nan and infinities do not count.
  double largest(const double* from) {
    const std::int64_t n = view_.shape.sizes[2];
    each([&](std::int64_t line, std::int64_t) {
      double most = 0;
      for (std::int64_t x = 0; x < n; ++x) {
        const double size = std::abs(from[line * n + x]);
        if (size > most && size <= std::numeric_limits<double>::max()) most = size;
      }
      sums_[line] = most;
    });
    return *std::max_element(sums_.begin(), sums_.end());
  }
  /// to = A u; returns the sum of their products.
  double apply(const double* u, double* to) {
    return sum([&](std::int64_t line, std::int64_t at) { return apply_to(u, line, to + at); });
  }
  /// The same of a u whose lines `make` makes, each just before it is read.
  template <class Make>
  double make_and_apply(const Make& make, double* u, double* to) {
    const Pass making = plain_pass(0, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t line = begin; line < end; ++line) make(line, shape().line(line));
    });
    const Pass applying =
        plain_pass(neighbours(shape()), [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t line = begin; line < end; ++line) {
            sums_[line] = apply_to(u, line, to + shape().line(line));
          }
        });
    run_passes_on(shape(), u, {making, applying}, parallel_for_);
    return std::accumulate(sums_.begin(), sums_.end(), 0.0);
  }
  void remove_mean(double* a) {
    const double mean = sum([&](std::int64_t, std::int64_t at) {
                          return std::accumulate(a + at, a + at + view_.shape.sizes[2], 0.0);
                        }) /
                        static_cast<double>(view_.shape.points());
    each([&](std::int64_t, std::int64_t at) {
      for (std::int64_t x = 0; x < view_.shape.sizes[2]; ++x) a[at + x] -= mean;
    });
  }

 private:
  double apply_to(const double* u, std::int64_t line, double* to) const {
    return stencil_kernels<double>().apply(view_, u, line, to);
  }

  const StencilView<double>& view_;
  const ParallelFor& parallel_for_;
  std::vector<double> sums_;
};

/// About the largest of f, such that it and its inverse are numbers; 1 where f is 0.
double power_of_two(Vectors& vectors, const double* f) {
  const double largest = vectors.largest(f);
  return largest > 0 ? std::ldexp(1.0, std::clamp(std::ilogb(largest), -1000, 1000)) : 1.0;
}

/// One system: its finest operator in float64, its hierarchy in what cycles compute in.
template <class C>
class System {
 public:
  /// `memory` may be null: then the hierarchy is made.
  System(const DiffusionShape& shape, const StencilPlan& plan, const double* const faces[3],
         const C* memory)
      : stencil_(diffusion_stencil(shape, faces)),
        view_(view_of(stencil_)),
        singular_(is_singular(shape, faces)),
        finite_(is_finite(stencil_)),
        own_(memory ? Zeros<C>() : Zeros<C>(plan.numbers)),
        hierarchy_(plan, memory ? memory : made(plan)) {}

  /// f, u and, unless null, `initial`: one problem, contiguous.
  void solve(const double* f, const double* initial, double* u, const SolveOptions& options,
             std::int64_t& iterations, double& residual, const ParallelFor& parallel_for) const;

 private:
  const C* made(const StencilPlan& plan) {
    build_hierarchy(stencil_, plan, singular_, own_.data());
    return own_.data();
  }

  Stencil stencil_;
  StencilView<double> view_;
  bool singular_, finite_;
  Zeros<C> own_;
  StencilHierarchy<C> hierarchy_;
};

}  // namespace

template <class C>
void System<C>::solve(const double* f, const double* initial, double* u,
                      const SolveOptions& options, std::int64_t& iterations, double& residual,
                      const ParallelFor& parallel_for) const {
  const GridShape& shape = stencil_.shape;
  const std::int64_t n = shape.sizes[2];
  Vectors vectors(view_, parallel_for);
  Grid<double> x_grid(shape), r_grid(shape), p_grid(shape), q_grid(shape);
  double *const x = x_grid.data(), *const r = r_grid.data(), *const p = p_grid.data(),
                *const q = q_grid.data();
  StencilWorkspace<C> workspace(hierarchy_, Smoother::colours);
  const GridShape& cycles = hierarchy_.levels()[0].shape;
  // Of problems of any size the squares neither overflow nor vanish; a power of two rounds nothing.
  const double size = power_of_two(vectors, f), unit = 1 / size;
  const auto read = [&](const double* from, double* to) {
    vectors.each([&](std::int64_t line, std::int64_t at) {
      for (std::int64_t i = 0; i < n; ++i) to[at + i] = unit * from[line * n + i];
    });
    if (singular_) vectors.remove_mean(to);
    wrap_ghosts(shape, to);
  };
  read(f, r);
  const double whole = std::sqrt(vectors.dot_all(r, r));
  iterations = 0;
  residual = whole == 0 ? 0 : 1;
  if (!finite_ || !std::isfinite(whole)) residual = std::numeric_limits<double>::quiet_NaN();
  // q = A of; returns their product. No step can reduce what rounding leaves of a mean, with which
  // conjugate gradients diverge.
  const auto apply = [&](const double* of) {
    const double product = vectors.apply(of, q);
    if (singular_) vectors.remove_mean(q);
    return product;
  };
  // Of the solution without its mean, whose bits that changes.
  bool is_true = true;
  const auto true_residual = [&] {
    if (singular_) vectors.remove_mean(x);
    wrap_ghosts(shape, x);
    is_true = true;
    read(f, r);
    apply(x);
    vectors.each([&](std::int64_t, std::int64_t at) {
      for (std::int64_t i = 0; i < n; ++i) r[at + i] -= q[at + i];
    });
    return std::sqrt(vectors.dot_all(r, r)) / whole;
  };
  if (initial && residual > 0) {
    read(initial, x);
    residual = true_residual();
    if (!(residual <= 1)) {  // 0 is nearer than that, or that is no number
      vectors.each([&](std::int64_t, std::int64_t at) { std::fill_n(x + at, n, 0.0); });
      wrap_ghosts(shape, x);
      read(f, r);
      residual = 1;
    }
  }
  // z = cycle(r), to be multiplied by `back`; returns their product. r fits float32 by what it
  // began as.
  double back = 0;
  C *const scaled = workspace.f(0), *const z = workspace.u(0);
  const ConjugateRows<C>& rows = conjugate_rows<C>();
  const auto precondition = [&] {
    back = residual * whole;
    const double unit = 1 / back;
    vectors.each([&](std::int64_t line, std::int64_t at) {
      rows.scale(n, unit, r + at, scaled + cycles.line(line));
    });
    v_cycle(hierarchy_, workspace, 0, true, StencilMethod{}, parallel_for);
    return back * vectors.sum([&](std::int64_t line, std::int64_t at) {
      return rows.dot(n, z + cycles.line(line), r + at);
    });
  };
  // x += step p is done where p is read next: when it is made anew, or at the end.
  double step = 0;
  const auto catch_up = [&] {
    if (step != 0) {
      vectors.each([&](std::int64_t, std::int64_t at) {
        for (std::int64_t i = 0; i < n; ++i) x[at + i] += step * p[at + i];
      });
    }
    step = 0;
  };
  double rho = 0;
  bool fresh = true;
  while (residual > options.tolerance && iterations < options.most_iterations) {
    const double product = precondition();
    const double beta = fresh ? 0 : product / rho;
    rho = product;
    fresh = false;
    const double curvature = vectors.make_and_apply(
        [&](std::int64_t line, std::int64_t at) {
          rows.turn(n, step, x + at, back, z + cycles.line(line), beta, p + at);
        },
        p, q);
    step = 0;
    if (singular_) vectors.remove_mean(q);
    const double alpha = rho / curvature;
    if (!(curvature > 0 && std::isfinite(alpha))) {
      // Too much for the cycle: x is what there is, and not what was asked for.
      residual = true_residual();
      break;
    }
    const double squares = vectors.sum(
        [&](std::int64_t, std::int64_t at) { return rows.reduce(n, alpha, q + at, r + at); });
    step = alpha;
    residual = std::sqrt(squares) / whole;
    is_true = false;
    ++iterations;
    if (residual <= options.tolerance) {
      // What recursion says may differ from what is: then from there anew.
      catch_up();
      residual = true_residual();
      fresh = true;
    }
  }
  catch_up();
  if (!is_true) residual = true_residual();
  const double unscaled = std::isnan(residual) ? residual : size;
  vectors.each([&](std::int64_t line, std::int64_t at) {
    for (std::int64_t i = 0; i < n; ++i) u[line * n + i] = unscaled * x[at + i];
  });
}

template <class C>
void diffusion_solve(const DiffusionShape& shape, const DiffusionProblems<C>& problems,
                     const SolveOptions& options, const SolveReport& report,
                     const ParallelFor& parallel_for) {
  const std::int64_t* const n = shape.sizes;
  const std::int64_t points = n[0] * n[1] * n[2];
  const StencilPlan plan = plan_levels<C>(shape);
  const auto make = [&](std::int64_t i) {
    const auto faces = faces_of(shape, problems.faces, i);
    return std::make_unique<System<C>>(
        shape, plan, faces.data(),
        problems.hierarchy ? problems.hierarchy + i * plan.numbers : nullptr);
  };
  std::unique_ptr<System<C>> common;
  if (problems.systems == 1) common = make(0);
  const auto solve = [&](std::int64_t begin, std::int64_t end, const ParallelFor& within) {
    for (std::int64_t b = begin; b < end; ++b) {
      const std::unique_ptr<System<C>> own = common ? nullptr : make(b);
      (common ? *common : *own)
          .solve(
              problems.f + b * points, problems.initial ? problems.initial + b * points : nullptr,
              problems.u + b * points, options, report.iterations[b], report.residual[b], within);
    }
  };
  // Many problems side by side, a few one after the other with all threads on each.
  constexpr std::int64_t many = 8;
  if (problems.batch < many) return solve(0, problems.batch, parallel_for);
  run_parallel(parallel_for, 0, problems.batch, 1,
               [&](std::int64_t begin, std::int64_t end) { solve(begin, end, {}); });
}

template void diffusion_solve<float>(const DiffusionShape&, const DiffusionProblems<float>&,
                                     const SolveOptions&, const SolveReport&, const ParallelFor&);
template void diffusion_solve<double>(const DiffusionShape&, const DiffusionProblems<double>&,
                                      const SolveOptions&, const SolveReport&, const ParallelFor&);

}  // namespace longtail::multigrid
