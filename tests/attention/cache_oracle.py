"""The formats of QuantizedKVCache once more, slow and obvious: float32 arithmetic for codes (the
same bits), float64 for everything else, a token and a group at a time where that is clearer.

It knows nothing of tiles of words, of packing, or of how the CPU kernel rounds queries and weights:
that is cache_emulation.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

TOKENS = 64


class Codes(NamedTuple):
    """``scale * (code + zero)``, each of them in float64."""

    scale: Tensor
    zero: Tensor
    code: Tensor

    @property
    def values(self) -> Tensor:
        return self.scale * (self.code + self.zero)


def encode(x: Tensor, dim: int | tuple[int, ...], bits: int) -> Codes:
    """The codes of float32 numbers; one scale and zero over ``dim``."""
    assert x.dtype == torch.float32
    largest = float((1 << bits) - 1)
    unit, reach = (0.125, 4000.0) if bits == 4 else (0.5, 16000.0)
    low, high = x.amin(dim, keepdim=True), x.amax(dim, keepdim=True)
    step = high / largest - low / largest
    wanted = step.maximum(low.abs().maximum(high.abs()) / reach).clamp(min=2.0**-100)
    scale = ((wanted.view(torch.int32) + 0xFFFF) & ~0xFFFF).view(torch.float32)
    inverse = 1 / scale
    zero = (low * inverse * (1 / unit)).floor() * unit
    code = (x * inverse - zero).round().clamp(0, largest)
    return Codes(scale.double(), zero.double(), code.double())


def quantise(x: Tensor, dim: int | tuple[int, ...], bits: int) -> Tensor:
    """What the codes of x stand for."""
    return encode(x, dim, bits).values


def by_group(x: Tensor, group: int, bits: int) -> Tensor:
    """Each group of the last dimension by itself; the last one may be smaller."""
    return torch.cat([quantise(part.contiguous(), -1, bits) for part in x.split(group, -1)], -1)


def hadamard(x: Tensor) -> Tensor:
    """Over the last dimension, a power of two: butterflies of 1, 2, 4, ... in x's dtype."""
    size = x.shape[-1]
    h = 1
    while h < size:
        pairs = x.unflatten(-1, (-1, 2, h))
        a, b = pairs.select(-2, 0), pairs.select(-2, 1)
        x = torch.stack([a + b, a - b], -2).flatten(-3)
        h *= 2
    return x * torch.tensor(1 / math.sqrt(size), dtype=torch.float64).to(x.dtype)


def padded(x: Tensor) -> Tensor:
    """To the next power of two with zeros."""
    size = 1 << (x.shape[-1] - 1).bit_length()
    return torch.nn.functional.pad(x, (0, size - x.shape[-1]))


def channel_keys(k: Tensor, bits: int) -> Tensor:
    """Keys ``[T, D]`` of one sequence and head as attention sees them, in float64."""
    full = len(k) // TOKENS * TOKENS
    groups = [quantise(k[t : t + TOKENS].float(), 0, bits) for t in range(0, full, TOKENS)]
    return torch.cat([*groups, k[full:].double()])


def rotated_keys(k: Tensor, bits: int, group: int) -> Tensor:
    """The same for the format ``token_rotated``: back from the rotation, the mean added again."""
    if len(k) < TOKENS:
        return k.double()
    mean = (k[:TOKENS].double().sum(0) / TOKENS).float()
    rotated = hadamard(padded(k.float() - mean))
    # The transform is its own inverse.
    back = hadamard(by_group(rotated, group, bits))
    return back[:, : k.shape[1]] + mean.double()


def keys(k: Tensor, bits: int, k_format: str, group: int) -> Tensor:
    if k_format == "channel":
        return channel_keys(k, bits)
    return rotated_keys(k, bits, group)


def values(v: Tensor, bits: int, group: int) -> Tensor:
    return by_group(v.float(), group, bits)


def attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    scale: float | None = None,
    is_causal: bool = True,
    mask: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Output and LSE of ``[Lq, D]`` over ``[Lk, D]`` in float64, causal from the bottom right; a
    row that sees nothing: 0 and -inf. ``mask`` is added."""
    scale = 1 / math.sqrt(q.shape[-1]) if scale is None else scale
    scores = q.double() @ k.double().T * scale
    if mask is not None:
        scores = scores + mask.double()
    if is_causal:
        query, key = torch.arange(len(q))[:, None], torch.arange(len(k))
        scores = scores.masked_fill(key > query + len(k) - len(q), -math.inf)
    lse = scores.logsumexp(-1)
    weights = (scores - lse[:, None]).exp().nan_to_num(0.0)
    return weights @ v.double(), lse


Head = tuple[Tensor, Tensor, Tensor, Tensor | None]


def heads_of(
    q: Tensor, k: Tensor, v: Tensor, lengths: list[int] | None, mask: Tensor | None
) -> Iterator[Head]:
    """A whole batch head by head: q ``[B, H, Lq, D]``, k and v ``[B, Hkv, L, D]`` of which
    ``lengths`` count, mask ``[B, H, Lq, max(lengths)]``."""
    share = q.shape[1] // k.shape[1]
    for b, length in enumerate([k.shape[2]] * len(q) if lengths is None else lengths):
        for h in range(q.shape[1]):
            own_mask = None if mask is None else mask[b, h, :, :length]
            yield q[b, h], k[b, h // share, :length], v[b, h // share, :length], own_mask


def as_batch(q: Tensor, results: Iterable[tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
    """Results of the heads, each ``[B, H, ...]``."""
    return tuple(torch.stack(each).unflatten(0, q.shape[:2]) for each in zip(*results, strict=True))


def attend(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    bits: int,
    k_format: str,
    group: int = 32,
    lengths: list[int] | None = None,
    mask: Tensor | None = None,
    **options: object,
) -> tuple[Tensor, Tensor]:
    """A whole batch, with the shapes of ``heads_of``."""
    out, lse = as_batch(
        q,
        [
            attention(
                own_q,
                keys(own_k, bits, k_format, group),
                values(own_v, bits, group),
                mask=own_mask,
                **options,
            )
            for own_q, own_k, own_v, own_mask in heads_of(q, k, v, lengths, mask)
        ],
    )
    return out, lse
