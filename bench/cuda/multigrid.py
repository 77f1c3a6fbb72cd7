"""CUDA times of multigrid cycles beside a floor of bytes and a cycle of torch operations.

    python bench/cuda/multigrid.py [--small] [--repeats N] [--out FILE]

Nanoseconds by CUDA events of one V-cycle of `poisson_solve` (float32 cycle, float64 iterate and
residual) on 255^2 to 4095^2 and 63^3 to 255^3, and of one step of conjugate gradients of
`diffusion_solve` (contrast 4): the difference of solves of many and of few iterations, so that what
a call costs once does not count; that is printed too, as `setup`. Launched one after the other, and
from a CUDA graph. Of an operator that is set up, `v_cycle` in both dtypes and a solve by
`MultigridSolver` to 1e-8, beside `diffusion_solve` with its setup. In the same run a copy that
moves the bytes that a cycle must, and in two dimensions a V-cycle of torch operations in float32:
Jacobi, slices, full weighting. Then steps of MgNO, see _multigrid_mgno.py. `--small` runs every
kernel once on small grids, for compute-sanitizer.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import pad

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from bench.cuda._multigrid_mgno import measure_mgno, run_mgno_small  # noqa: E402
from bench.kit.cuda import by_events, copy_of, run  # noqa: E402
from bench.kit.records import Record  # noqa: E402
from bench.kit.runner import Provider, interleave  # noqa: E402
from longtail.multigrid import (  # noqa: E402
    GridOperator,
    MultigridSolver,
    diffusion_solve,
    diffusion_stencil,
    full_multigrid,
    poisson_solve,
    smooth,
    v_cycle,
)

FLAT = (255, 511, 1023, 2047, 4095)
SOLID = (63, 127, 255)
FEW, MANY = 4, 12
FLOOR, OURS, GRAPH, TORCH = "copy", "longtail", "longtail, CUDA graph", "torch slices"

#: Bytes a fine point that a Poisson cycle must move, if each level is read and written once on the
#: way down and once on the way up: float64 iterate and right-hand side read, iterate written,
#: correction read, residual written; then f read and u, coarse f written; f, u, coarse u read and u
#: written, all of these for the coarser levels too.
OUTER = 8 + 8 + 8 + 4 + 4


def cycle_bytes(n: int, dims: int) -> int:
    """The floor of one cycle."""
    share = 2.0**-dims
    of_level = (4 + 4 + 4 * share) + (4 + 4 + 4 * share + 4)
    return int(n**dims * (OUTER + of_level / (1 - share)))


def stencil_bytes(op: GridOperator) -> int:
    """The floor of a V(1,1) from 0 with coefficients: on every level twice weights, reciprocals and
    shares (of coarse points), on the way down f read, u and coarse f written, on the way up f, u
    and coarse u read and u written."""
    item = op.dtype.itemsize
    total = 0
    for level, below in zip(op.levels[:-1], op.levels[1:], strict=True):
        fine, coarse = level.plan.points, below.plan.points
        shares = 3 ** len(op.sizes) - 1
        arrays = len(level.plan.before) + 1
        total += item * (fine * (2 * arrays + 2 + 3) + coarse * (2 * shares + 2))
    return total


def raw_poisson(f: Tensor, iterations: int) -> Tensor:
    """So many cycles, whatever the residual."""
    none, steps = f.new_empty(0), [1.0] * 3
    planes = 4 if f.dim() == 3 else 0
    solved = torch.ops.longtail.poisson_solve(f, none, *steps, planes, 0, 0, False, 0.0, iterations)
    return solved[0]


def raw_diffusion(f: Tensor, faces: list[Tensor], iterations: int) -> Tensor:
    """So many steps of conjugate gradients."""
    none, steps = f.new_empty(0), [1.0] * 3
    cycles = none.float()  # their dtype
    solved = torch.ops.longtail.diffusion_solve(
        *[none] * (3 - len(faces)), *faces, f, none, cycles, *steps, 0, 0.0, iterations
    )
    return solved[0]


def captured(call: Callable[[], object]) -> Callable[[], object]:
    """Replays it from a graph."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        call()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        call()
    return graph.replay


def ignoring(call: Callable[[], object], _: int) -> None:
    """A call that takes no argument, where one is given."""
    call()


