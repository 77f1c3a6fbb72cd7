"""The raw operators of learned multigrid and their fakes; see ``_operators``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor


def grid_conv_operators() -> Iterator[tuple[str, torch._ops.OpOverload, Callable[..., Any]]]:
    """Every operator: its public function, itself, its fake."""
    namespace = torch.ops.longtail
    yield "nn.MgConv", namespace.grid_conv.default, _convolved
    yield "nn.MgConv", namespace.grid_conv_weight.default, _weight
    yield "nn.MgConv", namespace.grid_up.default, _up
    yield "nn.MgConv", namespace.grid_down.default, _down
    yield "nn.MgConv", namespace.grid_transfer_weight.default, _transfer_weight
    yield "nn.MgConv", namespace.learned_cycle.default, _cycle
    yield "nn.MgConv", namespace.learned_cycle_backward.default, _cycle_backward


def _convolved(x: Tensor, weight: Tensor, add: Tensor, bias: Tensor, adjoint: bool) -> Tensor:
    return x.new_empty([*x.shape[:3], weight.shape[1 if adjoint else 0]])


def _weight(grad: Tensor, x: Tensor) -> Tensor:
    return x.new_empty([grad.shape[3], x.shape[3], 3, 3])


def _up(x: Tensor, weight: Tensor, add: Tensor, bias: Tensor, height: int, width: int) -> Tensor:
    return x.new_empty([x.shape[0], height, width, weight.shape[1]])


def _down(x: Tensor, weight: Tensor) -> Tensor:
    batch, height, width, _ = x.shape
    return x.new_empty([batch, (height + 1) // 2, (width + 1) // 2, weight.shape[0]])


def _transfer_weight(coarse: Tensor, fine: Tensor, taps: int) -> Tensor:
    return fine.new_empty([coarse.shape[3], fine.shape[3], taps, taps])


def _cycle(
    f: Tensor,
    weights: Tensor,
    bias: Tensor,
    channels: int,
    steps: list[int],
    restrict_residual: bool,
    keep: bool,
) -> tuple[Tensor, Tensor]:
    batch, height, width, into = f.shape
    kept, last = 0, len(steps) // 2 - 1
    for level in range(last + 1):
        before, after = steps[2 * level : 2 * level + 2]
        # u before each step, before it is restricted and before it is prolonged; r of each step,
        # and what R reads. On the finest level the first step reads neither, and nothing is
        # prolonged.
        u, r = before + after + 1, before + after
        if level < last:
            u, r = u + 1, r + (restrict_residual or level > 0)
        if level == 0:
            u, r = u - 2, r - 1
        kept += height * width * (u * channels + r * into)
        height, width = (height + 1) // 2, (width + 1) // 2
    return f.new_empty([*f.shape[:3], channels]), f.new_empty([batch * kept if keep else 0])


def _cycle_backward(
    grad: Tensor,
    through: Tensor,
    f: Tensor,
    weights: Tensor,
    saved: Tensor,
    channels: int,
    steps: list[int],
    restrict_residual: bool,
    need_f: bool,
    need_weights: bool,
) -> tuple[Tensor, Tensor]:
    df = f.new_empty(f.shape if need_f else [0])
    return df, f.new_empty([weights.shape[0] if need_weights else 0])
