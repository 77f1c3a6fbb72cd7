"""Diagonal state spaces step by step in complex128, and systems to try them on."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from longconv.contract import bounds

#: The norm of the error over the norm.
TOLERANCE = bounds("s4d")
KERNEL_TOLERANCE = bounds("s4d_kernel")
STEP_TOLERANCE = bounds("s4d_step")
MODES_TOLERANCE = bounds("s4d_modes")


class System(NamedTuple):
    """The arguments of s4d and an initial state."""

    u: Tensor
    dt: Tensor
    A: Tensor
    B: Tensor
    C: Tensor
    D: Tensor
    state: Tensor


def system(
    heads: int,
    states: int,
    length: int,
    *,
    batch: int = 2,
    outputs: int | None = None,
    dtype: torch.dtype = torch.float64,
    seed: int = 0,
) -> System:
    """S4D-Lin with random B, C, D and state."""
    g = torch.Generator().manual_seed(seed)

    def real(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=g, dtype=torch.float64)

    def pairs(*shape: int) -> Tensor:
        return torch.complex(real(*shape), real(*shape))

    rate = torch.complex(
        torch.full((heads, states), -0.5, dtype=torch.float64),
        (math.pi * torch.arange(states, dtype=torch.float64)).expand(heads, states).contiguous(),
    )
    c = [] if outputs is None else [outputs]
    dt = torch.exp(math.log(1e-3) + math.log(100) * torch.rand(heads, generator=g))
    of = System(
        real(batch, heads, length),
        dt.double(),
        rate,
        pairs(heads, states),
        pairs(*c, heads, states),
        real(*c, heads),
        pairs(batch, heads, states),
    )
    narrow = dtype != torch.float64
    parameters = [
        each.to(torch.complex64 if each.is_complex() else torch.float32) if narrow else each
        for each in of[1:]
    ]
    return System(of.u.to(dtype), *parameters)


def discrete(dt: Tensor, A: Tensor, method: str) -> tuple[Tensor, Tensor]:
    """a, and b for B = 1, where no digits are lost but those that 1e-12 allows."""
    z = dt.double().unsqueeze(-1) * A.to(torch.complex128)
    step = dt.double().unsqueeze(-1)
    if method == "bilinear":
        return (1 + z / 2) / (1 - z / 2), step / (1 - z / 2)
    return z.exp(), step * torch.expm1(z) / z


def kernel(dt: Tensor, A: Tensor, B: Tensor, C: Tensor, L: int, method: str = "zoh") -> Tensor:
    """Every power by an exponential of its own."""
    _, drive = discrete(dt, A, method)
    z = dt.double().unsqueeze(-1) * A.to(torch.complex128)
    log_a = z if method == "zoh" else torch.log((1 + z / 2) / (1 - z / 2))
    powers = torch.exp(log_a.unsqueeze(-1) * torch.arange(L, dtype=torch.float64))
    weights = C.to(torch.complex128) * B.to(torch.complex128) * drive
    return 2 * torch.einsum("...hs,hsl->...hl", weights, powers).real


def scan(of: System, method: str = "zoh") -> tuple[Tensor, Tensor]:
    """y and the last state, in float64."""
    a, b = discrete(of.dt, of.A, method)
    b = b * of.B.to(torch.complex128)
    c, d, u, x = of.C.to(torch.complex128), of.D.double(), of.u.double(), of.state
    x = x.to(torch.complex128)
    several = c.dim() == 3
    rows = []
    for step in u.unbind(-1):
        x = a * x + b * step.unsqueeze(-1)
        seen, now = (x.unsqueeze(1), step.unsqueeze(1)) if several else (x, step)
        rows.append(2 * (c * seen).sum(-1).real + d * now)
    if not rows:
        return u.new_empty(u.shape[0], *c.shape[:-1], 0), x
    return torch.stack(rows, -1), x


def error(result: Tensor, exact: Tensor) -> float:
    """Relative to the norm of the whole: a row of one number may be what is left of large ones."""
    assert result.shape == exact.shape
    if exact.numel() == 0:
        return 0.0
    return float((result.to(exact.dtype) - exact).norm() / exact.norm())