def one_iteration(solve: Callable[[int], object], graph: bool) -> Callable[[], float]:
    """Seconds of an iteration: those of MANY less those of FEW."""
    calls: list[Callable[[], object]] = [partial(solve, count) for count in (FEW, MANY)]
    if graph:
        calls = [captured(each) for each in calls]
    timers = [by_events(partial(ignoring, each)) for each in calls]

    def seconds() -> float:
        few, many = (each() for each in timers)
        return max(many - few, 0.0) / (MANY - FEW)

    return seconds


def once(solve: Callable[[int], object]) -> Callable[[], float]:
    """Seconds of all that is not an iteration."""
    return by_events(partial(ignoring, partial(solve, 0)))


class SliceCycle:
    """A V-cycle as a user of torch writes it: grids of 2^k - 1 points, padded by zeros."""

    def __init__(self, omega: float = 0.8) -> None:
        self.omega = omega

    def residual(self, u: Tensor, f: Tensor) -> Tensor:
        p = pad(u, (1, 1, 1, 1))
        around = p[1:-1, :-2] + p[1:-1, 2:] + p[:-2, 1:-1] + p[2:, 1:-1]
        return f - (4 * u - around)

    def smooth(self, u: Tensor, f: Tensor) -> Tensor:
        return u + self.omega / 4 * self.residual(u, f)

    def run(self, f: Tensor) -> Tensor:
        """u with the step 1; a coarser level has the step 2, so 4 times the right-hand side."""
        if f.shape[0] == 1:
            return f / 4
        u = self.omega / 4 * f
        r = self.residual(u, f)
        rows = r[:-2:2] + 2 * r[1::2] + r[2::2]
        coarse = self.run((rows[:, :-2:2] + 2 * rows[:, 1::2] + rows[:, 2::2]) / 4)
        between = pad(coarse, (1, 1, 1, 1))
        up = torch.empty_like(u)
        up[1::2, 1::2] = coarse
        up[0::2, 1::2] = (between[:-1, 1:-1] + between[1:, 1:-1]) / 2
        up[1::2, 0::2] = (between[1:-1, :-1] + between[1:-1, 1:]) / 2
        columns = between[:-1] + between[1:]
        up[0::2, 0::2] = (columns[:, :-1] + columns[:, 1:]) / 4
        return self.smooth(u + up, f)


