"""losses.SobolevLoss and H1Loss beside matrices in float64, integrals that are known, and what
happens at zero."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from torch import Tensor

from kit import BadInput, Raises
from kit.bad_input import check, parametrize
from longtail.losses import H1Loss, SobolevLoss


def sobolev(e: Tensor, order: float, alpha: float, length: tuple[float, ...]) -> Tensor:
    """All frequencies, one after the other."""
    grid = e.shape[-len(length) :]
    places = torch.meshgrid(
        *(torch.arange(n, dtype=torch.float64) / n for n in grid), indexing="ij"
    )
    total = torch.zeros(e.shape[0], dtype=torch.float64)
    for index in itertools.product(*(range(n) for n in grid)):
        k = [i if 2 * i <= n else i - n for i, n in zip(index, grid, strict=True)]
        angle = 2 * math.pi * sum(f * x for f, x in zip(k, places, strict=True))
        axes = tuple(range(-len(grid), 0))
        real = (e * angle.cos()).mean(axes)
        imaginary = (e * angle.sin()).mean(axes)
        symbol = alpha + sum((2 * math.pi * f / s) ** 2 for f, s in zip(k, length, strict=True))
        total = total + symbol**order * (real**2 + imaginary**2).flatten(1).sum(1)
    return total.sqrt()


@pytest.mark.parametrize("order", [-1, 0, 1, -0.5])
@pytest.mark.parametrize("grid", [(6, 7), (8,), (3, 4, 6), (1, 5)], ids=str)
@pytest.mark.parametrize("relative", [False, True])
def test_sobolev(relative: bool, grid: tuple[int, ...], order: float) -> None:
    g = torch.Generator().manual_seed(0)
    a, b = (torch.randn(3, 2, *grid, generator=g, dtype=torch.float64) for _ in range(2))
    length = tuple(1.0 + i for i in range(len(grid)))
    loss = SobolevLoss(
        order, 0.3, dims=len(grid), length=length, relative=relative, reduction="none"
    )
    expected = sobolev(a - b, order, 0.3, length)
    if relative:
        expected = expected / sobolev(b, order, 0.3, length)
    torch.testing.assert_close(loss(a, b), expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(loss(a.float(), b.float()), expected.float(), rtol=1e-5, atol=1e-6)


def test_order_zero_is_the_mean_square() -> None:
    a, b = torch.randn(4, 9, 10), torch.randn(4, 9, 10)
    loss = SobolevLoss(0, relative=False, reduction="sum")
    torch.testing.assert_close(loss(a, b), (a - b).square().mean((1, 2)).sqrt().sum())


def faces(n: int, pair: tuple[str, str], grid: str, h: float) -> tuple[Tensor, Tensor, Tensor]:
    """The matrix of slopes on faces of an axis, the length that each stands for, and the shares of
    the points."""
    rows, lengths = [], []
    for i in range(n - 1):
        row = torch.zeros(n, dtype=torch.float64)
        row[i + 1], row[i] = 1 / h, -1 / h
        rows.append(row)
        lengths.append(h)
    if pair[0] == "periodic":
        row = torch.zeros(n, dtype=torch.float64)
        row[0] += 1 / h
        row[n - 1] -= 1 / h
        rows.append(row)
        lengths.append(h)
    for at, side in ((0, pair[0]), (n - 1, pair[1])):
        if side == "dirichlet":
            row = torch.zeros(n, dtype=torch.float64)
            gap = h if grid == "vertex" else h / 2
            row[at] = 1 / gap
            rows.append(row)
            lengths.append(gap)
    shares = torch.full((n,), h, dtype=torch.float64)
    if grid == "vertex":
        for at, side in ((0, pair[0]), (n - 1, pair[1])):
            if side == "neumann":
                shares[at] = h / 2
    matrix = torch.stack(rows) if rows else torch.zeros(0, n, dtype=torch.float64)
    return matrix, torch.tensor(lengths, dtype=torch.float64), shares


SIDES = [
    ("dirichlet", "dirichlet"),
    ("neumann", "neumann"),
    ("dirichlet", "neumann"),
    ("periodic", "periodic"),
]


@pytest.mark.parametrize("grid", ["vertex", "cell"])
@pytest.mark.parametrize("first", SIDES, ids="-".join)
@pytest.mark.parametrize("second", SIDES, ids="-".join)
@pytest.mark.parametrize("size", [(5, 4), (2, 7)], ids=str)
def test_h1(
    size: tuple[int, int], second: tuple[str, str], first: tuple[str, str], grid: str
) -> None:
    g = torch.Generator().manual_seed(1)
    a, b = (torch.randn(3, 2, *size, generator=g, dtype=torch.float64) for _ in range(2))
    spacing = (0.3, 0.7)
    d0, l0, w0 = faces(size[0], first, grid, spacing[0])
    d1, l1, w1 = faces(size[1], second, grid, spacing[1])

    def norm(e: Tensor) -> Tensor:
        squares = torch.einsum("nchw,h,w->n", e.square(), w0, w1)
        squares = squares + torch.einsum("ncfw,f,w->n", (d0 @ e).square(), l0, w1)
        return (squares + torch.einsum("nchf,h,f->n", (e @ d1.mT).square(), w0, l1)).sqrt()

    for relative in (False, True):
        loss = H1Loss((first, second), grid, spacing=spacing, relative=relative, reduction="none")
        expected = norm(a - b) / (norm(b) if relative else 1)
        torch.testing.assert_close(loss(a, b), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("grid", ["vertex", "cell"])
@pytest.mark.parametrize("boundary", ["dirichlet", "neumann", "periodic"])
def test_h1_of_a_wave(boundary: str, grid: str) -> None:
    """The integral on the unit square, with spacings that are left out: to second order."""
    n = 100
    if grid == "cell":
        x = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    elif boundary == "dirichlet":
        x = torch.arange(1, n + 1, dtype=torch.float64) / (n + 1)
    else:
        x = torch.arange(n, dtype=torch.float64) / (n if boundary == "periodic" else n - 1)
    turns = 2 * math.pi if boundary == "periodic" else math.pi
    wave = torch.cos(turns * x) if boundary == "neumann" else torch.sin(turns * x)
    e = wave.view(1, n, 1) * wave
    got = H1Loss(boundary, grid, relative=False)(e, torch.zeros_like(e))
    assert abs(float(got) - math.sqrt(0.25 + 0.5 * turns**2)) < 1e-2 * turns


def test_an_error_beside_a_side_is_seen() -> None:
    """A constant error has no slope but at Dirichlet sides."""
    e, zero = torch.ones(1, 1, 15, 15), torch.zeros(1, 1, 15, 15)
    seen = H1Loss("dirichlet", relative=False)(e, zero)
    assert seen > 5 * H1Loss("neumann", relative=False)(e, zero)


@pytest.mark.parametrize("loss", [H1Loss(), SobolevLoss()], ids=["H1", "Sobolev"])
def test_gradients(loss: torch.nn.Module) -> None:
    """Finite differences; zero at no error and for an empty target, never nan."""
    g = torch.Generator().manual_seed(2)
    a, b = (torch.randn(2, 1, 4, 5, generator=g, dtype=torch.float64) for _ in range(2))
    assert torch.autograd.gradcheck(loss, (a.requires_grad_(), b))
    same = b.clone().requires_grad_()
    (grad,) = torch.autograd.grad(loss(same, b), same)
    assert torch.equal(grad, torch.zeros_like(b))
    assert loss(torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4)) == 0
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(a, b), loss(a, b))
    half = loss(a.detach().bfloat16(), b.bfloat16())
    assert half.dtype == torch.float32 and abs(half - loss(a, b)) < 0.02


def _bad(label: str, make: Any, error: type[Exception], *words: str, **more: Any) -> BadInput:
    return BadInput(f"{make.__name__}({label})", lambda: make(**more), Raises(error, *words))


FIELD = torch.ones(2, 1, 4, 4)
CASES = [
    _bad("order=nan", SobolevLoss, ValueError, "order", "nan", order=math.nan),
    _bad("alpha=0", SobolevLoss, ValueError, "alpha", "0", alpha=0),
    _bad("dims=4", SobolevLoss, ValueError, "dims", "4", dims=4),
    _bad("length", SobolevLoss, ValueError, "length", "(1, 2, 3)", length=(1, 2, 3)),
    _bad("reduction", SobolevLoss, ValueError, "reduction", "'max'", reduction="max"),
    _bad("boundary", H1Loss, ValueError, "boundary", "'robin'", boundary="robin"),
    _bad("one pair", H1Loss, ValueError, "boundary", boundary=[("dirichlet", "neumann")]),
    _bad("grid", H1Loss, ValueError, "grid", "'face'", grid="face"),
    _bad("spacing", H1Loss, ValueError, "spacing", "-1", spacing=-1),
    *(
        BadInput(label, lambda make=make, call=call: call(make()), outcome)
        for make in (H1Loss, SobolevLoss)
        for label, call, outcome in (
            ("None", lambda loss: loss(None, FIELD), Raises(TypeError, "prediction", "NoneType")),
            (
                "integers",
                lambda loss: loss(FIELD, FIELD.long()),
                Raises(TypeError, "target", "int64"),
            ),
            (
                "shapes",
                lambda loss: loss(FIELD, FIELD[:1]),
                Raises(ValueError, "[2, 1, 4, 4]", "[1, 1, 4, 4]"),
            ),
            (
                "no points",
                lambda loss: loss(FIELD[..., :0], FIELD[..., :0]),
                Raises(ValueError, "[2, 1, 4, 0]"),
            ),
        )
    ),
    BadInput(
        "one vertex between Neumann sides",
        lambda: H1Loss("neumann")(FIELD[..., :1], FIELD[..., :1]),
        Raises(ValueError, "1 point", "at least 2"),
    ),
]


@parametrize(CASES)
def test_bad_input(case: BadInput) -> None:
    check(case)
