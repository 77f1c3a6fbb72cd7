"""Both formats beside exact attention: cosines of attention.md."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import longtail
from attention import cache_oracle as oracle

LENGTH, DIM, HEADS, QUERIES = 1500, 128, 2, 32


def normal(g: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """N(0, 1)."""
    q = torch.randn(1, HEADS, QUERIES, DIM, generator=g)
    k, v = (torch.randn(1, HEADS, LENGTH, DIM, generator=g) for _ in range(2))
    return q, k, v


def biased(g: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Eight channels of K lie at +-10."""
    q, k, v = normal(g)
    k[..., :8] += 10 * torch.randn(8, generator=g).sign()
    return q, k, v


def learned(g: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """As in trained models: tokens in a space of few dimensions, queries that fit some keys, and
    channels of many sizes."""
    basis = torch.randn(HEADS, 24, DIM, generator=g) / 24**0.5
    size = torch.randn(DIM, generator=g).mul(0.5).exp()
    tokens = torch.randn(1, HEADS, LENGTH, 24, generator=g)
    k = (tokens @ basis + 0.3 * torch.randn(1, HEADS, LENGTH, DIM, generator=g)) * size
    q = tokens[:, :, -QUERIES:] @ basis * 3 + torch.randn(1, HEADS, QUERIES, DIM, generator=g)
    v = tokens @ torch.randn(HEADS, 24, DIM, generator=g) / 5
    return q, k + torch.randn(DIM, generator=g) * size, v


#: Least cosine of the worst head with 4 bits: of K, of K and V. On N(0, 1) attention is a mean of
#: noise, the hardest case; attention.md has 99.51 and 99.61 for K there.
FOUR_BITS = {normal: (0.9955, 0.992), biased: (0.9955, 0.992), learned: (0.998, 0.996)}


@pytest.mark.parametrize("data", FOUR_BITS)
@pytest.mark.parametrize("k_format", ["channel", "token_rotated"])
@pytest.mark.parametrize("bits", [4, 8])
def test_cosine(bits: int, k_format: str, data: Callable[..., tuple[Tensor, ...]]) -> None:
    """With exact V (in the oracle), as attention.md has it; and of the op, V at the same bits."""
    q, k, v = data(torch.Generator().manual_seed(11))
    cache = longtail.QuantizedKVCache(bits, k_format)
    cache.append(k, v)
    out = cache.attend(q, is_causal=False).double()
    with_exact_v, exact = torch.empty_like(out), torch.empty_like(out)
    for h in range(HEADS):
        keys = oracle.keys(k[0, h], bits, k_format, 32)
        with_exact_v[0, h] = oracle.attention(q[0, h], keys, v[0, h], is_causal=False)[0]
        exact[0, h] = oracle.attention(q[0, h], k[0, h], v[0, h], is_causal=False)[0]

    def cosine(x: Tensor) -> float:
        pair = x.flatten(2), exact.flatten(2)
        return float(torch.nn.functional.cosine_similarity(*pair, dim=-1).min())

    print(
        f"{data.__name__} {k_format} {bits}: K {cosine(with_exact_v):.5f}, both {cosine(out):.5f}"
    )
    least, least_both = FOUR_BITS[data] if bits == 4 else (0.9999, 0.9999)
    assert cosine(with_exact_v) >= least
    assert cosine(out) >= least_both


def test_rotation_helps_tokens_with_outliers() -> None:
    """A few channels far larger than the rest: per token, a grid without rotation is too coarse."""
    g = torch.Generator().manual_seed(2)
    k = torch.randn(256, DIM, generator=g)
    k[:, ::32] *= 15
    rotated = oracle.rotated_keys(k, 4, 32)
    plain = oracle.by_group(k, 32, 4)
    rest = torch.arange(DIM) % 32 != 0
    rotated_error, plain_error = ((x - k)[64:, rest].square().mean() for x in (rotated, plain))
    assert rotated_error < 0.8 * plain_error
