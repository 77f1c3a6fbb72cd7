"""Convolutions of multigrid modules, with what is added to their results.

Grids are ``[N, H, W, channels]`` here. Those in float32 with zeros around are ours on the CPU
(csrc/multigrid/winograd.h, grid_transfer.h) and, up to 64 channels, on CUDA
(cuda/multigrid/grid_conv_kernels.cuh); all others, and what ``torch.compile``,
``torch.func``, forward mode and autocast see, are the library's.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.nn import functional

from longtail._dtensor import is_dtensor
from longtail._grid_conv import MOST_CHANNELS, MOST_CHANNELS_CUDA, grid_conv, grid_down, grid_up
from longtail._library import cuda_library


def _most_channels(device: torch.device) -> int:
    """That our kernels take on a device; 0: there are none."""
    if device.type == "cpu":
        return MOST_CHANNELS
    return MOST_CHANNELS_CUDA if device.type == "cuda" and cuda_library.loaded else 0


def rows_of(x: Tensor) -> Tensor:
    """``[N, H, W, C]`` of ``[N, C, H, W]``: where there are kernels of ours with channels next to
    each other in memory, as they want it; on other devices as they lie."""
    rows = x.permute(0, 2, 3, 1)
    return rows.contiguous() if _most_channels(x.device) else rows


def grid_of(rows: Tensor) -> Tensor:
    """``[N, C, H, W]`` of ``[N, H, W, C]``, without a copy."""
    return rows.permute(0, 3, 1, 2)


def padded(x: Tensor, mode: str) -> Tensor:
    """``[N, C, H, W]`` with one point more on every side. Reflection needs two points: one alone
    stands for itself."""
    if mode == "circular" or min(x.shape[-2:]) > 1:
        return functional.pad(x, (1, 1, 1, 1), mode=mode)
    for axis, sides in ((-1, (1, 1, 0, 0)), (-2, (0, 0, 1, 1))):
        x = functional.pad(x, sides, mode="replicate" if x.shape[axis] == 1 else mode)
    return x


@torch.compiler.assume_constant_result
def _transformed() -> bool:
    """Whether a transform of torch.func or forward mode is at work. Dynamo runs it while it traces,
    where the transforms of what it traces are at work."""
    return torch._C._are_functorch_transforms_active() or forward_ad._current_level >= 0


def ours(x: Tensor, *weights: Tensor, compiled: bool = False) -> bool:
    """Whether our kernels take this call; in code that is compiled if they may at all."""
    most = _most_channels(x.device)
    fits = (
        (type(x) is Tensor or is_dtensor(x))
        and x.dtype == torch.float32
        and all(
            (type(weight) in (Tensor, torch.nn.Parameter) or is_dtensor(weight))
            and weight.dtype == torch.float32
            and weight.device == x.device
            and max(weight.shape) <= most
            for weight in weights
        )
        and not torch.is_autocast_enabled(x.device.type)
    )
    return fits and (compiled or not torch.compiler.is_compiling()) and not _transformed()


def or_none(x: Tensor | None, like: Tensor) -> Tensor:
    return like.new_empty(0) if x is None else x


def conv3x3(
    x: Tensor,
    weight: Tensor,
    *,
    add: Tensor | None = None,
    bias: Tensor | None = None,
    stride: int = 1,
    padding: str = "zeros",
) -> tuple[Tensor, Tensor]:
    """``add + weight * x + bias`` with ``weight [out, in, 3, 3]``; n points give
    ``(n + stride - 1) // stride``. And x, for whoever reads it next: gradients are then added where
    they are made."""
    if padding == "zeros" and ours(x, weight) and (stride == 1 or (add is None and bias is None)):
        if stride == 2:
            return grid_down(x, weight)
        return grid_conv(x, weight, or_none(add, x), or_none(bias, x), False)
    if padding == "zeros":
        y = functional.conv2d(grid_of(x), weight, bias, stride, 1)
    else:
        y = functional.conv2d(padded(grid_of(x), padding), weight, bias, stride)
    rows = y.permute(0, 2, 3, 1)
    return (rows if add is None else add + rows), x


def conv_transpose4x4(x: Tensor, weight: Tensor, add: Tensor, bias: Tensor | None) -> Tensor:
    """``add + weight^T * x + bias`` with ``weight [in, out, 4, 4]``, stride 2, padding 1: n points
    give 2 n, cut to those of ``add``."""
    height, width = add.shape[1:3]
    if ours(x, weight):
        return grid_up(x, weight, add, or_none(bias, x), height, width)
    y = functional.conv_transpose2d(grid_of(x), weight, bias, 2, 1)
    return add + y[..., :height, :width].permute(0, 2, 3, 1)


def pointwise(x: Tensor, weight: Tensor, add: Tensor | None = None) -> Tensor:
    """``weight [out, in, 1, 1]`` times each point, and ``add``: a matrix product, where the
    library's convolution copies around on the CPU."""
    matrix = weight[..., 0, 0]
    if add is None or x.device.type != "cpu" or torch.is_autocast_enabled("cpu"):
        y = functional.linear(x, matrix)
        return y if add is None else add + y
    flat = torch.addmm(add.reshape(-1, add.shape[-1]), x.reshape(-1, x.shape[-1]), matrix.mT)
    return flat.view(add.shape)
