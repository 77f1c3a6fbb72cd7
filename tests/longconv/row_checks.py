"""What a convolution of rows u [B, H, L] with taps [H, K] is asked, whatever it is."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from kit.tensors import same_bits


def check_autocast(function: Callable[..., Tensor], dtype: torch.dtype) -> None:
    """The result keeps the dtype of u."""
    u, taps = torch.randn(1, 2, 30), torch.randn(2, 5)
    with torch.autocast("cpu", dtype=dtype):
        assert function(u, taps).dtype == torch.float32
        assert function(u.to(dtype), taps).dtype == dtype


def check_vmap(function: Callable[..., Tensor], count: int) -> None:
    """Over rows, over taps, and gradients of each sample."""
    u, taps = torch.randn(4, 2, 3, 50), torch.randn(4, 3, count)
    rows = torch.vmap(lambda each: function(each, taps[0]))(u)
    assert all(same_bits(row, function(each, taps[0])) for row, each in zip(rows, u, strict=True))
    pairs = torch.vmap(function)(u, taps)
    grads = torch.vmap(torch.func.grad(lambda a, b: function(a, b).square().sum(), 1))(u, taps)
    for pair, grad, a, b in zip(pairs, grads, u, taps, strict=True):
        assert same_bits(pair, function(a, b))
        leaf = b.clone().requires_grad_()
        (expected,) = torch.autograd.grad(function(a, leaf).square().sum(), leaf)
        torch.testing.assert_close(grad, expected)
