"""Operators on grids against matrices: A, its levels, transfers, smoothers and cycles."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from kit.layouts import threads
from kit.tensors import all_bits, same_bits
from longtail.multigrid import (
    GridOperator,
    diffusion_stencil,
    full_multigrid,
    poisson_stencil,
    prolong,
    residual,
    restrict,
    smooth,
    v_cycle,
)
from multigrid import grid_oracle as oracle

SIDES = tuple(itertools.product(oracle.PAIRS, oracle.PAIRS))
DEEP = (
    (("dirichlet", "neumann"), ("periodic", "periodic"), ("neumann", "neumann")),
    (("periodic", "periodic"), ("neumann", "dirichlet"), ("dirichlet", "dirichlet")),
    (("periodic", "periodic"),) * 3,
)
KINDS = ("rbgs", "jacobi", "chebyshev")


def coefficient(*sizes: int, seed: int = 0) -> Tensor:
    """Of two phases."""
    g = torch.Generator().manual_seed(seed)
    return 3 + 9 * (torch.rand(*sizes, dtype=torch.float64, generator=g) < 0.5).double()


def values(*shape: int, seed: int = 1) -> Tensor:
    """Random ones."""
    g = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=torch.float64, generator=g)


def close(got: Any, expected: Any, tolerance: float = 1e-12) -> None:
    """Up to rounding of the largest number."""
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.shape == expected.shape
    assert np.abs(got - expected).max() <= tolerance * np.abs(expected).max()


def operators() -> list[Any]:
    """A few of every sort, with seams and without, whose levels are looked at."""
    result = []
    cases: list[tuple[tuple[int, ...], Any]] = [
        ((9, 12), "dirichlet"),
        ((11, 9), "periodic"),
        ((8, 13), ("neumann", ("dirichlet", "neumann"))),
        ((10, 12), "neumann"),
        ((1, 40), "dirichlet"),
        ((4, 5, 6), ("dirichlet", "periodic", "neumann")),
        ((5, 5, 5), "periodic"),
    ]
    for sizes, boundary in cases:
        a = coefficient(*sizes)
        label = f"{sizes}-{boundary}"
        op = diffusion_stencil(a, boundary=boundary, dims=len(sizes))
        result.append(pytest.param(op, id=label))
    stretched = diffusion_stencil(coefficient(9, 10), (1.0, 5.0), boundary="periodic")
    result.append(pytest.param(stretched, id="stretched"))
    return result


@pytest.mark.parametrize("cell", [False, True])
@pytest.mark.parametrize("sides", SIDES)
def test_poisson(sides: Any, cell: bool) -> None:
    """A u for every pair of axes; also as entries, and the volumes."""
    sizes = (5, 6)
    op = poisson_stencil(sizes, boundary=sides, grid="cell" if cell else "vertex")
    matrix = oracle.poisson_matrix(sizes, oracle.spacings_of(sizes, sides, cell), sides, cell)
    close(oracle.matrix_of(op, sizes), matrix.toarray())
    close(oracle.matrix_of_entries(op.entries, sizes), matrix.toarray())
    volumes = np.ones(sizes) if op.volumes is None else op.volumes.numpy()
    close(volumes, oracle.volumes_of(sizes, sides, cell))


@pytest.mark.parametrize("cell", [False, True])
@pytest.mark.parametrize(
    ("sizes", "sides"),
    [((5, 6), SIDES[1]), ((5, 6), SIDES[13]), ((4, 7), SIDES[24]), *(((3, 4, 5), s) for s in DEEP)],
)
def test_diffusion(sizes: tuple[int, ...], sides: Any, cell: bool) -> None:
    """A u of a coefficient that varies, spacings given."""
    a = coefficient(*sizes)
    spacing = tuple(0.3 + 0.2 * axis for axis in range(len(sizes)))
    op = diffusion_stencil(a, spacing, boundary=sides, grid="cell" if cell else "vertex")
    matrix = oracle.diffusion_matrix(a.numpy(), spacing, sides, cell)
    close(oracle.matrix_of(op, sizes), matrix.toarray())
    close(oracle.matrix_of_entries(op.entries, sizes), matrix.toarray())


@pytest.mark.parametrize("op", operators())
def test_levels(op: GridOperator) -> None:
    """Coarse operators are P^T A P, restriction is the transpose of P, and constants, where they
    are in the null space, are interpolated exactly."""
    assert len(op.levels) > 1
    for fine, coarse in itertools.pairwise(op.levels):
        a = oracle.matrix_of(fine, fine.sizes)
        p = oracle.matrix_of(lambda e, fine=fine: prolong(e, fine), coarse.sizes)
        close(oracle.matrix_of(lambda r, fine=fine: restrict(r, fine), fine.sizes), p.T, 1e-15)
        galerkin = p.T @ a @ p
        close(oracle.matrix_of(coarse, coarse.sizes), galerkin)
        close(oracle.matrix_of_entries(coarse.entries, coarse.sizes), galerkin)
        close(galerkin, galerkin.T)
        if op.singular:
            close(p.sum(1), np.ones(p.shape[0]))


def test_shares_stay_small() -> None:
    """Where spacings differ, entries of coarse operators have both signs: nothing blows up."""
    for sides in (("dirichlet", "periodic", "neumann"), ("dirichlet", "neumann", "periodic")):
        op = diffusion_stencil(0.1 + values(8, 12, 13).abs(), (1.0, 1.0, 4.0), boundary=sides)
        for fine, coarse in itertools.pairwise(op.levels):
            p = oracle.matrix_of(lambda e, fine=fine: prolong(e, fine), coarse.sizes)
            assert np.abs(p).max() < 2


@pytest.mark.parametrize("op", operators())
@pytest.mark.parametrize("kind", KINDS)
def test_smoothers(op: GridOperator, kind: str) -> None:
    """Each on the two finest levels, from 0 and from values, any omega, both orders."""
    for level in op.levels[:2]:
        if level.sizes != op.sizes and level is op.levels[-1]:
            continue
        a = oracle.matrix_of(level, level.sizes)
        colours = oracle.colours_of(level.sizes, level.level == 0)
        u, f = values(*level.sizes), values(*level.sizes, seed=2)
        for start, steps, omega, reverse in ((u, 3, None, False), (None, 2, 1.15, True)):
            if kind == "chebyshev":
                omega = None
            got = smooth(start, f, level, kind, steps, omega, reverse=reverse)
            flat = np.zeros(f.numel()) if start is None else start.numpy().ravel()
            right = f.numpy().ravel()
            if kind == "chebyshev":
                around = np.abs(a).sum(1) / np.diag(a)
                bound = 2.0 if level.level == 0 else float(around.max())
                flat = oracle.chebyshev(a, flat, right, steps, bound)
            for _ in range(steps if kind != "chebyshev" else 0):
                if kind == "rbgs":
                    order = colours[::-1] if reverse else colours
                    flat = oracle.relaxed(a, flat, right, order, omega or 1.0)
                else:
                    flat = flat + (omega or 0.8) * (right - a @ flat) / np.diag(a)
            close(got.numpy().ravel(), flat, 1e-11)


@pytest.mark.parametrize("op", operators())
def test_v_cycle_is_its_pieces(op: GridOperator) -> None:
    """Bit for bit, but for the order of sums of the coarsest level."""

    def by_hand(u: Tensor | None, f: Tensor, level: GridOperator) -> Tensor:
        if level is op.levels[-1]:
            return v_cycle(u, f, level)
        u = smooth(u, f, level, "jacobi", 2, 0.7)
        right = restrict(residual(u, f, level), level)
        u = u + prolong(by_hand(None, right, op.levels[level.level + 1]), level)
        return smooth(u, f, level, "jacobi", 1, 0.7)

    u, f = values(*op.sizes), op(values(*op.sizes, seed=2))
    for start in (None, u):
        got = v_cycle(start, f, op, pre=2, post=1, kind="jacobi", omega=0.7)
        close(got.numpy(), by_hand(start, f, op).numpy(), 1e-12)


@pytest.mark.parametrize("op", operators())
def test_coarsest_level_is_solved(op: GridOperator) -> None:
    """From any start; where constants are in the null space, but for them."""
    level = op.levels[-1]
    exact = values(*level.sizes)
    f = level(exact)
    got = v_cycle(values(*level.sizes, seed=3), f, level)
    close(level(got).numpy(), f.numpy(), 1e-11)
    if not op.singular:
        close(got.numpy(), exact.numpy(), 1e-11)


@pytest.mark.parametrize("op", operators())
def test_symmetric_cycle(op: GridOperator) -> None:
    """From 0 a symmetric function of f, positive where A is."""
    matrix = oracle.matrix_of(lambda f: v_cycle(None, f, op, symmetric=True), op.sizes)
    close(matrix, matrix.T, 1e-11)
    least = np.linalg.eigvalsh((matrix + matrix.T) / 2)[0]
    assert least > 0
    if op.sizes[0] == 1:
        return  # one row: both are the exact solution
    plain = oracle.matrix_of(lambda f: v_cycle(None, f, op), op.sizes)
    assert np.abs(plain - plain.T).max() > 1e-6 * np.abs(plain).max()


def factor(op: GridOperator, cycles: int, **options: Any) -> float:
    """By which a cycle reduces the residual, at last."""
    f = torch.zeros(op.sizes, dtype=torch.float64)
    u = values(*op.sizes)
    norms = []
    for _ in range(cycles):
        u = v_cycle(u, f, op, **options)
        norms.append(float(residual(u, f, op).norm()))
    return float((norms[-1] / norms[-4]) ** (1 / 3))


@pytest.mark.parametrize("n", [63, 100])
@pytest.mark.parametrize(
    ("options", "most"),
    [
        ({}, 0.07),
        ({"pre": 2}, 0.05),
        ({"kind": "jacobi"}, 0.38),
        ({"kind": "chebyshev", "pre": 2, "post": 2}, 0.16),
    ],
)
def test_convergence(n: int, options: Any, most: float) -> None:
    """Of -Laplace in a square, whatever the size."""
    assert factor(poisson_stencil((n, n)), 12, **options) < most


@pytest.mark.parametrize("n", [31, 100, 127])
def test_full_multigrid(n: int) -> None:
    """One cycle a level: hardly more than the error of the grid itself, at any size."""
    op = poisson_stencil((n, n))
    x = torch.linspace(0, 1, n + 2, dtype=torch.float64)[1:-1]
    # exp(x) x (1 - x) times y (1 - y), and its -Laplace.
    along, bent = torch.exp(x) * x * (1 - x), torch.exp(x) * (x**2 + 3 * x)
    exact = torch.outer(x * (1 - x), along)
    f = torch.outer(x * (1 - x), bent) + 2 * along
    got = full_multigrid(f, op)
    solved = got
    for _ in range(12):
        solved = v_cycle(solved, f, op)
    grid_error = (solved - exact).norm()
    assert grid_error < exact.norm() / n**2
    assert (got - exact).norm() < 1.5 * grid_error


@pytest.mark.parametrize("dims", [2, 3])
def test_batches(dims: int) -> None:
    """Of operators and of values, in any positions: each item by itself, bit for bit."""
    sizes = (6, 7) if dims == 2 else (4, 3, 6)
    a = torch.stack([coefficient(*sizes, seed=s) for s in range(3)])
    batches = ((3,), (2, 3)), ((3, 1), (3, 2)), ((3, 1), (2,)), ((3,), ()), ((1, 3), (3,))
    for shape, of_values in batches:
        op = diffusion_stencil(a.reshape(*shape, *sizes), dims=dims)
        u, f = values(*of_values, *sizes), values(*of_values, *sizes, seed=5)
        coarse = values(*of_values, *op.levels[1].sizes)
        results = {
            "op": op(u),
            "smooth": smooth(u, f, op),
            "cycle": v_cycle(u, f, op),
            "restrict": restrict(f, op),
            "prolong": prolong(coarse, op),
            "coarse": op.levels[1](coarse),
        }
        batch = torch.broadcast_shapes(shape, of_values)
        number = torch.arange(3).reshape(shape).expand(batch)
        for place in itertools.product(*map(range, batch)):
            one = diffusion_stencil(a[number[place]], dims=dims)
            own_u, own_f, own_coarse = (
                each.expand(*batch, *each.shape[len(of_values) :])[place] for each in (u, f, coarse)
            )
            assert same_bits(results["op"][place], one(own_u))
            assert same_bits(results["smooth"][place], smooth(own_u, own_f, one))
            assert same_bits(results["cycle"][place], v_cycle(own_u, own_f, one))
            assert same_bits(results["restrict"][place], restrict(own_f, one))
            assert same_bits(results["prolong"][place], prolong(own_coarse, one))
            assert same_bits(results["coarse"][place], one.levels[1](own_coarse))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_layouts_and_threads(dtype: torch.dtype) -> None:
    """The same bits for any strides and number of threads; arguments stay as they are."""
    op = diffusion_stencil(coefficient(65, 127).to(dtype))
    u, f = values(2, 65, 127).to(dtype), values(2, 65, 127, seed=2).to(dtype)
    expected = v_cycle(u, f, op), op(u), smooth(u, f, op, "chebyshev", 3)
    padded = torch.full((2, 70, 300), 7.0, dtype=dtype)
    padded[:, 3:68, 5:259:2] = u
    odd = padded[:, 3:68, 5:259:2]
    turned = f.mT.contiguous().mT
    kept = padded.clone(), turned.clone()
    for count in (1, 2, 3):
        with threads(count):
            got = v_cycle(odd, turned, op), op(odd), smooth(odd, turned, op, "chebyshev", 3)
        assert all_bits(got, expected)
        assert all(one.is_contiguous() for one in got)
    assert same_bits(padded, kept[0])
    assert same_bits(turned, kept[1])


def test_float32() -> None:
    """Its own precision: near what float64 gives, and no nearer to a solution than it can be."""
    a, f = coefficient(63, 70), values(63, 70)
    exact, narrow = diffusion_stencil(a), diffusion_stencil(a.float())
    u, v = torch.zeros_like(f), torch.zeros_like(f).float()
    for _ in range(12):
        u, v = v_cycle(u, f, exact), v_cycle(v, f.float(), narrow)
    assert v.dtype == torch.float32
    close(v.double().numpy(), u.numpy(), 1e-5)
    rest = float(residual(v.double(), f, exact).norm() / f.norm())
    assert 1e-8 < rest < 3e-5


def test_one_point_and_no_batch() -> None:
    """The smallest grids, and batches of nothing."""
    one = poisson_stencil((1, 1))
    close(one(torch.ones(1, 1, dtype=torch.float64)).numpy(), [[4 * 4.0]])
    close(v_cycle(None, torch.full((1, 1), 16.0, dtype=torch.float64), one).numpy(), [[1.0]])
    with pytest.raises(ValueError, match="no coarser one"):
        restrict(torch.ones(1, 1, dtype=torch.float64), one)
    op = poisson_stencil((9, 9))
    nothing = torch.empty(0, 9, 9, dtype=torch.float64)
    assert op(nothing).shape == smooth(None, nothing, op).shape == (0, 9, 9)
    assert v_cycle(nothing, nothing, op).shape == (0, 9, 9)
    assert restrict(nothing, op).shape == (0, 4, 4)


def test_right_hand_side() -> None:
    """A u of the solution of a problem with values on its sides."""
    n = 8
    x = torch.linspace(0, 1, n + 2, dtype=torch.float64)[1:-1]
    u = 1 + 2 * x[:, None] + 3 * x  # harmonic, and exact on any grid
    op = poisson_stencil((n, n))
    ends = [(1 + 3 * x, 3 + 3 * x), (1 + 2 * x, 4 + 2 * x)]
    close(op.right_hand_side(torch.zeros_like(u), ends).numpy(), op(u).numpy(), 1e-13)
    flux = poisson_stencil((5, 6), boundary="neumann")
    f = values(5, 6)
    assert flux.volumes is not None
    close(flux.right_hand_side(f).numpy(), (f * flux.volumes).numpy(), 1e-15)


F = torch.float64
BAD: list[tuple[Any, type[Exception], str]] = [
    (lambda op: op(torch.ones(9, 8, dtype=F)), ValueError, r"op: u has shape \[9, 8\]"),
    (lambda op: op(torch.ones(9, 9)), TypeError, "op: u has dtype torch.float32"),
    (lambda op: op(1.0), TypeError, "op: u must be a Tensor"),
    (lambda op: smooth(None, torch.ones(9, 9, dtype=F), 3), TypeError, "op must be a GridOperator"),
    (lambda op: smooth(None, torch.ones(9, 9, dtype=F), op, "sor"), ValueError, "kind: got 'sor'"),
    (lambda op: smooth(None, torch.ones(9, 9, dtype=F), op, steps=-1), ValueError, "steps: got -1"),
    (lambda op: smooth(None, torch.ones(9, 9, dtype=F), op, omega=2), ValueError, "omega: got 2"),
    (
        lambda op: smooth(None, torch.ones(9, 9, dtype=F), op, "chebyshev", omega=1.0),
        ValueError,
        "'chebyshev' has none",
    ),
    (lambda op: prolong(torch.ones(9, 9, dtype=F), op), ValueError, r"expected \[..., 4, 4\]"),
    (lambda op: v_cycle(None, torch.ones(9, 9, dtype=F), op, pre=True), TypeError, "pre must be"),
    (
        lambda op: v_cycle(torch.ones(2, 9, 9, dtype=F), torch.ones(3, 9, 9, dtype=F), op),
        ValueError,
        "batches do not broadcast",
    ),
    (lambda op: poisson_stencil((9,)), ValueError, "sizes"),
    (lambda op: poisson_stencil((9, 0)), ValueError, "sizes"),
    (lambda op: poisson_stencil((9, 9), dtype=torch.float16), TypeError, "dtype"),
    (lambda op: diffusion_stencil(torch.zeros(9, 9)), ValueError, "smallest value is 0"),
    (lambda op: diffusion_stencil(torch.zeros(9, 0)), ValueError, "at least one point"),
    (lambda op: op.levels[1].right_hand_side(None), ValueError, "level 1"),
]


@pytest.mark.parametrize(("call", "error", "words"), BAD)
def test_bad_input(call: Any, error: type[Exception], words: str) -> None:
    """Says what it got and what it needs."""
    with pytest.raises(error, match=words):
        call(poisson_stencil((9, 9)))
