"""Attention over keys and over a prefix of any length that is known by two sums only.

Source: Liang et al., "Toward Infinite-Long Prefix in Transformer", 2024 (NTK-Attention).
"""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from longtail import _library, _ntk_formula  # noqa: F401  (loads the raw ops)
from longtail._arguments import (
    check_bool,
    check_device,
    check_dims,
    check_dtype,
    check_floating,
    check_parameter,
    check_shape,
)
from longtail._parametric import Placement, formula_of, parametric_function

__all__ = ["ntk_attention", "ntk_prefix"]

LARGEST = 256  # channels of a head


def ntk_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    z: Tensor,
    kappa: Tensor,
    *,
    is_causal: bool = False,
    scale: float | None = None,
) -> Tensor:
    """``(exp(S) v + phi(q) z) / (exp(S) 1 + phi(q) |kappa|)``, ``S = scale q k^T``.

    phi(x) = elu(x / d^(1/4)) + 1. The prefix adds ``d (dv + 1)`` numbers a head, whatever its
    length, and no keys. Sums are joined by the logarithm of the denominator, so that scores of any
    size neither overflow nor lose the prefix (the paper's code divides by exp(max S)). The scores
    are never in memory, neither here nor in backward.

    Args:
        q: ``[..., H, Lq, D]``, float64, float32, bfloat16 or float16; the narrower three are
            computed in float32 and rounded once. D and Dv are at most 256.
        k: ``[..., H, Lk, D]``.
        v: ``[..., H, Lk, Dv]``.
        z: ``[H, D, Dv]``, or one for every batch, ``[..., H, D, Dv]``; in the dtype of q or
            float32. For a prefix of keys k_i and values v_i it is the sum of phi(k_i)^T v_i:
            ``ntk_prefix`` takes it.
        kappa: ``[H, D]`` or ``[..., H, D]``, in the dtype of z: the sum of phi(k_i). Its absolute
            value is used, as in the paper's code: phi is positive, so the denominator is, wherever
            training takes kappa. (An entry that is exactly 0 has the gradient 0 and stays.)
        is_causal: query i sees keys 0 to i (top left, as in torch), and always the prefix.
        scale: ``1 / sqrt(D)`` by default.

    Returns:
        ``[..., H, Lq, Dv]`` in the dtype of q, contiguous. Rows with nothing to attend to (no keys,
        and kappa is 0) are 0. Largest error, of gradients too, over the largest element: 1e-12 in
        float64, 1e-5 in float32, 4 eps in half precision.

    Gradients: exact in all five tensors, to any order (from the second on, and in forward mode, by
    torch operations in float64, which do hold the scores). Those of z and kappa stop growing where
    a row's scores lie below -60 (-600 in float64) and kappa has nothing to add: they have no bound
    there. Sums are taken in a fixed order: the same bits on repeat and for any number of threads.

    Raises:
        TypeError: a dtype that is not floating point or does not fit; is_causal that is no bool.
        ValueError: a wrong shape, several devices, or a scale that is not finite.
    """
    _check(q, k, v, z, kappa)
    check_bool("ntk_attention", "is_causal", is_causal)
    if scale is None:
        scale = 1 / math.sqrt(q.shape[-1])
    elif not isinstance(scale, (int, float)) or isinstance(scale, bool):
        raise TypeError(f"ntk_attention: scale must be a float, got {type(scale).__name__}")
    elif not math.isfinite(scale):
        raise ValueError(f"ntk_attention: scale is {scale}, expected a finite number")
    heads = q.shape[:-2]
    batch, count = heads[:-1], heads[-1]
    if len(batch) != 1:
        q, k, v = (each.reshape(-1, *each.shape[-3:]) for each in (q, k, v))
    if z.dim() == 3:
        z, kappa = z.unsqueeze(0), kappa.unsqueeze(0)
    elif len(batch) != 1:
        z, kappa = z.reshape(-1, *z.shape[-3:]), kappa.reshape(-1, *kappa.shape[-2:])
    out = _ntk_attention(q, k, v, z, kappa, is_causal, float(scale))[0]
    return out if len(batch) == 1 else out.reshape(*batch, count, *out.shape[-2:])


