"""Operators on grids and MultigridSolver on CUDA beside the CPU."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
import torch
from torch import Tensor

from kit.cuda_graphs import captured
from kit.tensors import cuda_problem, same_bits
from longtail.multigrid import (
    GridOperator,
    MultigridSolver,
    diffusion_solve,
    diffusion_stencil,
    full_multigrid,
    poisson_stencil,
    prolong,
    residual,
    restrict,
    smooth,
    v_cycle,
)

pytestmark = pytest.mark.skipif(bool(cuda_problem()), reason=cuda_problem() or "")

CASES: tuple[tuple[tuple[int, ...], Any], ...] = (
    ((1, 1), "dirichlet"),
    ((31, 40), "dirichlet"),
    ((127, 193), ("neumann", ("dirichlet", "neumann"))),
    ((65, 63), "periodic"),
    ((400, 300), ("periodic", "dirichlet")),
    ((1, 300), "dirichlet"),
    ((17, 16, 19), "dirichlet"),
    ((9, 33, 20), ("periodic", "neumann", "dirichlet")),
)
METHODS: tuple[dict[str, Any], ...] = (
    {},
    {"pre": 2, "post": 1, "omega": 1.2},
    {"symmetric": True},
    {"kind": "jacobi", "pre": 0, "post": 2},
    {"kind": "chebyshev", "pre": 3, "post": 2},
)


def values(*shape: int, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def operator(
    sizes: tuple[int, ...], boundary: Any, dtype: torch.dtype, batch: tuple[int, ...] = ()
) -> GridOperator:
    """Of two phases."""
    generator = torch.Generator().manual_seed(0)
    a = 3 + 9 * (torch.rand(*batch, *sizes, generator=generator) < 0.5).to(dtype)
    return diffusion_stencil(a, boundary=boundary, dims=len(sizes))


def with_the_same_levels(op: GridOperator) -> GridOperator:
    """On the GPU with the levels that the CPU made: what is left is the operations themselves."""
    there = op.to("cuda")
    there._hierarchies[op.dtype, True] = op.hierarchy().detach().cuda()
    return there


def close(got: Tensor, expected: Tensor, tolerance: float) -> None:
    assert got.is_cuda and got.shape == expected.shape and got.dtype == expected.dtype
    error = (got.cpu() - expected).abs().max()
    assert error <= tolerance * expected.abs().max(), float(error)


def each_function(u: Tensor, f: Tensor, op: GridOperator) -> list[Tensor]:
    """What every public function makes of them on this level."""
    results = [op(u), residual(u, f, op)]
    for method in METHODS:
        results += [v_cycle(u, f, op, **method), v_cycle(None, f, op, **method)]
    for kind in ("rbgs", "jacobi", "chebyshev"):
        results += [smooth(u, f, op, kind, 3), smooth(None, f, op, kind, 2, reverse=True)]
    if op.level + 1 < len(op.levels):
        coarse = restrict(f, op)
        results += [coarse, prolong(coarse, op)]
    return results


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize(("sizes", "boundary"), CASES, ids=str)
def test_cuda_grid_functions(sizes: tuple[int, ...], boundary: Any, dtype: torch.dtype) -> None:
    """On every level, in the CPU's order of sums; and the same bits again."""
    op = operator(sizes, boundary, dtype, (2,))
    tolerance = 1e-13 if dtype == torch.float64 else 1e-5
    for here, there in zip(op.levels, with_the_same_levels(op).levels, strict=True):
        u, f = (values(3, 2, *here.sizes, seed=seed).to(dtype) for seed in (1, 2))
        expected = each_function(u, f, here)
        got = each_function(u.cuda(), f.cuda(), there)
        for mine, other in zip(got, expected, strict=True):
            close(mine, other, tolerance)
        assert all(map(same_bits, got, each_function(u.cuda(), f.cuda(), there)))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize(("sizes", "boundary"), CASES, ids=str)
def test_cuda_levels(sizes: tuple[int, ...], boundary: Any, dtype: torch.dtype) -> None:
    """Levels made on the GPU are the CPU's, ghosts and all, up to rounding."""
    op = operator(sizes, boundary, dtype, (3,))
    there = op.to("cuda")
    got, expected = there.hierarchy(), op.hierarchy()
    close(got, expected, 1e-10 if dtype == torch.float64 else 1e-6)
    for mine, other in zip(there.levels, op.levels, strict=True):
        for offset, entries in other.entries.items():
            close(mine.entries[offset], entries, 1e-10 if dtype == torch.float64 else 1e-6)


@pytest.mark.parametrize("dims", [2, 3])
def test_cuda_full_multigrid(dims: int) -> None:
    op = poisson_stencil((63, 50) if dims == 2 else (15, 20, 17))
    f = values(2, *op.sizes)
    close(full_multigrid(f.cuda(), op.to("cuda")), full_multigrid(f, op), 1e-10)


