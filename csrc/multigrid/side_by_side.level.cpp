// The solver of side_by_side.h, compiled once per CPU level: conjugate gradients in float32 with
// the cycle of side_by_side_level.h, around a float64 iterate.
#include "multigrid/side_by_side_level.h"

namespace longtail::multigrid {
inline namespace LONGTAIL_LEVEL {
namespace side_by_side {
namespace {

/// p = fresh z + beta p, q = A p; returns the sums of p q.
T advance(const Hierarchy& h, T fresh, T beta) {
  const Level& level = h.level[0];
  constexpr Index k = entries(false);
  T total = T(0.0f);
  for (Index y = 0; y <= level.rows; ++y) {
    if (y < level.rows) {
      const Index at = level.at(y + 1, 0);
      for (Index x = at + 1; x <= at + level.columns; ++x) {
        h.p[x] = fma(beta, h.p[x], fresh * level.u[x]);
      }
    }
    if (y == 0) continue;
    T sum = T(0.0f);
    for (Index x = level.at(y, 1); x <= level.at(y, level.columns); ++x) {
      const T* const a = level.a + x * k;
      const T result = fma(a[kCentre], h.p[x], -around<false>(a, h.p + x, level.stride, T(0.0f)));
      h.q[x] = result;
      sum = fma(h.p[x], result, sum);
    }
    total = total + sum;
  }
  return total;
}

/// d += alpha p, r -= alpha q; returns the sums of r r.
T descend(const Hierarchy& h, T alpha) {
  const Level& level = h.level[0];
  T total = T(0.0f);
  for (Index y = 1; y <= level.rows; ++y) {
    T sum = T(0.0f);
    for (Index x = level.at(y, 1); x <= level.at(y, level.columns); ++x) {
      h.d[x] = fma(alpha, h.p[x], h.d[x]);
      const T r = fma(-alpha, h.q[x], level.f[x]);
      level.f[x] = r;
      sum = fma(r, r, sum);
    }
    total = total + sum;
  }
  return total;
}

/// x += d, d = 0, r = f - A x, f in units of `unit`; the sums of r r.
void replace_residual(const Hierarchy& h, const double* f, double unit, D squares[kParts]) {
  const Level& level = h.level[0];
  const Index stride = level.stride;
  for (int part = 0; part < kParts; ++part) squares[part] = D(0.0);
  for (Index y = 0; y <= level.rows; ++y) {
    if (y < level.rows) {
      const Index at = level.at(y + 1, 0);
      for (Index x = at + 1; x <= at + level.columns; ++x) {
        for (int part = 0; part < kParts; ++part) {
          h.x[x * kParts + part] += widened(h.d + x, part);
        }
        h.d[x] = T(0.0f);
      }
    }
    if (y == 0) continue;
    D sums[kParts];
    for (int part = 0; part < kParts; ++part) sums[part] = D(0.0);
    for (Index x = 1; x <= level.columns; ++x) {
      const Index at = level.at(y, x);
      const D right = D(f[(y - 1) * level.columns + x - 1] * unit);
      for (int part = 0; part < kParts; ++part) {
        const Index i = at * kParts + part;
        const D here = h.x[i];
        D rest = fma(h.west[i], h.x[i - kParts] - here, right);
        rest = fma(h.west[i + kParts], h.x[i + kParts] - here, rest);
        rest = fma(h.north[i], h.x[i - stride * kParts] - here, rest);
        rest = fma(h.north[i + stride * kParts], h.x[i + stride * kParts] - here, rest);
        narrow(rest, level.f + at, part);
        sums[part] = fma(rest, rest, sums[part]);
      }
    }
    for (int part = 0; part < kParts; ++part) squares[part] = squares[part] + sums[part];
  }
}

/// Iterations between two replacements of the residual.
constexpr int kRound = 3;

void solve_block(const SideBySide& problems, const Hierarchy& h, double unit, double norm,
                 std::int64_t iterations[kProblems], double residual[kProblems]) {
  D squares[kParts];
  replace_residual(h, problems.f, unit, squares);
  const auto relative = [&](int lane_at) {
    const double square = lane(squares[lane_at / kLanes<D>], lane_at % kLanes<D>);
    return __builtin_sqrt(square) / norm;
  };
  float goal;
  {
    // Of what conjugate gradients say; the true residual may be a little larger.
    const double target = 0.8 * problems.tolerance * norm;
    goal = static_cast<float>(target * target);
  }
  float running[kProblems];
  T beta = T(0.0f), rho = T(0.0f);
  for (int l = 0; l < kProblems; ++l) iterations[l] = 0;
  bool first = true;
  for (int done = 0;; done += kRound) {
    bool any_open = false;
    for (int l = 0; l < kProblems; ++l) {
      residual[l] = relative(l);
      running[l] = residual[l] > problems.tolerance ? 1.0f : 0.0f;
      any_open = any_open || running[l] != 0;
    }
    if (!any_open || done >= problems.most_iterations) return;
    for (int i = 0; i < kRound && any_open; ++i) {
      const T fresh = load<T>(running);
      const mask_t<T> open = fresh != T(0.0f);
      const T product = cycle(h);
      // A cycle that is an inverse leaves rounding errors, which have no memory.
      const T ratio = first || h.count == 1 ? T(0.0f) : product / rho;
      rho = select(open, product, rho);
      beta = select(open, ratio, T(1.0f));
      first = false;
      const T curvature = advance(h, fresh, beta);
      const T alpha = select(open & (curvature > T(0.0f)), rho / curvature, T(0.0f));
      const T rest = descend(h, alpha);
      any_open = false;
      for (int l = 0; l < kProblems; ++l) {
        if (running[l] == 0) continue;
        ++iterations[l];
        if (lane(rest, l) <= goal) running[l] = 0;
        any_open = any_open || running[l] != 0;
      }
    }
    replace_residual(h, problems.f, unit, squares);
  }
}

void solve(const SideBySide& problems, Index first, void* memory) {
  const Hierarchy h = arranged(problems.rows, problems.columns, memory);
  const Index points = problems.rows * problems.columns;
  // In units of its largest value f does not leave float32's range.
  double largest = 0;
  for (Index i = 0; i < points; ++i) {
    const double size = __builtin_fabs(problems.f[i]);
    if (!(size <= largest)) largest = size;
  }
  double residual[kProblems] = {};
  std::int64_t iterations[kProblems] = {};
  if (largest != 0) {
    double squares = 0;
    for (Index i = 0; i < points; ++i) {
      const double each = problems.f[i] / largest;
      squares += each * each;
    }
    set_up(problems, first, h);
    solve_block(problems, h, 1 / largest, __builtin_sqrt(squares), iterations, residual);
  }
  const Level& level = h.level[0];
  for (int l = 0; l < kProblems && first + l < problems.batch; ++l) {
    problems.iterations[first + l] = iterations[l];
    problems.residual[first + l] = residual[l];
  }
  for (Index y = 0; y < level.rows; ++y) {
    for (int l = 0; l < kProblems && first + l < problems.batch; ++l) {
      double* const to = problems.u + (first + l) * points + y * level.columns;
      const double* const from =
          reinterpret_cast<const double*>(h.x) + level.at(y + 1, 1) * kProblems + l;
      for (Index x = 0; x < level.columns; ++x) to[x] = largest * from[x * kProblems];
    }
  }
}

std::int64_t memory_for(Index rows, Index columns) {
  return arranged(rows, columns, nullptr).bytes;
}

}  // namespace
}  // namespace side_by_side

extern const SideBySideKernels kSideBySideKernels;
const SideBySideKernels kSideBySideKernels = {side_by_side::kProblems, side_by_side::memory_for,
                                              side_by_side::solve};

}  // namespace LONGTAIL_LEVEL
}  // namespace longtail::multigrid
