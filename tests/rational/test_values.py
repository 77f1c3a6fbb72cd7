"""Values and gradients of the group rational: accuracy, shapes, layouts, bits, far arguments."""

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


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("version", VERSIONS)
def test_identity_to_the_largest_number(version: str, dtype: torch.dtype) -> None:
    """a = (0, 1, 0, ...), b = 0 gives x itself and slope 1, everywhere; infinities stay."""
    info = torch.finfo(dtype)
    numbers = [0.0, info.tiny, 1.0, 63.0, 64.0, 65.0, 1e4, info.max, float("inf")]
    x = torch.tensor(numbers + [-each for each in numbers], dtype=dtype).requires_grad_()
    a = torch.tensor([[0.0, 1, 0, 0, 0, 0]])
    b = torch.zeros(1, 4)
    if dtype == torch.float64:
        a, b = a.double(), b.double()
    y = longtail.rational(x, a, b, version)
    assert torch.equal(y, x)
    assert (torch.autograd.grad(y.sum(), x)[0] == 1).all()


@pytest.mark.parametrize("version", VERSIONS)
def test_no_overflow_on_the_way(version: str) -> None:
    """x^5/(1 + x^4) is about x: P/(Q Q) loses half of the slope from 1e6 on, and float16 has no
    room for P."""
    a, b = torch.tensor([[0.0, 0, 0, 0, 0, 0.5]]), torch.tensor([[0.0, 0, 0, 1.0]])
    x = torch.tensor([1e6, -1e20, 3e38]).requires_grad_()
    y = longtail.rational(x, a, b, version)
    torch.testing.assert_close(y, 0.5 * x, rtol=1e-6, atol=0)
    torch.testing.assert_close(torch.autograd.grad(y.sum(), x)[0], torch.full((3,), 0.5))
    half = torch.tensor([50.0, 1000.0, -6e4], dtype=torch.float16)
    torch.testing.assert_close(longtail.rational(half, a, b, version), half * 0.5)


@pytest.mark.parametrize("version", VERSIONS)
def test_coefficient_gradients_far_from_zero(version: str) -> None:
    """Beyond |x| = 64 float32 goes through double: against float64 in the plain formula."""
    x = torch.tensor([[70.0, -90.0, 1e3, -3.0]])
    a, b = coefficients(torch.Generator().manual_seed(1))
    wide = [each.clone().requires_grad_() for each in (a, b)]
    exact = torch.autograd.grad(oracle.rational(x, *wide, version, -1).y.sum(), wide)
    narrow = [each.float().requires_grad_() for each in (a, b)]
    got = torch.autograd.grad(longtail.rational(x, *narrow, version).sum(), narrow)
    for ours, theirs in zip(got, exact, strict=True):
        torch.testing.assert_close(ours.double(), theirs, rtol=1e-5, atol=0)


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