def coefficient(n: int, dims: int) -> Tensor:
    """Random blocks of 8 cells of 3 and 12."""
    generator = torch.Generator("cuda").manual_seed(n)
    a = torch.rand(*[(n + 7) // 8] * dims, generator=generator, device="cuda", dtype=torch.float64)
    for dim in range(dims):
        a = a.repeat_interleave(8, dim).narrow(dim, 0, n)
    return 3 + 9 * (a > 0.5).double()


def two_phases(n: int, dims: int) -> list[Tensor]:
    """Face weights of them."""
    a = coefficient(n, dims)[None]
    faces = []
    for dim in range(1, dims + 1):
        front, behind = a.narrow(dim, 0, n - 1), a.narrow(dim, 1, n - 1)
        ends = [2 * a.narrow(dim, 0, 1), 2 * a.narrow(dim, n - 1, 1)]
        faces.append(torch.cat([ends[0], 2 * front * behind / (front + behind), ends[1]], dim))
    return faces


def measure(n: int, dims: int, repeats: int) -> list[Record]:
    """Both solvers on one grid."""
    f = torch.randn(1, *[n] * dims, device="cuda", dtype=torch.float64)
    faces = two_phases(n, dims)
    result = []
    for name, solve in (
        ("poisson", partial(raw_poisson, f)),
        ("diffusion", partial(raw_diffusion, f, faces)),
    ):
        providers = [
            Provider(FLOOR, copy_of(cycle_bytes(n, dims)), 1),
            Provider(OURS, one_iteration(solve, graph=False), 1),
            Provider(GRAPH, one_iteration(solve, graph=True), 1),
        ]
        if name == "poisson" and dims == 2:
            narrow, cycle = f[0].float(), SliceCycle()
            rival = by_events(partial(ignoring, partial(cycle.run, narrow)))
            providers.append(Provider(TORCH, rival, 1))
        providers.append(Provider("setup", once(solve), 1))
        case = " x ".join([str(n)] * dims)
        for timing in interleave(providers, repeats):
            result.append(timing.record("multigrid-cuda", f"{name} cycle", case))
    return result


def measure_operators(n: int, dims: int, repeats: int) -> list[Record]:
    """V-cycles and solves with an operator that is set up."""
    a = coefficient(n, dims)
    case = " x ".join([str(n)] * dims)
    result = []

    def record(kernel: str, floor: int, providers: list[Provider]) -> None:
        rows = interleave([Provider(FLOOR, copy_of(floor), 1), *providers], repeats)
        result.extend(timing.record("multigrid-cuda", kernel, case) for timing in rows)

    def provider(name: str, call: Callable[[], object]) -> Provider:
        return Provider(name, by_events(partial(ignoring, call)), 1)

    for dtype in (torch.float32, torch.float64):
        op = diffusion_stencil(a.to(dtype), dims=dims)
        f = torch.randn(*op.sizes, device="cuda", dtype=dtype)
        cycle = partial(v_cycle, None, f, op)
        ours = [provider(OURS, cycle), provider(GRAPH, captured(cycle))]
        record(f"v_cycle {str(dtype).removeprefix('torch.')}", stencil_bytes(op), ours)
    solver = MultigridSolver(op)
    iterations = int(solver(f).iterations)
    narrow = stencil_bytes(diffusion_stencil(a.float(), dims=dims))
    # Around a cycle: r read and f written; p, z read, p written; p, weights read, q written; p, q,
    # x, r read, x, r written.
    outer = n**dims * (8 + 4 + 8 + 4 + 8 + 8 * (3 + dims) + 8 * 6)
    solves = [
        provider(OURS, partial(solver, f)),
        provider("with setup", partial(diffusion_solve, a, f, dims=dims)),
    ]
    record(f"solver, {iterations} iterations", iterations * (narrow + outer), solves)
    return result


def measure_all(repeats: int) -> list[Record]:
    """Every grid; a line each."""
    check_rival()
    records: list[Record] = []
    for dims, sizes in ((2, FLAT), (3, SOLID)):
        for n in sizes:
            rows = measure(n, dims, repeats) + measure_operators(n, dims, repeats)
            records += rows
            for kernel in dict.fromkeys(row.kernel for row in rows):
                shown = "   ".join(
                    f"{row.provider} {row.median / 1e3:.1f}" for row in rows if row.kernel == kernel
                )
                print(f"{kernel} {rows[0].case}, microseconds: {shown}")
    return records + measure_mgno(repeats, captured)


def check_rival() -> None:
    """Its cycles converge as Jacobi's do: it is no straw man."""
    cycle = SliceCycle()
    f = torch.randn(127, 127, device="cuda", dtype=torch.float64)
    u, sizes = torch.zeros_like(f), []
    for _ in range(6):
        r = cycle.residual(u, f)
        sizes.append(float(r.norm()))
        u = u + cycle.run(r)
    assert sizes[-1] < 0.45 * sizes[-2], sizes


def run_small() -> None:
    """Every kernel once: large levels and levels in shared memory, seams, both dtypes."""
    for sizes in ((3, 5), (40, 41), (151, 300), (10, 11, 12), (40, 33, 35)):
        f = torch.randn(2, *sizes, device="cuda", dtype=torch.float64)
        f = f - f.mean(tuple(range(1, f.dim())), keepdim=True)
        a = torch.rand(2, *sizes, device="cuda", dtype=torch.float64) + 1
        for boundary in ("dirichlet", "periodic"):
            given = {"boundary": boundary, "dims": len(sizes), "on_fail": "warn"}
            first = poisson_solve(f, **given).solution
            poisson_solve(f.float(), initial=first.float(), **given)
            first = diffusion_solve(a, f, **given).solution
            diffusion_solve(a[:1], f, initial=first, **given)
            for dtype in (torch.float64, torch.float32):
                run_operators(a.to(dtype), f.to(dtype), boundary)
    run_mgno_small()


def run_operators(a: Tensor, f: Tensor, boundary: str) -> None:
    """Every smoother, transfers, cycles, levels made and given."""
    op = diffusion_stencil(a, boundary=boundary, dims=f.dim() - 1)
    for kind in ("rbgs", "jacobi", "chebyshev"):
        u = smooth(None, f, op, kind, 2)
        v_cycle(op(u), f, op, kind=kind, pre=2, symmetric=True)
    full_multigrid(f, op, omega=1.1)
    MultigridSolver(op, on_fail="warn").precondition(f)
    MultigridSolver(op, on_fail="warn")(f)


if __name__ == "__main__":
    sys.exit(run("bench/cuda/multigrid.py", __doc__, run_small, measure_all, repeats=11))
