"""What bench/peers/_longconv_rows.py compares, as functions of u and k."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import scipy.fft
import torch
from torch import Tensor

ROOT = Path(__file__).parents[2]
sys.path[:1] = [str(ROOT)]

import longtail  # noqa: E402

BATCH, HEADS = 8, 256
FORWARD, BOTH = "long_conv", "long_conv forward and backward"
HELD, OURS, TORCH, SCIPY = "longtail, spectrum held", "longtail", "torch rfft", "SciPy rfft"

Convolution = Callable[[Tensor, Tensor], Tensor]


def drawn(length: int) -> tuple[Tensor, Tensor]:
    """u and k."""
    generator = torch.Generator().manual_seed(0)
    u = torch.randn(BATCH, HEADS, length, generator=generator)
    return u, torch.randn(HEADS, length, generator=generator).div_(length**0.5)


def by_rfft(u: Tensor, k: Tensor) -> Tensor:
    """What state-space models do in torch."""
    size = 2 * u.shape[-1]
    product = torch.fft.rfft(u, size) * torch.fft.rfft(k, size)
    return torch.fft.irfft(product, size)[..., : u.shape[-1]]


def by_scipy(u: Tensor, k: Tensor, workers: int) -> Tensor:
    """The same in NumPy's arrays, several threads by SciPy's own means."""
    size = 2 * u.shape[-1]
    transform = partial(scipy.fft.rfft, n=size, workers=workers)
    product = transform(u.numpy()) * transform(k.numpy())
    return torch.from_numpy(scipy.fft.irfft(product, size, workers=workers)[..., : u.shape[-1]])


def ours(u: Tensor, k: Tensor) -> Tensor:
    """The spectrum taken inside."""
    y = longtail.long_conv(u, k)
    assert isinstance(y, Tensor)
    return y


def held(kernel: longtail.LongKernel, u: Tensor) -> Tensor:
    """The spectrum taken before."""
    y = longtail.long_conv(u, kernel)
    assert isinstance(y, Tensor)
    return y


def both(function: Convolution, u: Tensor, k: Tensor) -> Tensor:
    """With the gradients of u and k; gives that of u."""
    leaves = [u.detach().requires_grad_(), k.detach().requires_grad_()]
    y = function(*leaves)
    return torch.autograd.grad(y, leaves, u)[0]


def calls(kernel: str, u: Tensor, k: Tensor, threads: int) -> dict[str, Callable[[], Tensor]]:
    """By provider; the spectrum that is held is there before the first call."""
    if kernel == BOTH:
        return {OURS: partial(both, ours, u, k), TORCH: partial(both, by_rfft, u, k)}
    taps = longtail.LongKernel(k)
    held(taps, u[:1])
    return {
        HELD: partial(held, taps, u),
        OURS: partial(ours, u, k),
        TORCH: partial(by_rfft, u, k),
        SCIPY: partial(by_scipy, u, k, threads),
    }
