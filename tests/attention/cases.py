"""Inputs of attention, and what a kernel's result may differ from the oracle's by."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

import longtail
from attention.emulation import Attended, Variant, attend, quantise_head

DTYPES = (torch.float32, torch.bfloat16, torch.float16)
VARIANTS = tuple(
    Variant(qk, smooth, rotate)
    for qk, smooth, rotate in itertools.product(
        ("int4", "q8k4", "int8"), ("none", "k", "qk"), (False, True)
    )
) + tuple(Variant(qk, "none", rotate, True) for qk, rotate in (("int4", True), ("int8", False)))


def label(value: object) -> str | None:
    """For test names."""
    if isinstance(value, Variant):
        parts = (value.qk, value.smooth, "rotated" * value.rotate, "strict" * value.strict_causal)
        return "-".join(filter(None, parts))
    if isinstance(value, torch.dtype):
        return str(value).removeprefix("torch.")
    return value.__name__ if callable(value) else None


class Shape(NamedTuple):
    """Sizes of one call."""

    batch: int
    heads: int
    key_heads: int
    rows: int
    keys: int
    channels: int
    value_channels: int


#: Lengths beside every tile, channels that are no power of two, shared heads.
SHAPES = (
    Shape(1, 1, 1, 1, 1, 64, 64),
    Shape(1, 2, 1, 63, 65, 64, 32),
    Shape(2, 2, 2, 193, 127, 72, 80),
    Shape(1, 4, 2, 130, 300, 96, 128),
    Shape(1, 1, 1, 33, 257, 5, 3),
    Shape(1, 1, 1, 65, 140, 256, 256),
)


def draw(shape: Shape, dtype: torch.dtype = torch.float32, seed: int = 0) -> tuple[Tensor, ...]:
    """q, k and v whose channels have biases."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*sizes: int) -> Tensor:
        return torch.randn(sizes, generator=generator)

    n, h, hk, rows, keys, d, dv = shape
    q = normal(n, h, rows, d) + normal(d)
    k = normal(n, hk, keys, d) + 2 * normal(d)
    v = normal(n, hk, keys, dv) + normal(dv)
    return q.to(dtype), k.to(dtype), v.to(dtype)


def options(variant: Variant, causal: str = "") -> dict[str, Any]:
    """The same as keywords of quantized_attention."""
    return {
        "qk": variant.qk,
        "smooth": variant.smooth,
        "rotate": variant.rotate,
        "strict_causal": variant.strict_causal,
        "is_causal": bool(causal),
        "causal_alignment": causal or "top_left",
        "enable_gqa": True,
        "return_lse": True,
    }


def check(
    inputs: tuple[Tensor, ...],
    variant: Variant,
    causal: str = "",
    attn_mask: Tensor | None = None,
    scale: float | None = None,
    function: Callable[..., Any] = longtail.quantized_attention,
) -> Attended:
    """The kernel beside the oracle: float32 rounding, and a step for each weight at a tie."""
    out, lse = function(*inputs, attn_mask, scale=scale, **options(variant, causal))
    expected = attend(*inputs, attn_mask, causal=causal, scale=scale, variant=variant)
    compare(out, lse, expected, inputs[2])
    return expected


def compare(out: Tensor, lse: Tensor, expected: Attended, v: Tensor) -> None:
    """As ``check`` does."""
    size = v.abs().amax().double() if v.numel() else 1.0
    rounding = torch.finfo(out.dtype).eps / 2 if out.dtype != torch.float32 else 0.0
    # A score of size s has an error of s 2^-23 or so, and a weight the same relative error.
    sized = expected.lse.masked_fill(expected.lse == -math.inf, 0.0).abs() + 30
    allowed = expected.slack + size * sized * 2.0**-22
    error = (out.double() - expected.out).abs() - rounding * expected.out.abs()
    assert (error <= allowed[..., None]).all(), (error - allowed[..., None]).max()
    seen = expected.lse != -math.inf
    assert torch.equal(lse != -math.inf, seen)
    assert lse.dtype == torch.float32
    difference = (lse.double() - expected.lse)[seen].abs()
    assert (difference <= sized[seen] * 2.0**-20).all(), difference.max()
    assert not out[~seen].any()


def codes_of(q: Tensor, k: Tensor, v: Tensor, variant: Variant) -> Sequence[Tensor]:
    """What the kernel makes of q, k and v before it multiplies: codes times scales, and values."""
    codes = ("int4", "q8k4", "int8").index(variant.qk)
    smooth = ("none", "k", "qk").index(variant.smooth)
    raw = torch.ops.longtail.quantized_attention_inputs
    found: Sequence[Tensor] = raw(q, k, v, codes, smooth, variant.rotate, variant.strict_causal)
    return found


def check_codes(
    got: Sequence[Tensor], q: Tensor, k: Tensor, v: Tensor, variant: Variant
) -> Iterator[tuple[Tensor, Tensor]]:
    """Codes of q and k are the emulation's, bit for bit, and padding is 0; yields every head's
    values in float64, the kernel's and the emulation's."""
    share = q.shape[1] // k.shape[1]
    for b in range(q.shape[0]):
        for h in range(q.shape[1]):
            head = quantise_head(q[b, h], k[b, h // share], v[b, h // share], variant)
            for name, tensor, at in (("q", got[0], h), ("k", got[1], h // share)):
                want = getattr(head, name)
                assert torch.equal(tensor[b, at, :, : want.shape[1]].double(), want), name
                assert not tensor[b, at, :, want.shape[1] :].any()
            yield got[2][b, h // share].double(), head.v
