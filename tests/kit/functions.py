"""What is asked of any function of tensors, whatever it computes: for families whose functions are
no OpSpec. ``same`` says which results count as the same; to the bit if it is not given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.func import grad, hessian, jacfwd, jacrev, jvp, vmap

from kit.layouts import deterministic, threads
from kit.tensors import Same, all_bits, results


def floats(given: list[Tensor]) -> list[Tensor]:
    """What has a gradient: solutions, not what is said of them."""
    return [each for each in given if each.requires_grad]


def results_and_gradients(call: Callable[..., Any], tensors: Sequence[Tensor]) -> list[Tensor]:
    """Those of all tensors that have one, for the sum of squares of the results."""
    leaves = [each.clone().requires_grad_() for each in tensors]
    got = results(call, *leaves)
    loss = sum((each.abs().square().sum() for each in floats(got)), torch.zeros(()))
    gradients = torch.autograd.grad(loss, leaves, allow_unused=True)
    return [*(each.detach() for each in got), *(g for g in gradients if g is not None)]


def check_threads_and_repeats(
    call: Callable[..., Any], tensors: Sequence[Tensor], same: Same = all_bits
) -> None:
    """Results and gradients of one thread, on two, twice, with deterministic algorithms."""
    with threads(1):
        expected = results_and_gradients(call, tensors)
    with threads(2), deterministic():
        for _ in range(2):
            assert same(results_and_gradients(call, tensors), expected)


def check_meta(call: Callable[..., Any], tensors: Sequence[Tensor]) -> None:
    """Shapes, dtypes and strides without data, of permuted tensors too."""
    views = [each.mT.contiguous().mT if each.dim() > 1 else each for each in tensors]
    real, fake = (results(call, *(each.to(d) for each in views)) for d in ("cpu", "meta"))
    for one, other in zip(real, fake, strict=True):
        assert other.is_meta
        assert (other.shape, other.dtype, other.stride()) == (one.shape, one.dtype, one.stride())


def check_inference_mode(call: Callable[..., Any], tensors: Sequence[Tensor]) -> None:
    """The same bits inside, from tensors made there, and of those outside."""
    expected = results(call, *tensors)
    with torch.inference_mode():
        inside = results(call, *tensors)
        made_here = [each.clone() for each in tensors]
        again = results(call, *made_here)
    assert all(each.is_inference() for each in inside)
    assert all(all_bits(each, expected) for each in (inside, again, results(call, *made_here)))


def check_transforms(
    loss: Callable[[Tensor], Tensor], x: Tensor, first: dict[str, float], second: dict[str, float]
) -> None:
    """torch.func of a number: grad, vmap(grad), jacrev, jvp and three ways to a Hessian, each to
    tolerances for first and second derivatives, neither of which is 0."""
    leaf = x.clone().requires_grad_()
    (expected,) = torch.autograd.grad(loss(leaf), leaf)
    assert expected.abs().sum() > 0
    for way in (grad(loss), jacrev(loss)):
        torch.testing.assert_close(way(x), expected, **first)
    along = jvp(loss, (x,), (torch.ones_like(x),))[1]
    torch.testing.assert_close(along, expected.sum(), **first)
    batch = torch.stack([x, 2 * x])
    torch.testing.assert_close(vmap(grad(loss))(batch)[1], grad(loss)(2 * x), **first)
    twice = jacrev(jacrev(loss))(x)
    assert twice.abs().sum() > 0
    for way in (hessian(loss), jacrev(jacfwd(loss))):
        torch.testing.assert_close(way(x), twice, **second)
