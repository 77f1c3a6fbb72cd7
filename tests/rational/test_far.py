"""The group rational where the textbook formula fails: far from 0, large denominators, no poles."""

from __future__ import annotations

import pytest
import torch

import longtail
from rational import oracle
from rational.ops import VERSIONS, coefficients
from rational.test_values import DTYPES, EPS


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


@pytest.mark.parametrize("dtype", DTYPES[1:], ids=str)
@pytest.mark.parametrize("version", VERSIONS)
def test_contract_to_the_largest_argument(version: str, dtype: torch.dtype) -> None:
    """Coefficients in general position, to 3.4e38 and to 65504: float64 has room for x^5 and judges
    values and slopes; coefficient gradients, up to x^5, overflow only where those do."""
    largest = torch.finfo(dtype).max
    sizes = torch.tensor([65.0, 1e3, 3e4, 1e6, 1e12, 1e19, 1e20, 1e30, 3e38, largest]).double()
    sizes = sizes[sizes <= largest].to(dtype)
    x = torch.cat([sizes, -sizes])[None].requires_grad_()
    a, b = (each.float() for each in coefficients(torch.Generator().manual_seed(8)))
    a *= 0.2  # F(x) is about a5 / b4 x, and fits
    exact_x = x.detach().double().requires_grad_()
    exact = oracle.rational(exact_x, a, b, version, -1)
    (slope,) = torch.autograd.grad(exact.y.sum(), exact_x)
    y = longtail.rational(x, a, b, version)
    (got,) = torch.autograd.grad(y.sum(), x)
    assert exact.y.abs().max() < largest and y.isfinite().all()
    eps, last = 2.0**-23, torch.finfo(dtype).eps / 2
    within = oracle.CONTRACT["value"] * eps * exact.scale + last * exact.y.abs()
    assert ((y.double() - exact.y).abs() <= within).all()
    within = oracle.CONTRACT["slope"] * eps * (exact.slope_scale + slope.abs())
    assert ((got.double() - slope).abs() <= within * exact.cancelling + last * slope.abs()).all()


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("version", VERSIONS)
def test_no_poles(version: str, dtype: torch.dtype) -> None:
    """At and around the zeros of the polynomial inside |.|, where 1 + b x + ... would vanish too:
    Q is at least 1, so no value is larger than the sum of its terms."""
    # 4 x^4 - 5 x^2 + 1 - 1 has zeros at 0 and +-1.118; 1 + it vanishes at +-1/2 and +-1.
    b = torch.tensor([[0.0, -5, 0, 4]])
    a = torch.tensor([[1.0, -2, 3, -4, 5, -6]])
    if dtype == torch.float64:
        a, b = a.double(), b.double()
    zeros = torch.tensor([0.0, 0.5, 1, 1.25**0.5], dtype=torch.float64)
    near = (zeros[:, None] + torch.linspace(-1e-3, 1e-3, 101, dtype=torch.float64)).flatten()
    x = torch.cat([near, -near, zeros, torch.linspace(-3, 3, 501, dtype=torch.float64)])
    arguments = [each.clone().requires_grad_() for each in (x.to(dtype)[None], a, b)]
    y = longtail.rational(*arguments, version)
    size = (a.abs().double() * x.to(dtype).double().abs()[:, None] ** torch.arange(6)).sum(1)
    assert (y.double().abs() <= size * (1 + 2 * torch.finfo(dtype).eps)).all()
    gradients = torch.autograd.grad(y.float().sum(), arguments)
    assert all(each.isfinite().all() for each in gradients)
    exact_x = x.to(dtype).double()[None].requires_grad_()
    exact = oracle.rational(exact_x, a, b, version, -1)
    (slope,) = torch.autograd.grad(exact.y.sum(), exact_x)
    # At a zero itself the slope jumps, and rounding decides the side.
    inner = 4 * exact_x.detach() ** 4 - 5 * exact_x.detach() ** 2
    clear = (inner.abs() > 1e-5) | (version == "A")
    eps, last = EPS.get(dtype, 2.0**-23), torch.finfo(dtype).eps / 2
    within = oracle.CONTRACT["slope"] * eps * (exact.slope_scale + slope.abs()) * exact.cancelling
    assert clear.sum() > 800
    assert ((gradients[0].double() - slope).abs() <= within + last * slope.abs())[clear].all()


@pytest.mark.parametrize("version", VERSIONS)
def test_squares_of_the_denominator_overflow(version: str) -> None:
    """Q is 1e25 and more at x about 1, where nothing is scaled: Q Q would be inf in float32."""
    a, b = torch.tensor([[0.0, 0, 0, 0, 0, 1e25]]), torch.tensor([[0.0, 0, 0, 1e25]])
    x = torch.tensor([[-60.0, -3, -1, 1, 2.5, 60]])
    arguments = [each.requires_grad_() for each in (x, a, b)]
    y = longtail.rational(*arguments, version)
    torch.testing.assert_close(y, x.detach(), rtol=1e-6, atol=0)
    dx, da, db = torch.autograd.grad(y, arguments, torch.ones_like(y))
    torch.testing.assert_close(dx, torch.ones_like(dx), rtol=1e-6, atol=0)
    wide = [each.detach().double().requires_grad_() for each in (a, b)]
    exact = oracle.rational(x.detach(), *wide, version, -1).y
    for ours, theirs in zip((da, db), torch.autograd.grad(exact.sum(), wide), strict=True):
        assert (ours.double() - theirs).norm() <= 5e-6 * theirs.norm()


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
