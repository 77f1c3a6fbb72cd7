"""Convolutions of multigrid modules, with what is added to their results.

On the CPU those in float32 with zeros around are ours (csrc/multigrid/winograd.h, grid_transfer.h);
all others, and what ``torch.compile``, ``torch.func``, forward mode and autocast see, are the
library's.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.nn import functional

from longtail._grid_conv import MOST_CHANNELS, grid_conv, grid_down, grid_up


def padded(x: Tensor, mode: str) -> Tensor:
    """One point more on every side. Reflection needs two points: one alone stands for itself."""
    if mode == "circular" or min(x.shape[-2:]) > 1:
        return functional.pad(x, (1, 1, 1, 1), mode=mode)
    for axis, sides in ((-1, (1, 1, 0, 0)), (-2, (0, 0, 1, 1))):
        x = functional.pad(x, sides, mode="replicate" if x.shape[axis] == 1 else mode)
    return x


def _ours(x: Tensor, weight: Tensor) -> bool:
    """Whether our kernel takes this call."""
    return (
        type(x) is Tensor
        and type(weight) in (Tensor, torch.nn.Parameter)
        and x.device.type == "cpu"
        and x.dtype == weight.dtype == torch.float32
        and max(weight.shape) <= MOST_CHANNELS
        and not torch.compiler.is_compiling()
        and not torch.is_autocast_enabled("cpu")
        and not torch._C._are_functorch_transforms_active()
        and forward_ad._current_level < 0
    )


def _parts(x: Tensor, add: Tensor | None, bias: Tensor | None) -> tuple[Tensor, Tensor]:
    none = x.new_empty(0)
    return none if add is None else add.permute(0, 2, 3, 1), none if bias is None else bias


def conv3x3(
    x: Tensor,
    weight: Tensor,
    *,
    add: Tensor | None = None,
    bias: Tensor | None = None,
    stride: int = 1,
    padding: str = "zeros",
) -> Tensor:
    """``add + weight * x + bias`` with ``weight [out, in, 3, 3]``; n points give
    ``(n + stride - 1) // stride``."""
    if padding == "zeros" and _ours(x, weight):
        rows = x.permute(0, 2, 3, 1)
        if stride == 2 and add is None and bias is None:
            return grid_down(rows, weight).permute(0, 3, 1, 2)
        if stride == 1:
            return grid_conv(rows, weight, *_parts(x, add, bias), False).permute(0, 3, 1, 2)
    if padding == "zeros":
        y = functional.conv2d(x, weight, bias, stride, 1)
    else:
        y = functional.conv2d(padded(x, padding), weight, bias, stride)
    return y if add is None else add + y


def conv_transpose4x4(x: Tensor, weight: Tensor, add: Tensor, bias: Tensor | None) -> Tensor:
    """``add + weight^T * x + bias`` with ``weight [in, out, 4, 4]``, stride 2, padding 1: n points
    give 2 n, cut to those of ``add``."""
    if _ours(x, weight):
        rows = x.permute(0, 2, 3, 1)
        y = grid_up(rows, weight, *_parts(x, add, bias), add.shape[-2], add.shape[-1])
        return y.permute(0, 3, 1, 2)
    y = functional.conv_transpose2d(x, weight, bias, 2, 1)
    return add + y[..., : add.shape[-2], : add.shape[-1]]


def pointwise(x: Tensor, weight: Tensor) -> Tensor:
    """``weight [out, in, 1, 1]`` times each point: a matrix product where channels lie innermost,
    which the library's convolution copies around on the CPU."""
    if x.device.type != "cpu":
        return functional.conv2d(x, weight)
    return functional.linear(x.permute(0, 2, 3, 1), weight[..., 0, 0]).permute(0, 3, 1, 2)
