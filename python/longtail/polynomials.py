"""Polynomial compositions: activations that are a cubic in x.

Source: Zhuo, Wang, Zeng, Li, Zhou, Ma, "Polynomial Composition Activations: Unleashing the Dynamics
of Large Language Models", 2024.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from longtail import _library, _poly_formula  # noqa: F401  (loads the raw ops)
from longtail._parametric import (
    Formula,
    Placement,
    check_out,
    check_tensors,
    parametric_function,
)

__all__ = ["poly_norm", "poly_relu"]


def poly_norm(
    x: Tensor, weight: Tensor, bias: Tensor, eps: float = 1e-6, *, out: Tensor | None = None
) -> Tensor:
    """``y = w_0 N(x^3) + w_1 N(x^2) + w_2 N(x) + b``, ``N(u) = u / sqrt(mean(u^2) + eps)``.

    Args:
        x: ``[..., n]``; the mean is over the last dimension, of any length. float64, float32,
            bfloat16 or float16; the narrower three are computed in float32 and rounded once.
        weight: 3 elements: of the cube, the square and the linear term.
        bias: 1 element. Both have the dtype of x, or float32.
        eps: at least 0.
        out: where to write the result (no gradient then): of the shape and dtype of x; x itself
            will do.

    Returns:
        Tensor of the shape and dtype of x, contiguous.

    Gradients: exact in x, weight and bias, to any order (from the second on, and in forward mode,
    by torch operations in float64). Only x is kept for backward. Weight gradients are summed in
    float64 over fixed blocks: the same bits on repeat and for any number of threads. Rows in which
    x^6 leaves the range of float32 are computed in float64.

    Raises:
        TypeError: a dtype that is not floating point, or parameters of another one.
        ValueError: another number of parameters, a negative eps, x of no dimension, or several
            devices; an out of another shape or device, or whose elements share memory.
        RuntimeError: an out where something requires a gradient.
    """
    _check("poly_norm", x, weight, bias)
    if not (isinstance(eps, (int, float)) and 0 <= eps < math.inf):
        raise ValueError(f"poly_norm: eps is {eps!r}, expected a number of at least 0")
    if x.dim() == 0:
        raise ValueError("poly_norm: x has shape [], expected at least one dimension")
    if out is None:
        return _poly_norm(x, weight, bias, float(eps))
    check_out("poly_norm", out, x, weight, bias)
    torch.ops.longtail.poly_norm.out(x, weight, bias, float(eps), out=out)
    return out


def poly_relu(x: Tensor, weight: Tensor, bias: Tensor, *, out: Tensor | None = None) -> Tensor:
    """``y = w_0 p^3 + w_1 p^2 + w_2 p + b``, ``p = max(x, 0)``.

    Args:
        x: any shape; float64, float32, bfloat16 or float16, the narrower three computed in float32
            and rounded once.
        weight: 3 elements: of the cube, the square and the linear term.
        bias: 1 element. Both have the dtype of x, or float32.
        out: as of ``poly_norm``.

    Returns:
        Tensor of the shape and dtype of x, contiguous.

    Gradients: as of ``poly_norm``; at x = 0 the slope in x is 0, as torch's relu has it.

    Raises:
        TypeError: a dtype that is not floating point, or parameters of another one.
        ValueError: another number of parameters, several devices, or an out that does not fit.
        RuntimeError: an out where something requires a gradient.
    """
    _check("poly_relu", x, weight, bias)
    if out is None:
        return _poly_relu(x, weight, bias)
    check_out("poly_relu", out, x, weight, bias)
    torch.ops.longtail.poly_relu.out(x, weight, bias, out=out)
    return out


def _check(name: str, x: Tensor, weight: Tensor, bias: Tensor) -> None:
    check_tensors(name, x, weight=weight, bias=bias)
    for argument, value, size in (("weight", weight, 3), ("bias", bias, 1)):
        if value.numel() != size:
            raise ValueError(
                f"{name}: {argument} has shape {list(value.shape)}, expected {size} element"
                + "s" * (size > 1)
            )


def _shard_rows(x: Any, *rest: Any) -> list[Placement]:
    """Any dimension but the last, over which poly_norm takes its means."""
    return _placements(len(x.shape) - 1)


def _shard_anything(x: Any, *rest: Any) -> list[Placement]:
    return _placements(len(x.shape))


def _placements(dims: int) -> list[Placement]:
    from torch.distributed.tensor import Partial, Replicate, Shard

    whole: Any = Replicate()
    placements = [Placement(whole, [whole] * 3, [whole] * 3)]
    for d in range(dims):
        sharded = Shard(d)
        placements.append(
            Placement(sharded, [sharded, whole, whole], [sharded, Partial(), Partial()])
        )
    return placements


_poly_norm = parametric_function(
    "poly_norm", Formula(_poly_formula.norm_value, _poly_formula.norm_gradient), _shard_rows
)
_poly_relu = parametric_function(
    "poly_relu", Formula(_poly_formula.relu_value, _poly_formula.relu_gradient), _shard_anything
)
