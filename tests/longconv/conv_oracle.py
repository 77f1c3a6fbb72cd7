"""long_conv written out in float64: sums over taps, one lag after another."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from kit.twins import randn
from longconv.contract import bounds

#: The norm of the error over the norm.
BOUNDS = bounds("long_conv")


def shifted(x: Tensor, lag: int) -> Tensor:
    """x[n - lag], zeros from outside; a negative lag looks ahead."""
    length = x.shape[-1]
    if abs(lag) >= length:
        return torch.zeros_like(x)
    moved = torch.zeros_like(x[..., : abs(lag)])
    if lag >= 0:
        return torch.cat([moved, x[..., : length - lag]], -1)
    return torch.cat([x[..., -lag:], moved], -1)


def twin(
    u: Tensor,
    k: Tensor,
    *,
    skip: Tensor | None = None,
    k_rev: Tensor | None = None,
    gate_in: Tensor | None = None,
    gate_out: Tensor | None = None,
    initial_state: Tensor | None = None,
) -> Tensor:
    """y as long_conv gives it; k [H, K] or [C, H, K]."""
    x = u if gate_in is None else u * gate_in
    before = x if initial_state is None else torch.cat([initial_state, x], -1)
    if k.dim() == 3:
        before, x = before.unsqueeze(-3), x.unsqueeze(-3)
    start = before.shape[-1] - x.shape[-1]
    y = torch.zeros_like(before + k[..., :1])
    for lag in range(min(k.shape[-1], before.shape[-1])):
        y = y + k[..., lag : lag + 1] * shifted(before, lag)
    for j in range(0 if k_rev is None else min(k_rev.shape[-1], before.shape[-1])):
        y = y + k_rev[..., j : j + 1] * shifted(before, -1 - j)
    y = y[..., start:]
    if skip is not None:
        y = y + skip.unsqueeze(-1) * x
    return y if gate_out is None else y * gate_out


@dataclasses.dataclass(frozen=True)
class Case:
    """Sizes of a call, and which optional arguments it has."""

    batch: int
    heads: int
    length: int
    taps: int
    before: int = 0
    outputs: int = 0
    skip: bool = False
    gates: bool = False
    state: bool = False

    def tensors(self, dtype: torch.dtype, taps: torch.dtype | None = None) -> dict[str, Tensor]:
        """By name, drawn; taps in float32 unless rows are wider, or as told."""
        g = torch.Generator().manual_seed(self.length + 7 * self.taps)
        taps = taps or (torch.float64 if dtype == torch.float64 else torch.float32)
        of_taps = [self.outputs, self.heads] if self.outputs else [self.heads]
        rows = [self.batch, self.heads, self.length]
        result = {"u": randn(g, dtype, *rows), "k": randn(g, taps, *of_taps, self.taps)}
        if self.before:
            result["k_rev"] = randn(g, taps, *of_taps, self.before)
        if self.skip:
            result["skip"] = randn(g, taps, *of_taps)
        if self.gates:
            result["gate_in"] = randn(g, dtype, *rows)
            result["gate_out"] = randn(g, dtype, self.batch, *of_taps, self.length)
        if self.state:
            result["initial_state"] = randn(g, dtype, self.batch, self.heads, self.taps - 1)
        return result


def relative(got: Tensor, exact: Tensor) -> float:
    """The norm of the error over the norm."""
    assert got.shape == exact.shape
    size = exact.detach().norm()
    error = (got.detach().double() - exact.detach()).norm()
    return float(error / size) if size > 0 else float(error)
