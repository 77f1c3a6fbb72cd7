"""Codes, scales and zeros bit for bit, and what a cache weighs."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import longtail
from attention import cache_oracle as oracle

FORMATS = ("channel", "token_rotated")


def unpack_codes(words: Tensor, bits: int) -> Tensor:
    """``[..., n, m]`` words as ``[..., n, 32 / bits, m]`` codes (csrc/attention/cache_layout.h)."""
    half = 16 // bits
    shifts = [32 // half * (i % half) + bits * (i // half) for i in range(32 // bits)]
    return torch.stack([words >> s & ((1 << bits) - 1) for s in shifts], -2)


def unpack_grids(words: Tensor, bits: int) -> tuple[Tensor, Tensor]:
    """Scales and zeros in float64."""
    scale = (words & ~0xFFFF).view(torch.float32).double()
    return scale, (words << 16 >> 16).double() / (8 if bits == 4 else 2)


def stored_values(cache: longtail.QuantizedKVCache, length: int, dim: int) -> Tensor:
    """The values ``[B, Hkv, length, dim]`` that a cache holds."""
    words, grids = cache._tensors["v_codes"], cache._tensors["v_grids"]
    per_word = 32 // cache.bits
    width = words.shape[-1] * per_word // 64
    codes = unpack_codes(words.unflatten(-1, (-1, width)), cache.bits).flatten(3, 4)
    scale, zero = unpack_grids(grids.unflatten(-1, (-1, 64)).transpose(-1, -2), cache.bits)
    scale, zero = (x.repeat_interleave(cache.group, -1)[..., :width] for x in (scale, zero))
    return (scale * (codes + zero)).flatten(2, 3)[:, :, :length, :dim]


def stored_keys(cache: longtail.QuantizedKVCache, length: int, dim: int) -> Tensor:
    """The quantised keys ``[B, Hkv, length, dim]``, still rotated and without their mean."""
    words, grids = cache._tensors["k_codes"], cache._tensors["k_grids"]
    codes = unpack_codes(words.unflatten(-1, (-1, 64)), cache.bits).flatten(3, 4)  # channel, token
    if cache.k_format == "channel":
        scale, zero = (x[..., None] for x in unpack_grids(grids, cache.bits))
    else:
        pair = unpack_grids(grids.unflatten(-1, (-1, 64)), cache.bits)
        width = codes.shape[3]
        scale, zero = (x.repeat_interleave(cache.group, -2)[..., :width, :] for x in pair)
    keys = scale * (codes + zero)
    return keys.transpose(-1, -2).flatten(2, 3)[:, :, :length, :dim]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize(("dim", "group"), [(128, 32), (128, 64), (72, 32), (20, 64), (200, 128)])
@pytest.mark.parametrize("bits", [4, 8])
def test_codes_bit_for_bit(bits: int, dim: int, group: int, dtype: torch.dtype) -> None:
    """All that is quantised of 200 tokens; magnitudes and means that differ between channels."""
    g = torch.Generator().manual_seed(bits + dim)
    size = torch.randn(dim, generator=g).exp()
    x = torch.randn(2, 2, 200, dim, generator=g) * size + 20 * torch.randn(dim, generator=g) * size
    x = x.to(dtype)
    for k_format in FORMATS:
        cache = longtail.QuantizedKVCache(bits, k_format, group)
        cache.append(x, x)
        values = oracle.by_group(x.float(), group, bits)
        assert torch.equal(stored_values(cache, 200, dim), values)
        if k_format == "channel":
            expected = torch.stack(
                [
                    torch.stack([oracle.channel_keys(x[b, h, :192], bits) for h in range(2)])
                    for b in range(2)
                ]
            )
            assert torch.equal(stored_keys(cache, 192, dim), expected)
            assert torch.equal(cache._tensors["tail"][:, :, :8], x[:, :, 192:])
        else:
            mean = (x[:, :, :64].double().sum(2, keepdim=True) / 64).float()
            assert torch.equal(cache._tensors["mean"], mean[:, :, 0])
            rotated = oracle.hadamard(oracle.padded(x.float() - mean))
            expected = oracle.by_group(rotated, group, bits)
            assert torch.equal(stored_keys(cache, 200, rotated.shape[-1]), expected)


@pytest.mark.parametrize("bits", [4, 8])
def test_error_is_at_most_half_a_scale(bits: int) -> None:
    """Whatever the mean: the promise of cache_math.h, read from the stored scales."""
    g = torch.Generator().manual_seed(5)
    for mean in (0.0, 3.0, -100.0, 1e5):
        x = torch.randn(1, 1, 640, 64, generator=g) + mean
        cache = longtail.QuantizedKVCache(bits)
        cache.append(x, x)
        scale = unpack_grids(cache._tensors["v_grids"].unflatten(-1, (-1, 64)), bits)[0]
        scale = scale.transpose(-1, -2).flatten(2, 3)[:, :, :640].repeat_interleave(32, -1)
        error = (stored_values(cache, 640, 64) - x.double()).abs()
        assert (error <= 0.5 * scale + 2e-7 * abs(mean)).all()
        # 1 / 15 (1 / 255) of the spread, or what the mean leaves of it
        reach = abs(mean) / (4000 if bits == 4 else 16000)
        spread = x.unflatten(-1, (2, 32)).amax(-1) - x.unflatten(-1, (2, 32)).amin(-1)
        most = (spread / (2**bits - 1)).clamp(min=reach) * (1 + 2**-7) + reach * 1e-2
        assert (scale.unflatten(-1, (2, 32))[..., 0] <= most).all()


@pytest.mark.parametrize(
    ("bits", "k_format", "each"),
    [(4, "channel", 4.75), (4, "token_rotated", 5.0), (8, "channel", 8.75),
     (8, "token_rotated", 9.0)],
)  # fmt: skip
def test_size(bits: int, k_format: str, each: float) -> None:
    """Bits a number, as the docstring has them, beside tail, mean and counts."""
    x = torch.randn(1, 2, 8192, 128).bfloat16()
    cache = longtail.QuantizedKVCache(bits, k_format)
    assert cache.nbytes == 0
    cache.append(x, x)
    rest = 2 * 64 * 128 * 2 + 2 * 128 * 4 + 2 * 8
    assert cache.nbytes == 2 * x.numel() * each / 8 + rest
