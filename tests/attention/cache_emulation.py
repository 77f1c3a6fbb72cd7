"""Attention over a quantised cache as the CPU kernel has it: cache_oracle.py, with queries and
weights rounded where the kernel rounds them (csrc/attention/decode.h). Queries are rounded in
float32, bit for bit; scores, weights and sums are float64. One head at a time.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from attention import cache_oracle as oracle
from attention.cache_oracle import TOKENS

LARGEST_QUERY = {4: 127.0, 8: 32767.0}
LARGEST_WEIGHT = {4: 255.0, 8: 32767.0}
ROUNDING = 2.0**-23  # of a sum in float32 that makes a score, relative to its terms


class Attended(NamedTuple):
    """Result of one head or of all, float64.

    Attributes:
        out: [..., Lq, Dv].
        lse: [..., Lq].
        slack: [..., Lq]: by how much a row of out may differ where rounding of a score in float32
            tips the code of a weight: one step for every weight so close to a tie.
        score_error: [..., Lq]: what the kernel's scores may differ by, at most.
    """

    out: Tensor
    lse: Tensor
    slack: Tensor
    score_error: Tensor


@dataclasses.dataclass(frozen=True)
class Format:
    """Of a cache."""

    bits: int
    k_format: str
    group: int

    @property
    def centre(self) -> float:
        return ((1 << self.bits) - 1) / 2


def rounded(x: Tensor, largest: float) -> tuple[Tensor, Tensor]:
    """Codes and step [rows, 1] of float32 queries [rows, n]."""
    top = x.abs().amax(-1, keepdim=True)
    inverse = torch.where(top > 2.0**-100, torch.full_like(top, largest) / top, 0.0)
    step = torch.where(top > 2.0**-100, top / largest, 0.0)
    return (x * inverse).round().double(), step.double()


def products(q: Tensor, keys: oracle.Codes, form: Format) -> Tensor:
    """Rounded queries times codes counted from their centre: [rows, tokens]."""
    codes, step = rounded(q, LARGEST_QUERY[form.bits])
    return step * (codes @ (keys.code - form.centre).T)


def channel_scores(q: Tensor, k: Tensor, form: Format) -> tuple[Tensor, Tensor]:
    """Scores [rows, 64] of one tile, and what float32 sums were made of [rows]."""
    keys = oracle.encode(k.float(), 0, form.bits)
    scaled = q * keys.scale.float()
    zeros = (keys.zero + form.centre).T
    terms = scaled.double().abs() @ (zeros.abs() + 2 * form.centre)
    return products(scaled, keys, form) + scaled.double() @ zeros, terms[:, 0]


def frozen_mean(k: Tensor) -> Tensor:
    """What is subtracted from rotated keys: the mean of the first 64."""
    return (k[:TOKENS].double().sum(0) / TOKENS).float()


def rotated_scores(q: Tensor, k: Tensor, mean: Tensor, form: Format) -> tuple[Tensor, Tensor]:
    """The same for all tokens of a sequence."""
    keys = oracle.hadamard(oracle.padded(k.float() - mean)).split(form.group, -1)
    queries = oracle.hadamard(oracle.padded(q)).split(form.group, -1)
    scores = (q.double() @ mean.double())[:, None]
    terms = q.double().abs() @ mean.double().abs()
    for query, key in zip(queries, keys, strict=True):
        codes = oracle.encode(key.contiguous(), -1, form.bits)
        zeros = (codes.zero + form.centre).T
        part = products(query, codes, form) + query.double().sum(-1, keepdim=True) * zeros
        scores = scores + part * codes.scale.T
        most = codes.scale * (codes.zero.abs() + 3 * form.centre)
        terms = terms + query.double().abs().sum(-1) * most.max()
    return scores, terms


def all_scores(q: Tensor, k: Tensor, mean: Tensor | None, form: Format) -> tuple[Tensor, Tensor]:
    """Scores of float32 queries [rows, D], scaled, over a sequence; and the largest terms."""
    if mean is not None:
        return rotated_scores(q, k, mean, form)
    scores, terms = [], torch.zeros(len(q), dtype=torch.float64)
    for tile in k.split(TOKENS):
        if form.k_format == "channel" and len(tile) == TOKENS:
            each, of_tile = channel_scores(q, tile, form)
        else:
            each = q.double() @ tile.double().T
            of_tile = (q.double().abs() @ tile.double().abs().T).amax(-1)
        scores.append(each)
        terms = terms.maximum(of_tile)
    return torch.cat(scores, -1), terms


def tile_values(p: Tensor, error: Tensor, v: Tensor, form: Format) -> tuple[Tensor, Tensor]:
    """Weights [rows, tokens] times the values of one tile, and its slack [rows]; the weights
    have a relative error [rows]."""
    sums, slack = [], torch.zeros(len(p), dtype=torch.float64)
    for part in v.float().split(form.group, -1):
        values = oracle.encode(part.contiguous(), -1, form.bits)
        scaled = p * values.scale.T
        step = scaled.amax(-1, keepdim=True) / LARGEST_WEIGHT[form.bits]
        weights = torch.where(step > 0, scaled / step, 0.0)
        codes = weights.round()
        sums.append(
            step * (codes @ (values.code - form.centre))
            + scaled @ (values.zero + form.centre).expand(-1, part.shape[1])
        )
        from_tie = (weights - weights.floor() - 0.5).abs()
        ties = (from_tie <= weights * error[:, None]) & (weights > 0.25)
        slack = slack.maximum(ties.sum(-1) * step[:, 0] * form.centre)
    return torch.cat(sums, -1), slack


def attend_head(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    bits: int,
    k_format: str,
    group: int = 32,
    mask: Tensor | None = None,
    mean: Tensor | None = None,
    *,
    scale: float | None = None,
    is_causal: bool = True,
) -> Attended:
    """One head: q [rows, D], k and v [tokens, D], mask [rows, tokens]. ``mean`` is the frozen one
    of rotated keys if not that of these."""
    form = Format(bits, k_format, group)
    scale = 1 / math.sqrt(q.shape[-1]) if scale is None else scale
    if k_format == "token_rotated" and mean is None and len(k) >= TOKENS:
        mean = frozen_mean(k)
    bias = torch.zeros(len(q), len(k), dtype=torch.float64)
    if mask is not None:
        bias = bias + mask.double()
    if is_causal:
        last = torch.arange(len(q))[:, None] + len(k) - len(q)
        bias = bias.masked_fill(torch.arange(len(k)) > last, -math.inf)
    rows, zeros = len(q), torch.zeros(len(q), dtype=torch.float64)
    if len(k) == 0:
        return Attended(zeros[:, None].expand(rows, v.shape[1]), zeros - math.inf, zeros, zeros)
    queries = q.float() * torch.tensor(scale, dtype=torch.float32)
    scores, terms = all_scores(queries, k, mean, form)
    scores = scores + bias
    top = scores.amax(-1)
    seen = top > -math.inf
    error = ROUNDING * (1 + terms + bias.masked_fill(bias == -math.inf, 0.0).abs().amax(-1))
    out = torch.zeros(len(q), v.shape[1], dtype=torch.float64)
    mass, slack = torch.zeros_like(top), torch.zeros_like(top)
    for tokens in torch.arange(len(k)).split(TOKENS):
        of_tile = scores[:, tokens]
        tile_top = of_tile.amax(-1)
        p = (of_tile - tile_top[:, None]).exp().nan_to_num(0.0)
        relative = (tile_top - top).exp().nan_to_num(0.0)
        sums, ties = tile_values(p, error, v[tokens], form)
        out += relative[:, None] * sums
        mass += relative * p.sum(-1)
        slack += relative * ties
    mass = torch.where(seen, mass, 1.0)
    out = torch.where(seen[:, None], out / mass[:, None], 0.0)
    return Attended(out, top + mass.log(), slack / mass, error)


def attend(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    bits: int,
    k_format: str,
    group: int = 32,
    lengths: list[int] | None = None,
    mask: Tensor | None = None,
    **options: Any,
) -> Attended:
    """A whole batch, as cache_oracle.attend."""
    results = [
        attend_head(*own, bits, k_format, group, own_mask, **options)
        for *own, own_mask in oracle.heads_of(q, k, v, lengths, mask)
    ]
    return Attended(*oracle.as_batch(q, results))
