"""Caches of 163,840 tokens, and memory past 2^31 words."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import longtail
from attention import cache_emulation as emulation
from attention import cache_oracle as oracle
from attention.test_decode import FORMATS, check
from kit.layouts import threads

LENGTH, DIM = 163_840, 64


def long_sequence() -> tuple[Tensor, Tensor, Tensor]:
    """Keys that the queries find: three of them far apart, which share most of the weight."""
    g = torch.Generator().manual_seed(3)
    q = torch.randn(1, 2, 2, DIM, generator=g)
    k, v = (torch.randn(1, 1, LENGTH, DIM, generator=g) for _ in range(2))
    for token in (11, LENGTH // 2 + 7, LENGTH - 300):
        k[:, :, token] = 2 * q[0, 0, 0]
    return q, k, v


@pytest.mark.parametrize(
    "k_format", ["channel", pytest.param("token_rotated", marks=pytest.mark.full)]
)
def test_long_sequence(k_format: str) -> None:
    """Beside attention in float64 over what the codes stand for, and over the exact tokens."""
    q, k, v = long_sequence()
    cache = longtail.QuantizedKVCache(4, k_format)
    for portion in zip(k.split(50_000, 2), v.split(50_000, 2), strict=True):
        cache.append(*portion)
    assert cache.lengths.tolist() == [LENGTH]
    got = cache.attend(q, return_lse=True)
    check(got, emulation.attend(q, k, v, 4, k_format), v, torch.float32)
    rows = q.flatten(1, 2)[0]
    exact, lse = oracle.attention(rows[:1], k[0, 0], v[0, 0], is_causal=False)
    weights = (k[0, 0].double() @ rows[0].double() / 8 - lse).exp()
    assert weights.sort().values[-3:].sum() > 0.5
    eight = longtail.QuantizedKVCache(8, k_format)
    eight.append(k, v)
    out = eight.attend(q[:, :1, :1], is_causal=False)[0, 0]
    assert torch.nn.functional.cosine_similarity(out.double(), exact) > 0.9999
    with threads(2):
        assert torch.equal(cache.attend(q), got[0])


def untouched(sizes: list[int], dtype: torch.dtype) -> Tensor:
    """Memory of which only those pages are there that somebody writes to."""
    try:
        return torch.empty(sizes, dtype=dtype)
    except RuntimeError as error:
        pytest.skip(f"the system does not promise more memory than it has: {error}")


def far_apart(x: Tensor) -> Tensor:
    """The same numbers, 2^31 elements and a few between the first head and the second."""
    stride = (1 << 31) + 5
    memory = untouched([stride + x[0, 0].numel()], x.dtype)
    view = memory.as_strided(x.shape, (0, stride, x.shape[3], 1))
    view.copy_(x)
    return view


@pytest.mark.parametrize("k_format", FORMATS)
def test_memory_past_two_to_the_31_words(k_format: str) -> None:
    """A second head whose codes and grids begin behind 2^31 words of memory that nobody touches
    (32 GiB of addresses, a few MiB of pages): the results of a small cache."""
    g = torch.Generator().manual_seed(4)
    small = longtail.QuantizedKVCache(8, k_format)
    k, v = (torch.randn(1, 2, 200, 256, generator=g) for _ in range(2))
    q = torch.randn(1, 4, 3, 256, generator=g)
    small.append(k[:, :, :130], v[:, :, :130])
    tiles = (1 << 31) // small._tensors["k_codes"].shape[3] + 1
    large = []
    for each in small._state():
        if each.dim() < 4 or each.shape[2] == 64:
            large.append(each.clone())
            continue
        room = untouched([1, 2, tiles, each.shape[3]], torch.int32)
        room[:, :, : each.shape[2]] = each
        large.append(room)
    assert large[2].stride(1) > 1 << 31 and large[4].stride(1) > 1 << 31
    new, counts = (k[:, :, 130:], v[:, :, 130:]), torch.tensor([70])
    torch.ops.longtail.kv_append(*new, counts, *large, *small._code())
    small.append(*new)
    for mine, theirs in zip(large, small._state(), strict=True):
        part = mine[:, :, : theirs.shape[2]] if theirs.dim() == 4 else mine
        assert torch.equal(part, theirs)
    options = (None, 200, 0.1, True, *small._code(), 256)
    found = torch.ops.longtail.kv_attend(q, *large, *options)
    expected = torch.ops.longtail.kv_attend(q, *small._state(), *options)
    assert all(map(torch.equal, found, expected))


def test_views_past_two_to_the_31_elements() -> None:
    """Keys, values, queries and a mask whose heads lie so far apart in their memory."""
    g = torch.Generator().manual_seed(5)
    q, k, v = (torch.randn(1, 2, 70, 64, generator=g).bfloat16() for _ in range(3))
    mask = torch.randn(1, 2, 70, 70, generator=g)
    caches = [longtail.QuantizedKVCache() for _ in range(2)]
    caches[0].append(k, v)
    caches[1].append(far_apart(k), far_apart(v))
    expected = caches[0].attend(q, attn_mask=mask)
    assert torch.equal(caches[1].attend(far_apart(q), attn_mask=far_apart(mask)), expected)
