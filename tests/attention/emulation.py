"""The oracle: quantised attention written out, slow and obvious.

Codes are made in float32, step by step as the contract has them (csrc/attention/quantise.h), so
that they can be compared bit for bit; everything after them is float64. One head at a time.
"""

from __future__ import annotations

import dataclasses
import math
from typing import NamedTuple

import torch
from torch import Tensor

QUERY_BLOCK = 128  # rows that share a mean
KEY_BLOCK = 128  # keys that share a scale of the weights, on the CPU
SMALLEST_GROUP = 2.0**-118  # below it a group is coded as zeros
QUIET, SLIM, MOST_SINKS = 0.5, 8.0, 4  # as csrc/attention/sinks.h has them
SCORE_ERROR = 2.0**-20  # of a score in float32, relative to the largest of its row
E4M3_LARGEST = 448
LEVELS = {"int4": (7, 7), "q8k4": (127, 7), "int8": (127, 127)}


@dataclasses.dataclass(frozen=True)
class Variant:
    """How the inputs are quantised.

    Attributes:
        qk, smooth, rotate, strict_causal: as of ``quantized_attention``.
        weights: "u8" as the CPU kernels have them, "fp8" as CUDA's with E4M3 weights and values,
            "exact" for the codes of q and k alone.
        tile: keys of one step of the "fp8" kernels; weights are relative to the largest score so
            far. prefill_shared.cuh has 64 up to 128 channels, 32 beyond; the wgmma kernel 64.
    """

    qk: str = "int4"
    smooth: str = "qk"
    rotate: bool = False
    strict_causal: bool = False
    weights: str = "u8"
    tile: int = 64

    @property
    def smooths_q(self) -> bool:
        return self.smooth == "qk" and not self.strict_causal

    @property
    def smooths_k(self) -> bool:
        return self.smooth != "none" and not self.strict_causal

    @property
    def per_token(self) -> bool:
        return self.qk == "q8k4" or self.strict_causal


def query_groups(length: int, per_token: bool) -> Tensor:
    """The group of each row: in every 32 rows, those equal modulo 8 share a scale."""
    rows = torch.arange(length)
    return rows if per_token else rows // 32 * 8 + rows % 8


def key_groups(length: int, per_token: bool) -> Tensor:
    """The group of each key: in every 64 keys, 4 groups {8 i + 2 t, 8 i + 2 t + 1}."""
    keys = torch.arange(length)
    return keys if per_token else keys // 64 * 4 + keys % 8 // 2


def inverse_scale(amax: Tensor, largest: int) -> Tensor:
    """largest / amax by one division; torch's number / tensor takes a reciprocal first."""
    return torch.where(amax >= SMALLEST_GROUP, torch.full_like(amax, largest) / amax, 0.0)


def quantise(x: Tensor, groups: Tensor, largest: int) -> tuple[Tensor, Tensor]:
    """Codes [L, D] and the scale of each row [L], float32."""
    amax = torch.zeros(int(groups.max()) + 1 if len(groups) else 0)
    amax.scatter_reduce_(0, groups, x.abs().amax(1), "amax")
    amax = amax[groups]
    inverse = inverse_scale(amax, largest)
    return torch.round(x * inverse[:, None]), amax / largest


def e4m3(x: Tensor) -> Tensor:
    """To the nearest number of E4M3, ties to even, at most 448; the dtype stays.

    Steps are 2^(e - 3) for numbers from 2^e on, and 2^-9 below 2^-6. torch's own conversion would
    round float64 twice, by way of float32.
    """
    exponent = torch.frexp(x).exponent - 1
    step = torch.ldexp(torch.ones_like(x), exponent.clamp(min=-6) - 3)
    return (torch.round(x / step) * step).clamp(-E4M3_LARGEST, E4M3_LARGEST)


def mean(x: Tensor) -> Tensor:
    """Over rows, rounded to float32 once."""
    return x.double().mean(0).float()


