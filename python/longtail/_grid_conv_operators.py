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
