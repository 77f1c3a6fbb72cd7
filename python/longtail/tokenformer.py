"""Attention over parameter tokens: a layer whose weights are keys and values.

Source: Wang et al., "TokenFormer: Rethinking Transformer Scaling with Tokenized Model Parameters",
2024.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor

from longtail import _library  # noqa: F401  (loads the raw ops)
from longtail._parametric import Placement, check_tensors, formula_of, parametric_function

__all__ = ["pattention"]


def pattention(x: Tensor, key: Tensor, value: Tensor, *, tau: float | None = None) -> Tensor:
    """``gelu(tau S / |S|) value`` with ``S = x key^T``, |S| the Euclidean norm of each row.

    gelu is the exact one, ``u Phi(u)``, as in the released models. The scores are never in memory
    as a whole, neither here nor in backward, which keeps x and the tokens only.

    Args:
        x: ``[..., in]``, float64, float32, bfloat16 or float16; the narrower three are computed in
            float32 and rounded once.
        key: ``[n, in]``, in the dtype of x or float32.
        value: ``[n, out]``, in the dtype of key.
        tau: ``sqrt(n)`` by default, as released. Tokens whose key is 0 add nothing, so a layer can
            grow by them, if tau stays as it was: give it then.

    Returns:
        ``[..., out]`` in the dtype of x, contiguous. A row whose scores are all 0 (or smaller than
        4 times the smallest normal number of float32, float64) has no direction: its result is 0,
        and its gradients are. Largest error, of gradients too, over the largest element: 1e-12 in
        float64, 1e-5 in float32, 2 eps in half precision.

    Gradients: exact in x, key and value, to any order (from the second on, and in forward mode, by
    torch operations in float64, which do hold the scores). Sums over rows are taken in a fixed
    order: the same bits on repeat and for any number of threads.

    Raises:
        TypeError: a dtype that is not floating point or does not fit; tau that is no number.
        ValueError: a wrong shape, several devices, or a tau that is not positive and finite.
    """
    check_tensors("pattention", x, key=key, value=value)
    if value.dtype != key.dtype:
        raise TypeError(
            f"pattention: value has dtype {value.dtype}, expected that of key, {key.dtype}"
        )
    if x.dim() == 0 or x.shape[-1] == 0:
        raise ValueError(f"pattention: x has shape {list(x.shape)}, expected [..., in], in > 0")
    inputs = x.shape[-1]
    if key.dim() != 2 or key.shape[0] == 0 or key.shape[1] != inputs:
        raise ValueError(
            f"pattention: key has shape {list(key.shape)}, expected [n, {inputs}], n > 0"
        )
    tokens = key.shape[0]
    if value.dim() != 2 or value.shape[0] != tokens or value.shape[1] == 0:
        raise ValueError(
            f"pattention: value has shape {list(value.shape)}, expected [{tokens}, out], out > 0"
        )
    if tau is None:
        tau = math.sqrt(tokens)
    elif not isinstance(tau, (int, float)) or isinstance(tau, bool):
        raise TypeError(f"pattention: tau must be a float, got {type(tau).__name__}")
    elif not (math.isfinite(tau) and tau > 0):
        raise ValueError(f"pattention: tau is {tau}, expected a positive finite number")
    return _pattention(x, key, value, float(tau))


def _formula(x: Tensor, key: Tensor, value: Tensor, tau: float) -> Tensor:
    """The same in torch operations in float64, with the scores in memory."""
    scores = x.double() @ key.double().t()
    narrow = torch.float64 if x.dtype == torch.float64 else torch.float32
    largest = scores.detach().abs().amax(-1, keepdim=True)
    lost = largest < 4 * torch.finfo(narrow).tiny
    scaled = (scores / largest.masked_fill(lost, 1)).masked_fill(lost, 0)
    # The sum of squares is at least 1, but for rows without a direction, where it may be anything.
    norm = (scaled * scaled).sum(-1, keepdim=True).masked_fill(lost, 1).sqrt()
    return (functional.gelu(tau * scaled / norm) @ value.double()).to(x.dtype)


def _shard(x: Any, *rest: Any) -> list[Placement]:
    """Rows, or outputs: then every process has all of x and the keys, and a share of their
    gradients."""
    from torch.distributed.tensor import Partial, Replicate, Shard

    whole: Any = Replicate()
    share: Any = Partial()
    placements = [Placement(whole, [whole] * 3, [whole] * 3)]
    for d in range(len(x.shape) - 1):
        rows: Any = Shard(d)
        placements.append(Placement(rows, [rows, whole, whole], [rows, share, share]))
    outputs: Any = Shard(len(x.shape) - 1)
    placements.append(Placement(outputs, [whole, whole, Shard(1)], [share, share, Shard(1)]))
    return placements


_pattention = parametric_function("pattention", formula_of(_formula, 3), _shard)
