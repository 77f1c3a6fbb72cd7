"""Attention over a quantised cache beside its emulation, and beside the oracle."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

import longtail
from attention import cache_emulation as emulation
from attention import cache_oracle as oracle
from attention.cache_emulation import Attended
from kit.layouts import threads

FORMATS = ("channel", "token_rotated")
KINDS = [(bits, k_format) for bits in (4, 8) for k_format in FORMATS]
DTYPES = (torch.float32, torch.bfloat16, torch.float16)

# Beside the emulation, of the largest value: float32 sums, at most and root mean square. A token
# too many or too few among a thousand would be 2e-4 in the mean.
CLOSE, RMS_CLOSE = 1e-6, 2e-7

# B, H, Hkv, Lq, L, D, Dv, group: lengths around tiles and splits, head dimensions to be padded.
SHAPES = [
    (1, 1, 1, 1, 1, 64, 64, 32),
    (2, 8, 2, 1, 63, 128, 128, 32),
    (1, 4, 4, 1, 64, 128, 128, 32),
    (1, 6, 2, 1, 65, 80, 80, 32),
    (1, 4, 2, 2, 127, 96, 96, 64),
    (2, 6, 2, 3, 193, 72, 72, 64),
    (1, 10, 2, 1, 1024, 32, 32, 32),
    (1, 3, 1, 5, 1025, 20, 256, 128),
    (1, 2, 1, 7, 2113, 256, 1, 256),
    (3, 7, 7, 1, 300, 1, 5, 32),
]


def make(
    shape: tuple[int, ...], dtype: torch.dtype, seed: int = 0
) -> tuple[Tensor, Tensor, Tensor]:
    """q, k, v; every channel of k and v has a mean of its own."""
    batch, heads, kv_heads, q_len, length, dim, v_dim, _ = shape
    g = torch.Generator().manual_seed(seed)
    q = torch.randn(batch, heads, q_len, dim, generator=g)
    k = torch.randn(batch, kv_heads, length, dim, generator=g) + torch.randn(dim, generator=g)
    v = torch.randn(batch, kv_heads, length, v_dim, generator=g) + torch.randn(v_dim, generator=g)
    return q.to(dtype), k.to(dtype), v.to(dtype)


def check(got: tuple[Tensor, Tensor], expected: Attended, v: Tensor, dtype: torch.dtype) -> None:
    """Out within CLOSE, a rounding to dtype, and what weights at a tie may do; LSE within what
    scores have."""
    (out, lse), (exact, exact_lse, slack, score_error) = got, expected
    assert out.dtype == dtype and out.is_contiguous() and lse.dtype == torch.float32
    rounding = torch.finfo(dtype).eps / 2 if dtype != torch.float32 else 0.0
    largest = v.double().abs().max()
    error = ((out.double() - exact).abs() - rounding * exact.abs()).clamp(min=0)
    allowed = CLOSE * largest + score_error[..., None] * largest + slack[..., None]
    assert (error <= allowed).all()
    without_ties = (error - slack[..., None]).clamp(min=0)
    assert (without_ties / largest).square().mean().sqrt() <= RMS_CLOSE
    seen = exact_lse > -math.inf
    assert torch.equal(lse > -math.inf, seen)
    assert (out[~seen] == 0).all()
    assert ((lse - exact_lse).abs() <= score_error + 1e-7 * lse.abs())[seen].all()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(("bits", "k_format"), KINDS)
def test_decode(bits: int, k_format: str, shape: tuple[int, ...]) -> None:
    """float32 in and out."""
    q, k, v = make(shape, torch.float32)
    cache = longtail.QuantizedKVCache(bits, k_format, shape[-1])
    cache.append(k, v)
    got = cache.attend(q, return_lse=True)
    check(got, emulation.attend(q, k, v, bits, k_format, shape[-1]), v, torch.float32)


@pytest.mark.parametrize("q_dtype", DTYPES, ids=str)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_dtypes(dtype: torch.dtype, q_dtype: torch.dtype) -> None:
    """The cache's dtype and that of the query need not be the same."""
    for k_format in FORMATS:
        q, k, v = make(SHAPES[5], dtype)
        q = q.to(q_dtype)
        cache = longtail.QuantizedKVCache(4, k_format)
        cache.append(k, v)
        got = cache.attend(q, return_lse=True)
        check(got, emulation.attend(q, k, v, 4, k_format), v, q_dtype)


