"""Convolutions of multigrid modules, with what is added to their results.

Layout and rounding are the library's; what is here is padding by name, sizes that are odd, and the
addition of a grid and a bias.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def padded(x: Tensor, mode: str) -> Tensor:
    """One point more on every side. Reflection needs two points: one alone stands for itself."""
    if mode == "circular" or min(x.shape[-2:]) > 1:
        return functional.pad(x, (1, 1, 1, 1), mode=mode)
    for axis, sides in ((-1, (1, 1, 0, 0)), (-2, (0, 0, 1, 1))):
        x = functional.pad(x, sides, mode="replicate" if x.shape[axis] == 1 else mode)
    return x


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
    if padding == "zeros":
        y = functional.conv2d(x, weight, bias, stride, 1)
    else:
        y = functional.conv2d(padded(x, padding), weight, bias, stride)
    return y if add is None else add + y


def conv_transpose4x4(x: Tensor, weight: Tensor, add: Tensor, bias: Tensor | None) -> Tensor:
    """``add + weight^T * x + bias`` with ``weight [in, out, 4, 4]``, stride 2, padding 1: n points
    give 2 n, cut to those of ``add``."""
    y = functional.conv_transpose2d(x, weight, bias, 2, 1)
    return add + y[..., : add.shape[-2], : add.shape[-1]]