def test_cuda_grid_gradients() -> None:
    """In u and f by the reverse method, in the coefficient through op(u); refused elsewhere."""
    op = operator((20, 33), "dirichlet", torch.float64)
    u, f = values(2, 20, 33), values(2, 20, 33, seed=2)

    def gradients(device: str) -> tuple[Tensor, ...]:
        a, v, g = (each.to(device).requires_grad_() for each in (op.coefficient, u, f))
        here = diffusion_stencil(a)
        total = here(v).square().sum() + v_cycle(v, g, here.detach(), pre=2).square().sum()
        return torch.autograd.grad(total, (a, v, g))

    for got, expected in zip(gradients("cuda"), gradients("cpu"), strict=True):
        close(got, expected, 1e-10)
    a = op.coefficient.cuda().requires_grad_()
    with pytest.raises(NotImplementedError, match="coefficient"):
        torch.autograd.grad(smooth(None, f.cuda(), diffusion_stencil(a)).sum(), a)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_cuda_solver(dtype: torch.dtype) -> None:
    """Set up on either device, moved, pickled; as a preconditioner too."""
    op = operator((65, 40), "dirichlet", dtype, (2,))
    f = values(3, 2, 65, 40).to(dtype)
    here = MultigridSolver(op)
    expected = here(f)
    for there in (here.to("cuda"), MultigridSolver(op.to("cuda"))):
        got = there(f.cuda())
        assert int((got.iterations.cpu() - expected.iterations).abs().max()) <= 1
        close(got.solution, expected.solution, 1e-7 if dtype == torch.float64 else 1e-3)
        close(there.precondition(f.cuda()), here.precondition(f), 1e-5)
        back = pickle.loads(pickle.dumps(there)).to("cpu")
        assert bool(back(f).converged.all())
        near = there(f.cuda(), initial=got.solution)
        assert int(near.iterations.max()) <= 1


def test_cuda_solver_gradients() -> None:
    """One set of levels for a solve and those of its gradients."""
    f, a = values(2, 20, 21), operator((20, 21), "dirichlet", torch.float64).coefficient

    def gradients(device: str) -> tuple[Tensor, ...]:
        leaves = [each.to(device).requires_grad_() for each in (a, f)]
        solver = MultigridSolver(diffusion_stencil(leaves[0]), tol=1e-11)
        plain = diffusion_solve(leaves[0], leaves[1], dims=2, tol=1e-11).solution
        total = solver(leaves[1]).solution.square().sum() + plain.square().sum()
        return torch.autograd.grad(total, leaves)

    for got, expected in zip(gradients("cuda"), gradients("cpu"), strict=True):
        close(got, expected, 1e-8)


def test_cuda_grids_of_a_large_batch() -> None:
    """More problems than a grid has rows; each as if it were alone."""
    op = poisson_stencil((7, 9), device="cuda")
    f = values(70_000, 7, 9).cuda()
    alone = f[69_999:]
    for call in (op, lambda f: v_cycle(None, f, op), lambda f: restrict(f, op)):
        assert same_bits(call(f)[69_999:], call(alone))
    assert v_cycle(None, f[:0], op).shape == (0, 7, 9)


def test_cuda_grids_keep_nans() -> None:
    """Of one problem, out of the others."""
    op = poisson_stencil((40, 41), device="cuda")
    f = values(2, 40, 41).cuda()
    clean = v_cycle(None, f, op)
    f[0, 3, 3] = float("nan")
    got = v_cycle(None, f, op)
    assert bool(got[0].isnan().all()) and same_bits(got[1], clean[1])


@pytest.mark.parametrize("sizes", [(63, 63), (500, 511), (33, 34, 35)], ids=str)
def test_cuda_graphs_of_grids(sizes: tuple[int, ...]) -> None:
    """Nothing asks the device: a graph can hold the making of levels, cycles and transfers."""
    op = operator(sizes, "dirichlet", torch.float64).to("cuda")
    f, other = values(2, *sizes).cuda(), values(2, *sizes, seed=2).cuda()

    def work() -> list[Tensor]:
        fresh = op.detach()
        return [fresh.hierarchy(), *each_function(f, f, fresh)]

    graph, results = captured(work)
    f.copy_(other)
    graph.replay()
    assert all(map(same_bits, results, work()))


def test_cuda_grids_on_a_stream() -> None:
    """On the caller's, behind what it has been given."""
    op = poisson_stencil((300, 300), device="cuda")
    f = values(300, 300).cuda()
    expected = v_cycle(None, f, op)
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        torch.cuda._sleep(10_000_000)
        late = v_cycle(None, f * 1, op)
    side.synchronize()
    assert same_bits(late, expected)