@pytest.mark.parametrize("is_causal", [True, False])
@pytest.mark.parametrize(("bits", "k_format"), KINDS)
def test_many_queries_with_a_mask(bits: int, k_format: str, is_causal: bool) -> None:
    """As many queries as keys; a float mask with rows that see nothing, and a bool one that
    broadcasts; scale of its own."""
    q, k, v = make((2, 4, 2, 150, 150, 64, 64, 32), torch.float32)
    cache = longtail.QuantizedKVCache(bits, k_format)
    cache.append(k, v)
    g = torch.Generator().manual_seed(1)
    mask = torch.randn(2, 4, 150, 150, generator=g)
    mask[torch.rand(mask.shape, generator=g) < 0.3] = -math.inf
    mask[:, 1, 17] = -math.inf
    options = {"is_causal": is_causal, "scale": 0.2}
    got = cache.attend(q, attn_mask=mask, return_lse=True, **options)
    check(got, emulation.attend(q, k, v, bits, k_format, mask=mask, **options), v, torch.float32)
    flags = torch.rand(2, 1, 1, 150, generator=g) < 0.5
    added = torch.zeros(flags.shape).masked_fill(~flags, -math.inf).expand(2, 4, 150, 150)
    got = cache.attend(q, attn_mask=flags, return_lse=True, **options)
    check(got, emulation.attend(q, k, v, bits, k_format, mask=added, **options), v, torch.float32)


def test_mask_strides() -> None:
    """A transposed mask and one without leading dimensions."""
    q, k, v = make((1, 2, 1, 9, 70, 32, 32, 32), torch.float32)
    cache = longtail.QuantizedKVCache()
    cache.append(k, v)
    mask = torch.randn(70, 9).t()
    expected = emulation.attend(q, k, v, 4, "channel", mask=mask.expand(1, 2, 9, 70))
    check(cache.attend(q, attn_mask=mask, return_lse=True), expected, v, torch.float32)


@pytest.mark.parametrize("k_format", FORMATS)
def test_lengths_of_their_own(k_format: str) -> None:
    """Four sequences, one of them empty; more queries than some have keys."""
    lengths = [0, 3, 64, 130]
    q, k, v = make((4, 4, 2, 5, 130, 64, 64, 32), torch.float32)
    cache = longtail.QuantizedKVCache(4, k_format)
    cache.append(k, v, lengths=lengths)
    assert cache.lengths.tolist() == lengths
    expected = emulation.attend(q, k, v, 4, k_format, lengths=lengths)
    got = cache.attend(q, return_lse=True)
    check(got, expected, v, torch.float32)
    assert (got[0][0] == 0).all() and (got[1][0] == -math.inf).all()


@pytest.mark.parametrize("k_format", FORMATS)
def test_left_padding_is_not_stored(k_format: str) -> None:
    """The same bits as right padding."""
    lengths = [7, 100, 65]
    q, k, v = make((3, 2, 1, 1, 100, 64, 64, 32), torch.float32)
    right = longtail.QuantizedKVCache(4, k_format)
    right.append(k, v, lengths=lengths)
    shifted = [
        torch.stack([torch.cat([x[b, :, n:], x[b, :, :n]], 1) for b, n in enumerate(lengths)])
        for x in (k, v)
    ]
    left = longtail.QuantizedKVCache(4, k_format)
    left.append(*shifted, lengths=lengths, padding_side="left")
    assert torch.equal(left.attend(q), right.attend(q))


@pytest.mark.parametrize("k_format", FORMATS)
def test_layouts_and_callers_tensors(k_format: str) -> None:
    """Views of any strides give the bits of contiguous tensors and stay as they were."""
    q, k, v = make((2, 4, 2, 3, 70, 48, 48, 32), torch.bfloat16)
    plain = longtail.QuantizedKVCache(4, k_format)
    plain.append(k, v)
    strange = longtail.QuantizedKVCache(4, k_format)
    views = [x.permute(3, 1, 0, 2).contiguous().permute(2, 1, 3, 0) for x in (q, k, v)]
    before = [x.clone() for x in views]
    strange.append(*views[1:])
    assert torch.equal(strange.attend(views[0]), plain.attend(q))
    assert all(map(torch.equal, before, views))
    one = k[:1, :1].expand(2, 2, 70, 48)  # stride 0
    strange, plain = (longtail.QuantizedKVCache(4, k_format) for _ in range(2))
    strange.append(one, one)
    plain.append(one.contiguous(), one.contiguous())
    assert torch.equal(strange.attend(q), plain.attend(q))


@pytest.mark.parametrize("k_format", FORMATS)
def test_bits_do_not_depend_on_threads(k_format: str) -> None:
    """One thread and two, and a repeat; rows that are worked on in several portions."""
    q, k, v = make((1, 8, 2, 40, 2500, 64, 64, 32), torch.float32)
    cache = longtail.QuantizedKVCache(4, k_format)
    cache.append(k, v)
    results = []
    for count in (1, 2, 1):
        with threads(count):
            results.append(cache.attend(q, return_lse=True))
    for other in results[1:]:
        assert all(map(torch.equal, results[0], other))