def rotated(x: Tensor) -> Tensor:
    """Rows times Sylvester's matrix over sqrt(n), n = 4, 8, 16, ..., in float32 steps."""
    n = max(4, 1 << (x.shape[1] - 1).bit_length())
    x = torch.nn.functional.pad(x, (0, n - x.shape[1]))
    h = 1
    while h < n:
        pairs = x.view(-1, n // (2 * h), 2, h)
        first, second = pairs[:, :, 0], pairs[:, :, 1]
        x = torch.stack([first + second, first - second], 2).reshape(-1, n)
        h *= 2
    return x * torch.tensor(1 / math.sqrt(n), dtype=torch.float32)


@dataclasses.dataclass(frozen=True)
class Quantised:
    """What one head becomes.

    Attributes:
        q, k: dequantised, smoothed and perhaps rotated [L, D or the next power of two], float64.
        q_mean: the mean that was taken from each row of q [Lq, D], float64; zeros without.
        k_smooth: k less its mean, exact [Lk, D], float64.
        k_mean: [D].
        v: dequantised, float64; v_mean: [D].
        v_exact: in units of v_scale and less the mean like v_codes, but not rounded.
        v_size, v_smooth_size: sums of |v| over channels, before and after the mean is taken [Lk].
    """

    q: Tensor
    k: Tensor
    q_mean: Tensor
    k_smooth: Tensor
    k_mean: Tensor
    v: Tensor
    v_codes: Tensor
    v_scale: Tensor
    v_mean: Tensor
    v_exact: Tensor
    v_size: Tensor
    v_smooth_size: Tensor


def quantise_head(q: Tensor, k: Tensor, v: Tensor, variant: Variant) -> Quantised:
    """q [Lq, D], k [Lk, D], v [Lk, Dv] of one head."""
    q, k, v = q.float(), k.float(), v.float()
    zeros = torch.zeros(k.shape[1])
    k_mean = mean(k) if variant.smooths_k else zeros
    k_smooth = k - k_mean
    q_mean = torch.zeros_like(q)
    if variant.smooths_q:
        for block in torch.arange(len(q)).split(QUERY_BLOCK):
            q_mean[block] = mean(q[block])
    q_smooth = q - q_mean
    turn = rotated if variant.rotate else (lambda x: x)
    q_codes, q_scale = quantise(
        turn(q_smooth), query_groups(len(q), variant.per_token), LEVELS[variant.qk][0]
    )
    k_codes, k_scale = quantise(
        turn(k_smooth), key_groups(len(k), variant.per_token), LEVELS[variant.qk][1]
    )
    v_mean = mean(v) if variant.smooths_k else torch.zeros(v.shape[1])
    v_smooth = v - v_mean
    v_amax = v_smooth.abs().amax(0)
    largest = E4M3_LARGEST if variant.weights == "fp8" else 127
    v_scale = v_amax / largest
    v_exact = v_smooth * inverse_scale(v_amax, largest)
    v_codes = e4m3(v_exact) if variant.weights == "fp8" else torch.round(v_exact)
    v_hat = (v_codes * v_scale).double() + v_mean.double()
    if variant.strict_causal or variant.weights == "exact":
        v_hat = v.double()
    return Quantised(
        (q_codes * q_scale[:, None]).double(),
        (k_codes * k_scale[:, None]).double(),
        q_mean.double(),
        k_smooth.double(),
        k_mean.double(),
        v_hat,
        v_codes.double(),
        v_scale.double(),
        v_mean.double(),
        v_exact.double(),
        v.double().abs().sum(1),
        v_smooth.double().abs().sum(1),
    )


def scores(head: Quantised, scale: float) -> Tensor:
    """[Lq, Lk] less the row constant q . k_mean."""
    return scale * (head.q @ head.k.T + head.q_mean @ head.k_smooth.T)


class Attended(NamedTuple):
    """Result of one head or of all, float64.

    Attributes:
        out: [..., Lq, Dv].
        lse: [..., Lq].
        slack: [..., Lq]: by how much a row may differ where rounding of a score in float32 tips
            the code of a weight: one step for every weight so close to a tie; a step for all of
            a block where it decides whether a key is a sink.
    """

    out: Tensor
    lse: Tensor
    slack: Tensor


def fp8_products(s: Tensor, head: Quantised, tile: int) -> tuple[Tensor, Tensor]:
    """Rounded weights times codes of values, over exp(largest score); by how much ties may tip it.

    A tile's largest possible weight is 448; sums over tiles are taken to the new largest score.
    """
    out = torch.zeros(len(s), head.v_codes.shape[1], dtype=torch.float64)
    slack = torch.zeros(len(s), 1, dtype=torch.float64)
    top = torch.full((len(s), 1), -math.inf, dtype=torch.float64)
    seen = s.masked_fill(s == -math.inf, 0.0)
    relative = SCORE_ERROR * (1 + seen.abs().amax(1, keepdim=True))
    for block in torch.arange(s.shape[1]).split(tile):
        old_top, top = top, torch.maximum(top, s[:, block].amax(1, keepdim=True))
        base = torch.where(top == -math.inf, 0.0, top)
        weights = E4M3_LARGEST * torch.exp(s[:, block] - base)
        kept = torch.exp(old_top - base)
        out = out * kept + e4m3(weights) @ head.v_codes[block] / E4M3_LARGEST
        lower, upper = e4m3(weights * (1 - relative)), e4m3(weights * (1 + relative))
        slack = slack * kept + (upper - lower).sum(1, keepdim=True) / E4M3_LARGEST
    return out, slack


@dataclasses.dataclass(frozen=True)
class Sinks:
    """What the rows take out of one block (csrc/attention/sinks.h).

    Attributes:
        taken: bool [Lq, keys].
        doubtful: bool [Lq, 1]: rows where the roundings of float32 may decide otherwise.
    """

    taken: Tensor
    doubtful: Tensor


def find_sinks(p: Tensor, size: Tensor, smooth_size: Tensor, relative: Tensor) -> Sinks:
    """p: weights of a block [Lq, keys], exact but for a `relative` error [Lq, 1] in the kernel."""
    bound = QUIET * smooth_size.mean()
    quiet = size < bound
    unsure = (size - bound).abs() <= 2.0**-16 * bound  # summed in float32, in any order
    taken = torch.zeros_like(p, dtype=torch.bool)
    doubtful = torch.zeros(len(p), 1, dtype=torch.bool)
    going = torch.ones(len(p), 1, dtype=torch.bool)
    for _ in range(MOST_SINKS):
        rest = p.masked_fill(taken, 0.0)
        top = rest.amax(1, keepdim=True)
        spread = rest.sum(1, keepdim=True) - SLIM * top
        near = (rest >= top * (1 - 4 * relative)) & (rest > 0)
        mine = (rest == top) & quiet & (rest > 0)
        close = spread.abs() <= SLIM * top * 4 * relative
        either = (near & quiet).any(1, keepdim=True) & (near.sum(1, keepdim=True) > 1)
        either |= (near & unsure).any(1, keepdim=True)
        heavy = (near & (quiet | unsure)).any(1, keepdim=True)
        maybe = (spread < 0) & either | close & heavy
        doubtful |= going & maybe & (top > 0)
        going &= (spread < 0) & mine.any(1, keepdim=True)
        first = torch.zeros_like(mine).scatter_(1, mine.int().argmax(1, keepdim=True), True)
        taken |= going & first
    return Sinks(taken, doubtful)


def attend_head(
    q: Tensor, k: Tensor, v: Tensor, bias: Tensor, scale: float, variant: Variant
) -> Attended:
    """One head; bias [Lq, Lk], -inf: hidden."""
    head = quantise_head(q, k, v, variant)
    s = scores(head, scale) + bias
    row_max = s.amax(1, keepdim=True)
    hidden = row_max == -math.inf
    p = torch.where(hidden, 0.0, torch.exp(s - row_max.masked_fill(hidden, 0.0)))
    total = p.sum(1, keepdim=True)
    slack = torch.zeros(len(q), 1, dtype=torch.float64)
    if variant.weights == "exact" or variant.strict_causal:
        out = p @ head.v
    elif variant.weights == "fp8":
        out, slack = fp8_products(s, head, variant.tile)
        out = out * head.v_scale + total * head.v_mean
        slack = slack * E4M3_LARGEST * head.v_scale.amax() / total
    else:
        out = torch.zeros(len(q), v.shape[1], dtype=torch.float64)
        seen = s.masked_fill(s == -math.inf, 0.0)
        relative = SCORE_ERROR * (1 + seen.abs().amax(1, keepdim=True))
        for block in torch.arange(len(k)).split(KEY_BLOCK):
            sinks = find_sinks(p[:, block], head.v_size[block], head.v_smooth_size[block], relative)
            out += (p[:, block] * sinks.taken) @ head.v_exact[block]
            left = s[:, block].masked_fill(sinks.taken, -math.inf)
            top = left.amax(1, keepdim=True)
            none = top == -math.inf
            weights = 255 * torch.exp(left - top.masked_fill(none, 0.0))
            codes = torch.where(none, 0.0, torch.round(weights))
            share = torch.where(none | hidden, 0.0, torch.exp(top - row_max)) / 255
            out += share * (codes @ head.v_codes[block])
            from_tie = (weights - torch.floor(weights) - 0.5).abs()
            slack += share * (from_tie < weights * relative).sum(1, keepdim=True)
            largest = p[:, block].amax(1, keepdim=True) / 255
            slack += largest * (2 + len(block)) * sinks.doubtful
        out = out * head.v_scale + total * head.v_mean
        slack = slack * 127 * head.v_scale.amax() / total
    out = torch.where(hidden, 0.0, out / total)
    lse = row_max + torch.log(total) + scale * (q.double() @ head.k_mean)[:, None]
    return Attended(
        out,
        torch.where(hidden, -math.inf, lse)[:, 0],
        torch.where(hidden, 0.0, slack)[:, 0],
    )


def bias_of(attn_mask: Tensor | None, causal: str, shape: tuple[int, int, int, int]) -> Tensor:
    """What is added to the scores [B, H, Lq, Lk]; causal: "", "top_left" or "bottom_right"."""
    rows, keys = shape[2:]
    bias = torch.zeros(shape, dtype=torch.float64)
    if attn_mask is not None:
        if attn_mask.dtype == torch.bool:
            bias = bias.masked_fill(~attn_mask, -math.inf)
        else:
            bias = bias + attn_mask.double()
    if causal:
        shift = keys - rows if causal == "bottom_right" else 0
        seen = torch.arange(keys) <= torch.arange(rows)[:, None] + shift
        bias = bias.masked_fill(~seen, -math.inf)
    return bias


def attend(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    attn_mask: Tensor | None = None,
    *,
    causal: str = "",
    scale: float | None = None,
    variant: Variant = Variant(),
) -> Attended:
    """All heads of [B, H, L, D]; heads of k and v are shared."""
    batch, heads, rows, channels = q.shape
    scale = 1 / math.sqrt(channels) if scale is None else scale
    bias = bias_of(attn_mask, causal, (batch, heads, rows, k.shape[2]))
    share = heads // k.shape[1]
    results = [
        attend_head(q[b, h], k[b, h // share], v[b, h // share], bias[b, h], scale, variant)
        for b in range(batch)
        for h in range(heads)
    ]
    return Attended(
        *(torch.stack(each).unflatten(0, (batch, heads)) for each in zip(*results, strict=True))
    )


def exact(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    attn_mask: Tensor | None = None,
    *,
    causal: str = "",
    scale: float | None = None,
) -> Tensor:
    """Attention of the inputs as they are, float64."""
    share = q.shape[1] // k.shape[1]
    k, v = (each.double().repeat_interleave(share, 1) for each in (k, v))
    scale = 1 / math.sqrt(q.shape[3]) if scale is None else scale
    shape = (*q.shape[:3], k.shape[2])
    s = scale * q.double() @ k.mT + bias_of(attn_mask, causal, shape)
    return torch.nan_to_num(torch.softmax(s, -1)) @ v
