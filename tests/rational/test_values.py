"""Values and gradients of the group rational: accuracy, shapes, layouts, bits."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import longtail
from kit.layouts import deterministic, threads
from kit.tensors import LAYOUTS, MATRIX, same_bits
from rational import oracle
from rational.ops import VERSIONS, coefficients

EPS = {torch.float64: 2.0**-52}  # of the computing type; the others compute in float32
DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
# Shape, channel dimension, groups of numerator and denominator, orders.
CASES = (
    ((5, 24), -1, (1, 1), (5, 4)),
    ((3, 7, 24), -1, (1, 8), (5, 4)),
    ((2, 24, 5, 3), 1, (2, 3), (5, 4)),
    ((24, 11), 0, (24, 1), (5, 4)),
    ((6, 98), -1, (2, 2), (7, 6)),
    ((4, 193), -1, (1, 193), (3, 2)),
    ((13, 2), -1, (1, 1), (0, 1)),
    ((1, 127, 130), 1, (127, 1), (5, 4)),
)


def make(case: tuple, dtype: torch.dtype, scale: float = 2.0) -> tuple[Tensor, Tensor, Tensor, int]:
    """x and coefficients of a case; those of half precision have float32 coefficients."""
    shape, dim, groups, (m, n) = case
    generator = torch.Generator().manual_seed(5)
    x = (scale * torch.randn(shape, generator=generator, dtype=torch.float64)).to(dtype)
    narrow = dtype if dtype == torch.float64 else torch.float32
    a, b = (each.to(narrow) for each in coefficients(generator, m, n, groups))
    return x, a, b, dim


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("version", VERSIONS)
def test_values_and_slopes(version: str, dtype: torch.dtype, case: tuple) -> None:
    """Within the contract of float64 written out, also where x is far from 0."""
    for scale in (2.0, 40.0):
        x, a, b, dim = make(case, dtype, scale)
        exact_x = x.double().requires_grad_()
        exact = oracle.rational(exact_x, a, b, version, dim)
        (slope,) = torch.autograd.grad(exact.y.sum(), exact_x)
        tracked = x.clone().requires_grad_()
        y = longtail.rational(tracked, a, b, version, dim)
        (got,) = torch.autograd.grad(y.sum(), tracked)
        assert y.dtype == got.dtype == dtype and y.is_contiguous()
        eps, last = EPS.get(dtype, 2.0**-23), torch.finfo(dtype).eps / 2
        least = torch.finfo(dtype).smallest_normal * last
        within = oracle.CONTRACT["value"] * eps * exact.scale + last * exact.y.abs() + least
        fits = exact.y.abs() < torch.finfo(dtype).max
        assert ((y.double() - exact.y).abs() <= within)[fits].all()
        within = oracle.CONTRACT["slope"] * eps * (exact.slope_scale + slope.abs())
        within = within * exact.cancelling + last * slope.abs() + least
        fits = slope.abs() < torch.finfo(dtype).max
        assert ((got.double() - slope).abs() <= within)[fits].all()


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("version", VERSIONS)
def test_coefficient_gradients(version: str, dtype: torch.dtype, case: tuple) -> None:
    """Relative to the norm of each row."""
    x, a, b, dim = make(case, dtype)
    grad = torch.randn(x.shape, generator=torch.Generator().manual_seed(6)).to(dtype)
    wide = [each.double().requires_grad_() for each in (a, b)]
    exact = torch.autograd.grad(
        oracle.rational(x, *wide, version, dim).y, wide, grad.double().contiguous()
    )
    narrow = [each.clone().requires_grad_() for each in (a, b)]
    got = torch.autograd.grad(longtail.rational(x, *narrow, version, dim), narrow, grad)
    for ours, theirs, of in zip(got, exact, narrow, strict=True):
        assert ours.dtype == of.dtype and ours.shape == of.shape
        error = (ours.double() - theirs).norm(dim=1) / theirs.norm(dim=1)
        key = "coefficients_float64" if dtype == torch.float64 else f"coefficients_{version}"
        assert error.max() <= oracle.CONTRACT[key]


@pytest.mark.parametrize("version", VERSIONS)
def test_zero_denominators_learn(version: str) -> None:
    """At b = 0 the gradient is that of +b, not the zero of sign(0)."""
    x = torch.tensor([[0.5, 1.0, 2.0]], dtype=torch.float64)
    a = torch.tensor([[0.0, 1.0]], dtype=torch.float64)
    b = torch.zeros(1, 2, dtype=torch.float64, requires_grad=True)
    (got,) = torch.autograd.grad(longtail.rational(x, a, b, version).sum(), b)
    torch.testing.assert_close(got, -torch.stack([(x * x).sum(), (x * x * x).sum()])[None])


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_layouts(dtype: torch.dtype, layout) -> None:
    """Any strides of x, of the gradient and of coefficients give the same bits."""
    x, a, b, _ = make((MATRIX, -1, (1, 13), (5, 4)), dtype)
    arguments = [each.requires_grad_() for each in (x, a, b)]
    grad = torch.randn(MATRIX).to(dtype)
    expected = longtail.rational(*arguments)
    gradients = torch.autograd.grad(expected, arguments, grad)
    moved = [layout(each.detach()).requires_grad_() for each in arguments]
    result = longtail.rational(*moved)
    assert result.is_contiguous() and same_bits(result, expected)
    for ours, theirs in zip(
        torch.autograd.grad(result, moved, layout(grad)), gradients, strict=True
    ):
        assert same_bits(ours, theirs)


def test_empty() -> None:
    """No rows: no result, and zero gradients."""
    x, a, b, _ = make(((0, 24), -1, (1, 8), (5, 4)), torch.float32)
    arguments = [each.requires_grad_() for each in (x, a, b)]
    result = longtail.rational(*arguments)
    assert result.shape == (0, 24)
    gradients = torch.autograd.grad(result.sum(), arguments)
    assert all((each == 0).all() for each in gradients)


@pytest.mark.parametrize("shape", [(3000, 96), (2, 96, 40, 37)], ids=["rows", "images"])
def test_same_bits_on_any_number_of_threads(shape: tuple[int, ...]) -> None:
    """Coefficient gradients too, and again."""
    x, a, b, dim = make((shape, 1, (1, 8), (5, 4)), torch.float32)
    grad = torch.randn(shape, generator=torch.Generator().manual_seed(2))

    def run() -> list[Tensor]:
        arguments = [each.clone().requires_grad_() for each in (x, a, b)]
        result = longtail.rational(*arguments, "A", dim)
        return [result.detach(), *torch.autograd.grad(result, arguments, grad)]

    with threads(1):
        expected = run()
    with threads(2), deterministic():
        for _ in range(2):
            assert all(map(same_bits, run(), expected))


def test_only_x_is_kept_for_backward() -> None:
    """One input's worth of memory; the peers keep 6 to 12."""
    kept: list[Tensor] = []
    x, a, b, _ = make(((64, 96), -1, (1, 8), (5, 4)), torch.float32)
    arguments = [each.requires_grad_() for each in (x, a, b)]

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        longtail.rational(*arguments)
    assert sorted(each.numel() for each in kept) == sorted(each.numel() for each in arguments)