def ntk_prefix(k: Tensor, v: Tensor, *, normalize: bool = True) -> tuple[Tensor, Tensor]:
    """z and kappa of a prefix of keys and values: ``sum_i phi(k_i)^T v_i`` and ``sum_i phi(k_i)``.

    Args:
        k: ``[..., H, P, D]``.
        v: ``[..., H, P, Dv]``.
        normalize: divide both by D. phi(q) phi(k)^T is about D where exp(q k^T / sqrt(D)) is about
            1, so that without it the prefix has D times the weight of one that is attended to.

    Returns:
        z ``[..., H, D, Dv]`` and kappa ``[..., H, D]``, differentiable.
    """
    for argument, tensor in (("k", k), ("v", v)):
        check_floating("ntk_prefix", argument, tensor)
        check_dims("ntk_prefix", argument, tensor, 3, "[..., H, P, D]")
    if k.shape[:-1] != v.shape[:-1]:
        raise ValueError(
            f"ntk_prefix: v has shape {list(v.shape)}, expected {[*k.shape[:-1]]} and its channels"
        )
    check_dtype("ntk_prefix", "v", v, "k", k)
    phi = _ntk_formula.feature(k)
    if normalize:
        phi = phi / k.shape[-1]
    return phi.transpose(-1, -2) @ v, phi.sum(-2)


def _check(q: Tensor, k: Tensor, v: Tensor, z: Tensor, kappa: Tensor) -> None:
    name = "ntk_attention"
    for argument, tensor in (("q", q), ("k", k), ("v", v), ("z", z), ("kappa", kappa)):
        check_floating(name, argument, tensor)
        check_device(name, argument, tensor, "q", q)
    for argument, tensor in (("k", k), ("v", v)):
        check_dtype(name, argument, tensor, "q", q)
    check_parameter(name, "z", z, "q", q)
    check_dtype(name, "kappa", kappa, "z", z)
    for argument, tensor, shape in (
        ("q", q, "[..., H, Lq, D]"),
        ("k", k, "[..., H, Lk, D]"),
        ("v", v, "[..., H, Lk, Dv]"),
    ):
        check_dims(name, argument, tensor, 3, shape)
        if not 1 <= tensor.shape[-1] <= LARGEST:
            raise ValueError(
                f"{name}: {argument} has shape {list(tensor.shape)}, expected 1 to {LARGEST} "
                "channels"
            )
    heads, channels, values = list(q.shape[:-2]), q.shape[-1], v.shape[-1]
    check_shape(name, "k", k, [*heads, k.shape[-2], channels])
    check_shape(name, "v", v, [*heads, k.shape[-2], values])
    for argument, tensor, last in (("z", z, [channels, values]), ("kappa", kappa, [channels])):
        check_shape(name, argument, tensor, [heads[-1], *last], [*heads, *last])
    if z.dim() != kappa.dim() + 1:
        raise ValueError(
            f"{name}: kappa has shape {list(kappa.shape)} beside z of shape {list(z.shape)}, "
            "expected one for each z"
        )


def _shard(q: Any, k: Any, v: Any, z: Any, *rest: Any) -> list[Placement]:
    """Batches, where a shared prefix gets shares of its gradient, and heads."""
    from torch.distributed.tensor import Partial, Replicate, Shard

    whole: Any = Replicate()
    placements = [Placement(whole, [whole] * 5, [whole] * 5, [whole])]
    batch: Any = Shard(0)
    shared = z.shape[0] == 1 and q.shape[0] != 1
    placements.append(
        Placement(
            batch,
            [batch] * 3 + [whole if shared else batch] * 2,
            [batch] * 3 + [Partial() if shared else batch] * 2,
            [batch],
        )
    )
    heads: Any = Shard(1)
    placements.append(Placement(heads, [heads] * 5, [heads] * 5, [heads]))
    return placements


_ntk_attention: Any = parametric_function(
    "ntk_attention", formula_of(_ntk_formula.value, 5), _shard, tensors=5, kept=1
)
