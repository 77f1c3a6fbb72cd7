"""The straight-through gradient of quantised attention.

The scores are computed again from the same quantised inputs as in the forward pass; the gradients
with respect to those are handed to the inputs as they are. With S the scores, P = softmax(S), and
O = P v^ for gradients g of O and h of the log-sum-exp:

    dP = g v^T,   dS = P (dP - rowsum(P dP) + h)
    dq = scale dS k^,   dk = scale dS^T q^,   dv = P^T g

Rows are taken a few at a time: there is never a whole score matrix. Matrix products are torch's, in
float32. These are raw operators of their own, so that compiled graphs see one node of any size.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

QUERY_BLOCK = 128
# Scores that are held at a time.
_SCORES = 1 << 22
_K, _QK = 1, 2
_TOP_LEFT, _BOTTOM_RIGHT = 1, 2

_registrations = torch.library.Library("longtail", "IMPL")


class Inputs(NamedTuple):
    """What attention sees, float32, heads of q grouped by the head of k that they share.

    Attributes:
        q, k: dequantised, less their means [B, Hkv, g, Lq, D'] and [B, Hkv, Lk, D'], perhaps
            rotated and padded.
        q_mean: [B, Hkv, g, Lq, D] and k_smooth: [B, Hkv, Lk, D]; their product is added to the
            scores. None without smoothing of q.
        q_hat, k_hat: what the gradients multiply by: means added, rotation undone.
        v_hat: dequantised [B, Hkv, Lk, Dv].
    """

    q: Tensor
    k: Tensor
    q_mean: Tensor | None
    k_smooth: Tensor | None
    q_hat: Tensor
    k_hat: Tensor
    v_hat: Tensor


def see(
    q: Tensor, k: Tensor, v: Tensor, codes: int, smooth: int, rotate: bool, strict: bool
) -> Inputs:
    """Quantise as the forward pass does."""
    inputs = torch.ops.longtail.quantized_attention_inputs(q, k, v, codes, smooth, rotate, strict)
    q_codes, k_codes, v_hat = inputs
    smooth = 0 if strict else smooth
    channels = q.shape[-1]
    q_hat, k_hat = q_codes, k_codes
    if rotate:
        back = torch.ops.longtail.hadamard_transform  # its own inverse, so scaled
        factor = 1 / math.sqrt(q_codes.shape[-1])
        q_hat, k_hat = back(q_hat, factor, False), back(k_hat, factor, False)
    q_hat, k_hat = q_hat[..., :channels], k_hat[..., :channels]
    q_mean = k_smooth = None
    if smooth in (_K, _QK):
        k_mean = k.double().mean(-2, keepdim=True).float()
        k_smooth = k.float() - k_mean
        k_hat = k_hat + k_mean
    if smooth == _QK:
        blocks = [each.double().mean(-2, keepdim=True) for each in q.split(QUERY_BLOCK, -2)]
        sizes = [each.shape[-2] for each in q.split(QUERY_BLOCK, -2)]
        q_mean = torch.cat(
            [
                mean.float().expand(*q.shape[:-2], size, channels)
                for mean, size in zip(blocks, sizes, strict=True)
            ],
            -2,
        )
        q_hat = q_hat + q_mean
    group = (k.shape[1], -1)

    def grouped(tensor: Tensor) -> Tensor:
        return tensor.unflatten(1, group)

    return Inputs(
        grouped(q_codes),
        k_codes,
        None if q_mean is None else grouped(q_mean),
        k_smooth if smooth == _QK else None,
        grouped(q_hat),
        k_hat,
        v_hat,
    )


def backward(
    grad: Tensor,
    grad_lse: Tensor,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    attn_mask: Tensor | None,
    codes: int,
    smooth: int,
    rotate: bool,
    causal: int,
    strict: bool,
    scale: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """The kernel of ``longtail::quantized_attention_backward``."""
    if q.numel() == 0 or k.numel() == 0:
        return _zeros(q), _zeros(k), _zeros(v)
    seen = see(q, k, v, codes, smooth, rotate, strict)
    heads, rows, keys = k.shape[1], q.shape[2], k.shape[2]
    dq = torch.empty_like(seen.q_hat)
    dk, dv = torch.zeros_like(seen.k_hat), torch.zeros_like(seen.v_hat)
    grad = grad.float().unflatten(1, (heads, -1))
    grad_lse = grad_lse.unflatten(1, (heads, -1)).unsqueeze(-1)
    mask = None if attn_mask is None else attn_mask.unflatten(1, (heads, -1))
    step = max(1, _SCORES // max(1, q.shape[0] * q.shape[1] * keys))
    for first in range(0, rows, step):
        part = slice(first, min(rows, first + step))

        def of_rows(tensor: Tensor, part: slice = part) -> Tensor:
            return tensor[:, :, :, part].flatten(2, 3)

        s = of_rows(seen.q) @ seen.k.mT
        if seen.q_mean is not None and seen.k_smooth is not None:
            s += of_rows(seen.q_mean) @ seen.k_smooth.mT
        s *= scale
        grouped = s.unflatten(2, (-1, part.stop - part.start))
        _hide(grouped, None if mask is None else mask[:, :, :, part], causal, part, rows)
        p = torch.softmax(s, -1)
        p.masked_fill_((s == -math.inf).all(-1, keepdim=True), 0.0)
        g = of_rows(grad)
        dp = g @ seen.v_hat.mT
        ds = p * (dp - (p * dp).sum(-1, keepdim=True) + of_rows(grad_lse))
        ds *= scale
        dq[:, :, :, part] = (ds @ seen.k_hat).unflatten(2, (-1, part.stop - part.start))
        dk += ds.mT @ of_rows(seen.q_hat)
        dv += p.mT @ g
    return (
        dq.flatten(1, 2).to(q.dtype).contiguous(),
        dk.to(k.dtype).contiguous(),
        dv.to(v.dtype).contiguous(),
    )


def _zeros(like: Tensor) -> Tensor:
    return like.new_zeros(like.shape)


def _hide(s: Tensor, mask: Tensor | None, causal: int, part: slice, rows: int) -> None:
    """Apply masks to the scores [B, Hkv, g, rows of part, Lk] in place."""
    keys = s.shape[-1]
    if mask is not None:
        if mask.dtype == torch.bool:
            s.masked_fill_(~mask, -math.inf)
        else:
            s += mask
    if causal:
        shift = keys - rows if causal == _BOTTOM_RIGHT else 0
        row = torch.arange(part.start, part.stop, device=s.device)[:, None]
        s.masked_fill_(torch.arange(keys, device=s.device) > row + shift, -math.inf)


def varlen_backward(
    grad: Tensor,
    grad_lse: Tensor,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    cu_seqlens_q: Tensor,
    cu_seqlens_k: Tensor,
    codes: int,
    smooth: int,
    rotate: bool,
    causal: int,
    strict: bool,
    scale: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """The kernel of ``longtail::quantized_attention_varlen_backward``: sequence by sequence."""
    results = _zeros(q), _zeros(k), _zeros(v)
    rows, keys = cu_seqlens_q.tolist(), cu_seqlens_k.tolist()
    for i in range(len(rows) - 1):
        of_q, of_k = slice(rows[i], rows[i + 1]), slice(keys[i], keys[i + 1])

        def one(tensor: Tensor, part: slice) -> Tensor:
            return tensor[part].transpose(0, 1).unsqueeze(0)

        parts = backward(
            one(grad, of_q),
            grad_lse[:, of_q].unsqueeze(0),
            one(q, of_q),
            one(k, of_k),
            one(v, of_k),
            None,
            codes,
            smooth,
            rotate,
            causal,
            strict,
            scale,
        )
        for result, part, place in zip(results, parts, (of_q, of_k, of_k), strict=True):
            result[place] = part[0].transpose(0, 1)
    return results


_registrations.impl("quantized_attention_backward", backward, "CompositeExplicitAutograd")
_registrations.impl(
    "quantized_attention_varlen_backward", varlen_backward, "CompositeExplicitAutograd"
)