def test_vmap() -> None:
    """Batches of x, of coefficients and of both give the rows of single calls."""
    x, a, b, _ = make(((4, 5, 24), -1, (1, 8), (5, 4)), torch.float64)
    many = torch.stack([a, 2 * a, -a, a + 1])
    for in_dims, arguments in (
        ((0, None, None), (x, a, b)),
        ((1, None, None), (x, a, b)),
        ((None, 0, None), (x[0], many, b)),
        ((0, 0, None), (x, many, b)),
    ):
        batched = torch.func.vmap(longtail.rational, in_dims)(*arguments)
        rows = [
            longtail.rational(
                *(
                    t if d is None else t.select(d, k)
                    for t, d in zip(arguments, in_dims, strict=True)
                )
            )
            for k in range(batched.shape[0])
        ]
        torch.testing.assert_close(batched, torch.stack(rows), rtol=0, atol=0)
    per_sample = torch.func.vmap(
        torch.func.grad(lambda *each: longtail.rational(*each).sum(), (0, 1, 2)), (0, None, None)
    )(x, a, b)
    single = torch.func.grad(lambda *each: longtail.rational(*each).sum(), (0, 1, 2))(x[2], a, b)
    for ours, theirs in zip(per_sample, single, strict=True):
        torch.testing.assert_close(ours[2], theirs)


def test_third_derivatives() -> None:
    """Beyond the second there is no end."""
    x = torch.tensor([[0.3, -0.7]], dtype=torch.float64)
    a, b = coefficients(torch.Generator().manual_seed(3))

    def along(function, value: Tensor) -> Tensor:
        for _ in range(3):
            value_of = function

            def function(t: Tensor, value_of=value_of) -> Tensor:
                return torch.func.grad(lambda s: value_of(s).sum())(t)

        return function(value)

    ours = along(lambda t: longtail.rational(t, a, b), x)
    theirs = along(lambda t: oracle.rational(t, a, b, "A", -1).y, x)
    torch.testing.assert_close(ours, theirs)


def test_out() -> None:
    """Written in place, also into strides and over x itself."""
    x, a, b, _ = make(((5, 24), -1, (1, 8), (5, 4)), torch.float32)
    expected = longtail.rational(x, a, b)
    for out in (torch.empty(5, 24), torch.empty(24, 5).t(), x.clone()):
        source = out if out.is_contiguous() and torch.equal(out, x) else x
        assert longtail.rational(source, a, b, out=out) is out
        assert same_bits(out, expected)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_autocast_keeps_the_dtype(dtype: torch.dtype) -> None:
    """Half precision in, half precision out, with float32 parameters."""
    x, a, b, _ = make(((5, 24), -1, (1, 8), (5, 4)), dtype)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        result = longtail.rational(x, a, b)
    assert result.dtype == dtype and same_bits(result, longtail.rational(x, a, b))
