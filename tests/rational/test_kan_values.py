"""Values and gradients of kan_basis and kan_linear, beside twins of their own and SciPy."""

from __future__ import annotations

import pytest
import scipy.interpolate
import torch
from torch import Tensor

import longtail
from rational.kan_oracle import INPUTS, KINDS, Kind, hat_layer, layer, silu, twin, uniform
from rational.oracle import CONTRACT

DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
# Some with one row or one output, none with one result alone: its terms may cancel.
SHAPES = (((5,), 3), ((2, 301), 40), ((97, 1), 33), ((1,), 33), ((33,), 1))


def close(got: Tensor, exact: Tensor, eps: float) -> None:
    """Within eps of the largest element."""
    assert got.shape == exact.shape
    if exact.numel():
        assert (got.double() - exact).abs().max() <= eps * exact.abs().max()


def error_of(dtype: torch.dtype) -> float:
    """The contract's."""
    wide = {torch.float64: CONTRACT["kan_float64"], torch.float32: CONTRACT["kan_float32"]}
    return wide.get(dtype, CONTRACT["kan_half_eps"] * torch.finfo(dtype).eps)


def as_given(kind: Kind, dtype: torch.dtype, rows: tuple[int, ...], outputs: int) -> list[Tensor]:
    """x, weight, bias, base weight and the kind's own, rounded; half precision has float32 ones."""
    given = layer(kind, rows, outputs)
    narrow = dtype if dtype == torch.float64 else torch.float32
    tensors = [given.weight, given.bias, given.base_weight, *given.own]
    return [given.x.to(dtype), *(each.to(narrow) for each in tensors)]


def track(tensors: list[Tensor], kind: Kind, dtype: torch.dtype | None = None) -> list[Tensor]:
    """Copies that require a gradient, but knots."""
    count = len(tensors) - (1 if kind.kind == "bspline" else 0)
    return [
        each.to(dtype or each.dtype, copy=True).requires_grad_(k < count)
        for k, each in enumerate(tensors)
    ]


def gradients(result: Tensor, tensors: list[Tensor], grad: Tensor) -> list[Tensor]:
    wanted = [each for each in tensors if each.requires_grad]
    return list(torch.autograd.grad(result, wanted, grad.to(result.dtype)))


def linear(kind: Kind, x: Tensor, weight: Tensor, bias: Tensor, base: Tensor, *own: Tensor):
    return longtail.kan_linear(
        x, weight, kind.kind, bias=bias, base_weight=base, **kind.keywords, **kind.keyword(*own)
    )


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", KINDS)
def test_layer_and_its_twin(name: str, dtype: torch.dtype, shape: tuple) -> None:
    """With the same weights: output and all gradients, relative to their largest element."""
    kind = KINDS[name]
    tensors = as_given(kind, dtype, *shape)
    mine, theirs = track(tensors, kind), track(tensors, kind, torch.float64)
    y = linear(kind, *mine)
    exact = twin(kind, layer(kind, *shape)._replace(
        x=theirs[0], weight=theirs[1], bias=theirs[2], base_weight=theirs[3], own=tuple(theirs[4:])
    ))  # fmt: skip
    assert y.dtype == dtype and y.is_contiguous()
    close(y.detach(), exact.detach(), error_of(dtype))
    grad = torch.randn(y.shape, generator=torch.Generator().manual_seed(3)).to(dtype)
    for got, expected, of in zip(
        gradients(y, mine, grad), gradients(exact, theirs, grad), mine, strict=False
    ):
        assert got.dtype == of.dtype
        close(got, expected, error_of(got.dtype))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", KINDS)
