"""Attention with 4-bit and 8-bit scores.

Source: Zhang, Huang, Zhang, Wei, Zhu, Chen, "SageAttention2: Efficient Attention with Thorough
Outlier Smoothing and Per-thread INT4 Quantization", 2024.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from longtail import _library  # noqa: F401  (loads the raw ops)
from longtail._arguments import check_tensor
from longtail._attention_shapes import (
    check_flags,
    check_heads,
    check_mask,
    flattened,
    option,
)
from longtail._attention_transforms import differentiable_attention

__all__ = ["quantized_attention", "quantized_attention_varlen"]

#: As in csrc/attention/prefill.h.
_CODES = {"int4": 0, "q8k4": 1, "int8": 2}
_SMOOTH = {"none": 0, "k": 1, "qk": 2}
_ALIGNMENT = {"top_left": 1, "bottom_right": 2}

_attention = differentiable_attention("quantized_attention", lengths=0)
_attention_varlen = differentiable_attention("quantized_attention_varlen", lengths=2)


def quantized_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
    qk: str = "int4",
    smooth: str = "qk",
    rotate: bool = False,
    causal_alignment: str = "top_left",
    strict_causal: bool = False,
    return_lse: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """``softmax(scale q k^T + attn_mask) v`` with quantised q, k and v; SDPA's signature.

    Scores are sums of products of 4-bit or 8-bit codes, exact as integers; a group of rows shares a
    scale, as SageAttention2 has it (csrc/attention/quantise.h). Smoothing takes the mean over all
    keys from k, and the mean of each block of 128 rows from q, both given back exactly; it costs
    little and matters where channels have a bias. A rotation (Hadamard, over channels) complements
    it where rotary embeddings move the bias. On the CPU weights and values have 8 bits, those of
    attention sinks 32 (csrc/attention/sinks.h).

    Args:
        q: ``[..., H, Lq, D]``, k: ``[..., Hkv, Lk, D]``, v: ``[..., Hkv, Lk, Dv]`` with D and Dv of
            1 to 256; float32, bfloat16 or float16, computed in float32. Leading dimensions
            broadcast.
        attn_mask: broadcasts to ``[..., H, Lq, Lk]``; bool (False hides a key) or floating point
            (added to the scores). It may be combined with is_causal.
        dropout_p: must be 0.
        is_causal: row i sees keys up to i (causal_alignment "top_left", as SDPA), or up to
            ``i + Lk - Lq`` ("bottom_right").
        scale: of the scores; by default ``1 / sqrt(D)``.
        enable_gqa: allow H to be a multiple of Hkv.
        qk: codes of q and k: "int4", "q8k4" (8 bits for q, 4 for k, a scale for each token) or
            "int8".
        smooth: "qk", "k" or "none".
        rotate: rotate q and k, after smoothing.
        strict_causal: with shared scales and means, later tokens move the last digits of earlier
            outputs, is_causal or not. True: a scale for each token, no smoothing (whatever
            `smooth` says), and weights and values in float32, so that they do not.
        return_lse: return the log-sum-exp too.

    Returns:
        ``[..., H, Lq, Dv]`` in the dtype of q, contiguous; with return_lse also the natural log of
        the sum of exponentials, float32 ``[..., H, Lq]``. A row that sees no key is 0 and its
        log-sum-exp -inf. Errors against exact attention: docs/families/attention.md.

    Gradients: straight-through, once: those of exact attention at the quantised inputs, handed to
    q, k and v (of the log-sum-exp too); none in attn_mask. Results repeat bit for bit, for any
    number of threads.

    Raises:
        TypeError: a dtype that is not supported, or not the same for q, k and v.
        ValueError: shapes that do not fit, an unknown option, several devices.
        NotImplementedError: dropout, a mask that requires a gradient, a second derivative, forward
            mode.
    """
    name = "quantized_attention"
    check_flags(name, enable_gqa=enable_gqa, return_lse=return_lse)
    check_heads(name, q, k, v, enable_gqa, packed=False)
    options = _options(
        name, q, qk, smooth, rotate, is_causal, causal_alignment, strict_causal, scale
    )
    _check_dropout(name, dropout_p)
    lead, (q4, k4, v4) = flattened(name, q, k, v)
    mask = check_mask(name, attn_mask, (*lead, q4.shape[1], q4.shape[2], k4.shape[2]), q)
    out, lse = _attention(q4, k4, v4, mask, *options)
    rows = [*lead, *([q4.shape[1]] if q.dim() > 2 else []), q4.shape[2]]
    out = out.reshape([*rows, v4.shape[3]])
    return (out, lse.reshape(rows)) if return_lse else out


def quantized_attention_varlen(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    cu_seqlens_q: Tensor,
    cu_seqlens_k: Tensor,
    max_seqlen_q: int,
    max_seqlen_k: int,
    *,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
    qk: str = "int4",
    smooth: str = "qk",
    rotate: bool = False,
    causal_alignment: str = "top_left",
    strict_causal: bool = False,
    return_lse: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """``quantized_attention`` of sequences that lie one after another.

    Args:
        q: ``[Tq, H, D]``, k: ``[Tk, Hkv, D]``, v: ``[Tk, Hkv, Dv]``.
        cu_seqlens_q, cu_seqlens_k: int32 or int64 ``[sequences + 1]``: where each begins, from 0 to
            Tq and Tk. Means and groups are those of each sequence by itself.
        max_seqlen_q, max_seqlen_k: at least the longest of them.
        is_causal, scale, qk, smooth, rotate, causal_alignment, strict_causal, return_lse: as of
            ``quantized_attention``.

    Returns:
        ``[Tq, H, Dv]``, and with return_lse the log-sum-exp, float32 ``[H, Tq]``.

    Gradients, errors: as of ``quantized_attention``; ValueError also for lengths that descend, or
    do not end where q and k do (on CUDA that is not checked: it would wait for the device).
    """
    name = "quantized_attention_varlen"
    check_flags(name, enable_gqa=enable_gqa, return_lse=return_lse)
    check_heads(name, q, k, v, enable_gqa, packed=True)
    options = _options(
        name, q, qk, smooth, rotate, is_causal, causal_alignment, strict_causal, scale
    )
    for argument, value in (("cu_seqlens_q", cu_seqlens_q), ("cu_seqlens_k", cu_seqlens_k)):
        check_tensor(name, argument, value)
        if value.dtype not in (torch.int32, torch.int64):
            raise TypeError(f"{name}: {argument} has dtype {value.dtype}, expected int32 or int64")
    for argument, length in (("max_seqlen_q", max_seqlen_q), ("max_seqlen_k", max_seqlen_k)):
        if not isinstance(length, int) or isinstance(length, bool):
            raise TypeError(f"{name}: {argument} must be an int, got {type(length).__name__}")
    out, lse = _attention_varlen(
        q, k, v, cu_seqlens_q, cu_seqlens_k, max_seqlen_q, max_seqlen_k, *options
    )
    return (out, lse) if return_lse else out


def _options(
    name: str,
    q: Tensor,
    qk: str,
    smooth: str,
    rotate: bool,
    is_causal: bool,
    causal_alignment: str,
    strict_causal: bool,
    scale: float | None,
) -> tuple[int, int, bool, int, bool, float]:
    """The options as the raw operators take them."""
    check_flags(name, is_causal=is_causal, rotate=rotate, strict_causal=strict_causal)
    alignment = option(name, "causal_alignment", causal_alignment, _ALIGNMENT)
    return (
        option(name, "qk", qk, _CODES),
        option(name, "smooth", smooth, _SMOOTH),
        rotate,
        alignment if is_causal else 0,
        strict_causal,
        _scale(name, scale, q),
    )


def _check_dropout(name: str, dropout_p: Any) -> None:
    if isinstance(dropout_p, bool) or not isinstance(dropout_p, (int, float)):
        raise TypeError(f"{name}: dropout_p must be a number, got {type(dropout_p).__name__}")
    if dropout_p != 0:
        raise NotImplementedError(f"{name}: dropout_p is {dropout_p}, only 0 is supported")


def _scale(name: str, scale: float | None, q: Tensor) -> float:
    if scale is None:
        return 1 / math.sqrt(q.shape[-1])
    if isinstance(scale, bool) or not isinstance(scale, (int, float)):
        raise TypeError(f"{name}: scale must be a number, got {type(scale).__name__}")
    if not math.isfinite(scale):
        raise ValueError(f"{name}: scale is {scale}, expected a finite number")
    return float(scale)
