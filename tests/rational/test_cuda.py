"""The CUDA kernels of the group rational and of polynomials beside the CPU's."""

from __future__ import annotations

import pytest
import torch

import longtail
from kit.tensors import cuda_problem, same_bits
from rational import oracle
from rational.ops import VERSIONS
from rational.test_poly import make as make_poly
from rational.test_values import CASES, DTYPES, EPS, make

pytestmark = pytest.mark.skipif(bool(cuda_problem()), reason=cuda_problem() or "")


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("version", VERSIONS)
def test_cuda_values_and_gradients(version: str, dtype: torch.dtype, case: tuple) -> None:
    """Values within the contract; gradients near the CPU's and bit-equal on repeat."""
    x, a, b, dim = make(case, dtype, 20.0)
    exact = oracle.rational(x, a, b, version, dim)
    arguments = [each.cuda().requires_grad_() for each in (x, a, b)]
    y = longtail.rational(*arguments, version, dim)
    eps, last = EPS.get(dtype, 2.0**-23), torch.finfo(dtype).eps / 2
    least = torch.finfo(dtype).smallest_normal * last
    within = oracle.CONTRACT["value"] * eps * exact.scale + last * exact.y.abs() + least
    fits = exact.y.abs() < torch.finfo(dtype).max
    assert ((y.cpu().double() - exact.y).abs() <= within)[fits].all()
    got = torch.autograd.grad(y.sum(), arguments, retain_graph=True)
    again = torch.autograd.grad(y.sum(), arguments)
    assert all(map(same_bits, got, again))
    on_cpu = [each.clone().requires_grad_() for each in (x, a, b)]
    expected = torch.autograd.grad(longtail.rational(*on_cpu, version, dim).sum(), on_cpu)
    for ours, theirs in zip(got[1:], expected[1:], strict=True):
        error = (ours.cpu() - theirs).double().norm(dim=1) / theirs.double().norm(dim=1)
        assert error.max() <= 2 * oracle.CONTRACT[f"coefficients_{version}"]


def test_cuda_identity_far_from_zero() -> None:
    """To the largest float32."""
    x = torch.tensor([1.0, 65.0, 1e20, 3e38, -3e38], device="cuda").requires_grad_()
    a = torch.tensor([[0.0, 1, 0, 0, 0, 0]], device="cuda")
    y = longtail.rational(x, a, torch.zeros(1, 4, device="cuda"))
    assert torch.equal(y, x)
    assert (torch.autograd.grad(y.sum(), x)[0] == 1).all()


@pytest.mark.parametrize("name", ["poly_norm", "poly_relu"])
def test_cuda_poly_out(name: str) -> None:
    """Into a new tensor, into strides, over x itself: the bits of the plain call."""
    function = getattr(longtail, name)
    x, weight, bias = (each.cuda() for each in make_poly((5, 1031), torch.float32))
    expected = function(x, weight, bias)
    for out in (torch.empty_like(x), torch.empty(1031, 5, device="cuda").t()):
        assert same_bits(function(x, weight, bias, out=out), expected)
    assert same_bits(function(x, weight, bias, out=x), expected)
