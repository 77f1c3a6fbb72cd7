"""MgConv and MgNO by their docstrings, as sums over taps of any dtype."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from longtail.nn import MgConv, MgNO

Weights = dict[str, Tensor]


def neighbour(i: int, n: int, mode: str) -> int | None:
    """Which point stands at place i of an axis of n points; None: a zero."""
    if 0 <= i < n:
        return i
    if mode == "zeros":
        return None
    if mode == "circular":
        return i % n
    return 0 if n == 1 else (-i if i < 0 else 2 * (n - 1) - i)


def shifted(x: Tensor, dy: int, dx: int, stride: int, mode: str) -> Tensor:
    """x at (stride i + dy, stride j + dx), for all i and j of the result."""
    result = []
    for axis, d in ((2, dy), (3, dx)):
        n = x.shape[axis]
        places = [neighbour(stride * i + d, n, mode) for i in range((n + stride - 1) // stride)]
        pick = torch.zeros(len(places), n, dtype=x.dtype)
        for i, at in enumerate(places):
            if at is not None:
                pick[i, at] = 1
        result.append(pick)
    return result[0] @ x @ result[1].mT


def conv(x: Tensor, w: Tensor, stride: int = 1, mode: str = "zeros") -> Tensor:
    """Sum over taps of 3 x 3."""
    terms = [
        torch.einsum("oi,nihw->nohw", w[:, :, a, b], shifted(x, a - 1, b - 1, stride, mode))
        for a in range(3)
        for b in range(3)
    ]
    return torch.stack(terms).sum(0)


def transposed(x: Tensor, w: Tensor, size: torch.Size) -> Tensor:
    """Point i of x adds w[.., a, b] to place 2 i + a - 1; cut to size."""
    height, width = x.shape[-2:]
    y = x.new_zeros(x.shape[0], w.shape[1], 2 * height + 2, 2 * width + 2)
    for a in range(4):
        for b in range(4):
            term = torch.einsum("io,nihw->nohw", w[:, :, a, b], x)
            spread = functional.one_hot(torch.arange(height) * 2 + a, 2 * height + 2).to(x.dtype)
            spread2 = functional.one_hot(torch.arange(width) * 2 + b, 2 * width + 2).to(x.dtype)
            y = y + spread.mT @ term @ spread2
    return y[..., 1 : 1 + size[-2], 1 : 1 + size[-1]]


def cycle(f: Tensor, weights: Weights, module: MgConv, prefix: str = "") -> Tensor:
    """The V-cycle by its docstring."""

    def w(name: str) -> Tensor:
        return weights[prefix + name]

    def smooth(u: Tensor, f: Tensor, name: str) -> Tensor:
        return u + conv(f - conv(u, w(f"{name}.A.weight"), 1, mode), w(f"{name}.S.weight"), 1, mode)

    def descend(u: Tensor | None, f: Tensor, level: int) -> Tensor:
        before, after = module.steps[level]
        for i in range(before):
            name = f"before.{level}.{i}"
            u = conv(f, w(f"{name}.S.weight"), 1, mode) if u is None else smooth(u, f, name)
        assert u is not None
        if level + 1 < len(module.steps):
            down = f"down.{level}"
            coarse_f = f - conv(u, w(f"{down}.A.weight"), 1, mode) if residual else f
            coarse = descend(
                conv(u, w(f"{down}.Pi.weight"), 2, mode),
                conv(coarse_f, w(f"{down}.R.weight"), 2, mode),
                level + 1,
            )
            u = u + transposed(coarse, w(f"up.{level}.weight"), u.shape)
        for i in range(after):
            u = smooth(u, f, f"after.{level}.{i}")
        return u

    mode, residual = module.padding_mode, module.restrict_residual
    return descend(None, f, 0)


def operator(u: Tensor, weights: Weights, module: MgNO) -> Tensor:
    for i, layer in enumerate(module.layers):
        b, c = weights[f"layers.{i}.linear.weight"], weights[f"layers.{i}.linear.bias"]
        v = cycle(u, weights, layer.cycle, f"layers.{i}.cycle.")
        u = functional.gelu(v + torch.einsum("oi,nihw->nohw", b[..., 0, 0], u) + c.view(-1, 1, 1))
    return torch.einsum("oi,nihw->nohw", weights["last.weight"][..., 0, 0], u)


def agree(module: torch.nn.Module, twin: Any, x: Tensor, eps: float = 1e-5) -> None:
    """Outputs and all gradients to eps of the largest element."""
    wide = {n: p.detach().double().requires_grad_() for n, p in module.named_parameters()}
    leaf, wide_leaf = x.clone().requires_grad_(), x.double().requires_grad_()
    y, expected = module(leaf), twin(wide_leaf, wide, module)
    assert y.shape == expected.shape and y.dtype == x.dtype
    generator = torch.Generator().manual_seed(0)
    grad = torch.randn(y.shape, generator=generator).double()
    got = torch.autograd.grad(y, [leaf, *module.parameters()], grad.to(y.dtype))
    exact = torch.autograd.grad(expected, [wide_leaf, *wide.values()], grad)
    names = ["x", *wide]
    for name, mine, its in zip(["y", *names], [y, *got], [expected, *exact], strict=True):
        error = (mine.double() - its).abs().max() / its.abs().max().clamp_min(1e-30)
        assert error <= eps, f"{name}: {float(error):.1e}"