def test_basis_and_its_twin(name: str, dtype: torch.dtype) -> None:
    kind = KINDS[name]
    x, _, _, _, *own = as_given(kind, dtype, (3, 101), 1)
    mine = track([x, *own], kind)
    theirs = track([x, *own], kind, torch.float64)
    phi = longtail.kan_basis(mine[0], kind.kind, **kind.keywords, **kind.keyword(*mine[1:]))
    exact = kind.phi(*theirs)
    assert phi.dtype == dtype and phi.is_contiguous()
    close(phi.detach(), exact.detach(), error_of(dtype))
    grad = torch.randn(phi.shape, generator=torch.Generator().manual_seed(3)).to(dtype)
    for got, expected in zip(
        gradients(phi, mine, grad), gradients(exact, theirs, grad), strict=True
    ):
        close(got, expected, error_of(got.dtype))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_mexican_hats(dtype: torch.dtype, shape: tuple) -> None:
    """Scale and shift of every edge, trained too."""
    rows, outputs = shape
    g = torch.Generator().manual_seed(2)
    narrow = dtype if dtype == torch.float64 else torch.float32
    make = (
        uniform(-2, 2, *rows, INPUTS),
        uniform(-1, 1, outputs, INPUTS, 1),
        uniform(-1, 1, outputs),
        uniform(-1, 1, outputs, INPUTS),
        uniform(0.5, 1.5, outputs, INPUTS),
        uniform(-1, 1, outputs, INPUTS),
    )
    tensors = [each(g).to(dtype if k == 0 else narrow) for k, each in enumerate(make)]
    mine = [each.clone().requires_grad_() for each in tensors]
    x, weight, bias, base, scale, shift = mine
    if dtype not in (torch.float64, torch.float32):
        base = None  # added by torch, in half precision
    y = longtail.kan_linear(
        x, weight, "mexican_hat", bias=bias, base_weight=base, params=(scale, shift)
    )
    wide = [each.double().requires_grad_() for each in tensors]
    exact = hat_layer(wide[0], wide[1], wide[4], wide[5]) + wide[2]
    if base is not None:
        exact = exact + silu(wide[0]) @ wide[3].T
    close(y.detach(), exact.detach(), error_of(dtype))
    grad = torch.randn(y.shape, generator=g).to(dtype)
    keep = [k for k in range(6) if k != 3 or base is not None]
    got = torch.autograd.grad(y, [mine[k] for k in keep], grad)
    expected = torch.autograd.grad(exact, [wide[k] for k in keep], grad.double())
    for a, b in zip(got, expected, strict=True):
        close(a, b, error_of(a.dtype))


@pytest.mark.parametrize("degree", [0, 1, 2, 3, 5, 7])
def test_splines_are_scipys(degree: int) -> None:
    """Inside, outside and on the knots, some of them repeated."""
    knots = torch.tensor([0.0, 0, 0.5, 1, 1.5, 1.5, 2, 3, 3.25, 4, 5, 6, 7], dtype=torch.float64)
    x = torch.cat([torch.linspace(-1, 8, 181, dtype=torch.float64), knots])
    ours = longtail.kan_basis(x[:, None], "bspline", grid=knots, degree=degree)[:, 0]
    count = len(knots) - degree - 1
    for k in range(count):
        local = knots[k : k + degree + 2]
        if local[0] == local[-1]:
            continue
        element = scipy.interpolate.BSpline.basis_element(local.numpy(), extrapolate=False)
        expected = torch.from_numpy(element(x.numpy())).nan_to_num()
        expected = torch.where(x >= local[-1], 0.0, expected)  # half open, as the sum to 1 needs
        torch.testing.assert_close(ours[:, k], expected, rtol=0, atol=2e-15)


def test_default_splines_sum_to_one() -> None:
    x = torch.rand(100, 3, dtype=torch.float64) * 2 - 1
    total = longtail.kan_basis(x, "bspline").sum(-1)
    torch.testing.assert_close(total, torch.ones_like(total), rtol=0, atol=1e-15)


@pytest.mark.parametrize("kind", ["chebyshev", "legendre", "hermite"])
def test_slopes_at_the_ends(kind: str) -> None:
    """T'_n(1) = n^2, P'_n(1) = n (n + 1) / 2: cos(n acos x) has nan there."""
    x = torch.tensor([[1.0, -1.0]], dtype=torch.float64, requires_grad=True)
    phi = longtail.kan_basis(x, kind, degree=6)
    n = torch.arange(7, dtype=torch.float64)
    for k in range(7):
        (slope,) = torch.autograd.grad(phi[0, 0, k], x, retain_graph=True)
        if kind == "chebyshev":
            assert slope[0, 0] == n[k] ** 2
        elif kind == "legendre":
            torch.testing.assert_close(slope[0, 0], n[k] * (n[k] + 1) / 2)
        assert slope.isfinite().all()


@pytest.mark.parametrize("name", ["bspline", "gaussian_rbf", "rswaf", "relu_window"])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_far_arguments(name: str, dtype: torch.dtype) -> None:
    """0 from far out to infinity, slopes too; nan stays nan."""
    kind = KINDS[name]
    _, _, _, _, *own = as_given(kind, dtype, (1,), 1)
    far = torch.finfo(dtype).max
    row = torch.tensor([far, -far, float("inf"), float("-inf"), 3e4, -3e4], dtype=dtype)
    tensors = track([row[:, None].expand(-1, INPUTS), *own], kind)
    phi = longtail.kan_basis(tensors[0], kind.kind, **kind.keywords, **kind.keyword(*tensors[1:]))
    assert (phi == 0).all()
    assert all((each == 0).all() for each in gradients(phi, tensors, torch.ones_like(phi)))
    lost = longtail.kan_basis(torch.full((1, INPUTS), float("nan")), kind.kind, **kind.keywords)
    assert lost.isnan().any(-1).all()