def test_a_query_alone_has_the_same_bits() -> None:
    """Portions of rows have no influence: neither on others nor on splits."""
    q, k, v = make((1, 4, 1, 6, 1500, 64, 64, 32), torch.float32)
    cache = longtail.QuantizedKVCache()
    cache.append(k, v)
    together = cache.attend(q, is_causal=False)
    for i in range(6):
        alone = cache.attend(q[:, :, i : i + 1], is_causal=False)
        assert torch.equal(alone, together[:, :, i : i + 1])


def test_what_other_queries_see_has_no_influence() -> None:
    """Heads with the same queries, each six in portions of four with other neighbours; what only
    the last one sees is large."""
    q, k, v = make((1, 4, 1, 6, 1500, 64, 64, 32), torch.float32)
    v[:, :, -1] *= 10
    cache = longtail.QuantizedKVCache()
    cache.append(k, v)
    out = cache.attend(q[:, :1].expand(1, 4, 6, 64))
    assert torch.equal(out, out[:, :1].expand_as(out))


@pytest.mark.parametrize("k_format", FORMATS)
def test_peaky_and_sinks(k_format: str) -> None:
    """A softmax with almost all on one token, and one on the first token with a long rest."""
    q, k, v = make((1, 4, 1, 1, 3000, 64, 64, 32), torch.float32)
    for factor in (8.0, 0.0):
        cache = longtail.QuantizedKVCache(4, k_format)
        sink = k.clone()
        sink[:, :, 0] = sink[:, :, 0] + 0.2 * q.mean(1) * (factor == 0)
        cache.append(sink, v)
        scale = factor / 8 if factor else None
        out, lse = cache.attend(q, scale=scale, return_lse=True)
        expected = emulation.attend(q, sink, v, 4, k_format, scale=scale)
        check((out, lse), expected, v, torch.float32)


@pytest.mark.parametrize("share", [0.9, 0.99])
@pytest.mark.parametrize("size", [0.01, 0.05, 1.0])
def test_a_sink_of_small_values(size: float, share: float) -> None:
    """One token with most of the weight and small values, as the first one of trained models:
    8-bit weights cost little beside 4-bit values even there."""
    q, k, v = make((1, 4, 1, 1, 1024, 128, 128, 32), torch.float32)
    v[:, :, 0] *= size
    mask = torch.zeros(1, 4, 1, 1024)
    mask[..., 0] = math.log(share / (1 - share) * 1024) - (q @ k[:, :, :1].mT / 128**0.5)[..., 0]
    cache = longtail.QuantizedKVCache(4)
    cache.append(k, v)
    out = cache.attend(q, attn_mask=mask).double()
    quantised = oracle.attend(q, k, v, 4, "channel", mask=mask)[0]
    exact = torch.stack(
        [oracle.attention(q[0, h], k[0, 0], v[0, 0], mask=mask[0, h])[0] for h in range(4)]
    )
    assert (out - quantised).norm() <= 0.25 * (quantised - exact).norm()


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("k_format", FORMATS)
def test_extremes_of_codes(k_format: str, bits: int) -> None:
    """Keys, values and queries at both ends of their ranges: sums of products have room."""
    sign = torch.tensor([-1.0, 1.0])
    k = sign[torch.arange(256) % 2].expand(1, 1, 128, 256).clone()
    k[:, :, ::2] *= -1
    v = k.clone()
    q = torch.ones(1, 4, 1, 256)
    q[:, 1::2] = sign[torch.arange(256) % 2]
    cache = longtail.QuantizedKVCache(bits, k_format, 256)
    cache.append(k, v)
    got = cache.attend(q, return_lse=True, scale=0.01)
    check(got, emulation.attend(q, k, v, bits, k_format, 256, scale=0.01), v, torch.float32)


@pytest.mark.parametrize("k_format", FORMATS)
def test_large_and_small_magnitudes(k_format: str) -> None:
    """What float16 scales would turn into inf or 0."""
    for size in (1e-25, 1e-10, 1e8, 1e25):
        q, k, v = make((1, 2, 1, 1, 200, 64, 64, 32), torch.float32)
        cache = longtail.QuantizedKVCache(4, k_format)
        cache.append(k * size, v * size)
        got = cache.attend(q / size, return_lse=True)
        expected = emulation.attend(q / size, k * size, v * size, 4, k_format)
        check(got, expected, v * size, torch.float32)


def test_constant_and_zero_tokens() -> None:
    """Groups without spread come back to a part in 4000 of their magnitude."""
    for value in (0.0, 3.0, -1e4):
        v = torch.full((1, 1, 130, 32), value)
        cache = longtail.QuantizedKVCache()
        cache.append(v, v)
        out = cache.attend(torch.zeros(1, 1, 1, 32))
        assert (out - value).abs().max() <= abs(value) * (1 / 4000 + CLOSE)
