"""quantized_attention beside its float64 emulation: every variant, shape, mask and dtype."""

from __future__ import annotations

import math

import pytest
import torch

import longtail
from attention.cases import (
    DTYPES,
    SHAPES,
    VARIANTS,
    Shape,
    check,
    check_codes,
    codes_of,
    compare,
    draw,
    label,
    options,
)
from attention.emulation import Variant, attend, exact
from kit.layouts import threads

INT4, INT8 = Variant("int4", "qk"), Variant("int8", "k")
CAUSAL = ("", "top_left", "bottom_right")


@pytest.mark.parametrize("variant", VARIANTS, ids=label)
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "x".join(map(str, shape)))
def test_codes_are_the_emulations(variant: Variant, shape: Shape) -> None:
    """Codes times scales, bit for bit."""
    q, k, v = draw(shape)
    largest = v.abs().max().item()
    for values, expected in check_codes(codes_of(q, k, v, variant), q, k, v, variant):
        torch.testing.assert_close(values, expected, rtol=2e-7, atol=2e-7 * largest)


@pytest.mark.parametrize("variant", VARIANTS, ids=label)
@pytest.mark.parametrize("causal", CAUSAL, ids=lambda each: each or "all")
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "x".join(map(str, shape)))
def test_values(variant: Variant, causal: str, shape: Shape) -> None:
    """Output and log-sum-exp, to the roundings of float32."""
    check(draw(shape), variant, causal)


@pytest.mark.parametrize("dtype", DTYPES[1:], ids=label)
@pytest.mark.parametrize("variant", [INT4, Variant("q8k4", "k", True), Variant("int8", "none")])
def test_half_precision(dtype: torch.dtype, variant: Variant) -> None:
    """The same from narrow inputs, rounded once."""
    check(draw(SHAPES[3], dtype), variant, "bottom_right")


@pytest.mark.parametrize("rows", [1, 63, 65, 127, 193])
@pytest.mark.parametrize("channels", [72, 80, 96])
def test_lengths_that_others_fail(rows: int, channels: int) -> None:
    """Odd lengths and head dims, with nan behind every row and every tensor."""
    q, k, v = draw(Shape(1, 2, 1, rows, rows, channels, channels))

    def surrounded(tensor):
        sizes = [*tensor.shape[:2], tensor.shape[2] + 3, tensor.shape[3] + 5]
        wide = torch.full(sizes, math.nan)
        wide[..., 1:-2, 2:-3] = tensor
        return wide[..., 1:-2, 2:-3]

    expected = check((q, k, v), INT4, "top_left")
    inside = tuple(map(surrounded, (q, k, v)))
    out, lse = longtail.quantized_attention(*inside, **options(INT4, "top_left"))
    compare(out, lse, expected, v)
    whole, _ = longtail.quantized_attention(q, k, v, **options(INT4, "top_left"))
    assert torch.equal(out, whole)


@pytest.mark.parametrize("dtype", [torch.bool, torch.float64, *DTYPES], ids=label)
@pytest.mark.parametrize("sizes", [(2, 4, 130, 300), (1, 1, 130, 300), (4, 1, 300), (300,), (1, 1)])
def test_masks(dtype: torch.dtype, sizes: tuple[int, ...]) -> None:
    """Every shape that broadcasts, with whole rows hidden, and a causal mask beside it."""
    inputs = draw(Shape(2, 4, 2, 130, 300, 64, 48))
    generator = torch.Generator().manual_seed(1)
    mask = torch.rand(sizes, generator=generator) > 0.4
    if len(sizes) > 1 and sizes[-2] > 7:
        mask[..., 7, :] = False
    if dtype != torch.bool:
        numbers = torch.randn(sizes, generator=generator).masked_fill(~mask, -math.inf)
        mask = numbers.to(dtype)
    check(inputs, INT4, attn_mask=mask)
    check(inputs, Variant("int8", "none"), "bottom_right", attn_mask=mask)


def test_rows_that_see_nothing() -> None:
    """0 and -inf, as SDPA has it."""
    q, k, v = draw(Shape(1, 2, 2, 9, 5, 16, 16))
    out, lse = longtail.quantized_attention(q, k, v, **options(INT4, "bottom_right"))
    assert not out[:, :, :4].any() and (lse[:, :, :4] == -math.inf).all()
    assert out[:, :, 4:].any() and lse[:, :, 4:].isfinite().all()
    sdpa = torch.nn.functional.scaled_dot_product_attention
    seen = torch.arange(5) <= torch.arange(9)[:, None] - 4
    assert torch.equal(out[:, :, :4], sdpa(q, k, v, seen)[:, :, :4])
    nothing, lse = longtail.quantized_attention(
        q, k[:, :, :0], v[:, :, :0], enable_gqa=True, return_lse=True
    )
    assert not nothing.any() and (lse == -math.inf).all()


@pytest.mark.parametrize("scale", [0.0, -0.3, 1.0, 4.0])
def test_scale(scale: float) -> None:
    """Any number; large ones make peaky weights."""
    check(draw(SHAPES[1]), INT4, scale=scale)
    check(draw(SHAPES[1]), Variant("int8", "none", True), "top_left", scale=scale)


def test_all_codes_extreme() -> None:
    """Where unsigned times signed bytes saturate in 16 bits."""
    for sign in (1, -1):
        q = torch.full((1, 1, 5, 256), 3.0)
        k = torch.full((1, 1, 150, 256), sign * 2.0)
        k[:, :, 1::2] *= -1
        v = torch.full((1, 1, 150, 16), -5.0)
        v[:, :, ::2] *= -1
        for variant in (Variant("int8", "none"), Variant("int4", "none"), INT8):
            check((q, k, v), variant, scale=1e-4)


def test_tiny_and_huge() -> None:
    """No inf or nan from numbers that float32 has."""
    q, k, v = draw(SHAPES[1])
    for factor in (1e-42, 1e-30, 1e15):
        out = longtail.quantized_attention(q, k, v * factor, enable_gqa=True)
        assert out.isfinite().all()
        scale = min(1e-3 / factor, 1e38)
        out = longtail.quantized_attention(q * factor, k, v, scale=scale, enable_gqa=True)
        assert out.isfinite().all()
    assert not longtail.quantized_attention(q, k, v * 0, enable_gqa=True).any()


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("variant", VARIANTS, ids=label)
def test_what_is_no_number_shows(value: float, variant: Variant) -> None:
    """A nan or inf in q is a nan in its row; in k or v, in every row that sees it."""
    clean = draw(Shape(1, 1, 1, 40, 140, 16, 16))
    for k in range(3):
        inputs = [tensor.clone() for tensor in clean]
        inputs[k][0, 0, 17, 3] = value
        out, _ = longtail.quantized_attention(*inputs, **options(variant))
        rows = out[0, 0].isnan()
        if k == 0:
            assert rows[17].all()
        elif k == 1:
            assert rows.any(1).all()
        else:
            assert not out[0, 0, :, 3].isfinite().any()


def test_leading_dimensions_broadcast() -> None:
    """[..., H, L, D] of any number, and [L, D] without heads."""
    q, k, v = draw(Shape(6, 2, 2, 20, 30, 16, 16))
    four = longtail.quantized_attention(q, k, v)
    five = longtail.quantized_attention(*(each.unflatten(0, (2, 3)) for each in (q, k, v)))
    assert torch.equal(five.flatten(0, 1), four) and five.shape[:2] == (2, 3)
    one = longtail.quantized_attention(q, k[:1], v[:1])
    assert torch.equal(one, longtail.quantized_attention(q, k[:1].expand_as(k), v[:1].expand_as(v)))
    three, lse = longtail.quantized_attention(q[0], k[0], v[0], return_lse=True)
    assert torch.equal(three, four[0]) and lse.shape == (2, 20)
    two, lse = longtail.quantized_attention(q[0, 0], k[0, 0], v[0, 0], return_lse=True)
    assert torch.equal(two, four[0, 0]) and lse.shape == (20,)
    mask = torch.rand(3, 1, 1, 30) > 0.3
    with_mask = longtail.quantized_attention(
        *(each.unflatten(0, (2, 3)) for each in (q, k, v)), attn_mask=mask
    )
    assert torch.equal(
        with_mask.flatten(0, 1), longtail.quantized_attention(q, k, v, mask.repeat(2, 1, 1, 1))
    )


def test_views_threads_and_repeats() -> None:
    """Any strides, any number of threads, any time: the same bits; arguments stay as they are."""
    inputs = draw(Shape(2, 4, 2, 200, 290, 64, 64))
    before = [tensor.clone() for tensor in inputs]
    expected = longtail.quantized_attention(*inputs, **options(INT4, "top_left"))
    for layout in (
        lambda x: x.transpose(1, 2).contiguous().transpose(1, 2),
        lambda x: x.mT.contiguous().mT,
        lambda x: torch.cat([x, x], 0)[: len(x)],
        lambda x: torch.stack([x, x], -1)[..., 0],
    ):
        views = tuple(map(layout, inputs))
        for count in (1, 2, 3):
            with threads(count):
                got = longtail.quantized_attention(*views, **options(INT4, "top_left"))
            assert all(map(torch.equal, got, expected))
            assert got[0].is_contiguous()
    assert all(map(torch.equal, inputs, before))


@pytest.mark.parametrize("variant", [INT4, Variant("q8k4", "k", True), Variant("int8", "none")])
def test_varlen_is_each_sequence_by_itself(variant: Variant) -> None:
    """Bit for bit, lengths 0 and 1 among them."""
    rows, keys = [3, 0, 130, 1, 77], [65, 4, 129, 1, 0]
    q, k, v = (x[0].transpose(0, 1) for x in draw(Shape(1, 4, 2, sum(rows), sum(keys), 72, 40)))
    ends = [torch.tensor([0, *each]).cumsum(0) for each in (rows, keys)]
    for causal in CAUSAL:
        keywords = options(variant, causal)
        out, lse = longtail.quantized_attention_varlen(
            q, k, v, ends[0].int(), ends[1], max(rows), max(keys), **keywords
        )
        assert out.shape == (sum(rows), 4, 40) and lse.shape == (4, sum(rows))
        for i in range(len(rows)):
            of_q, of_k = (slice(each[i], each[i + 1]) for each in ends)
            one, one_lse = longtail.quantized_attention(
                *(x.transpose(0, 1) for x in (q[of_q], k[of_k], v[of_k])), **keywords
            )
            assert torch.equal(out[of_q].transpose(0, 1), one)
            assert torch.equal(lse[:, of_q], one_lse)


@pytest.mark.parametrize("qk", ["int4", "q8k4", "int8"])
def test_later_tokens_and_causality(qk: str) -> None:
    """strict_causal: not one bit of an earlier output changes. Without: by rounding only."""
    inputs = draw(Shape(1, 2, 2, 200, 200, 64, 64))
    changed = [tensor.clone() for tensor in inputs]
    for tensor in changed:
        tensor[:, :, 150:] = 3 * torch.randn_like(tensor[:, :, 150:])
    for alignment in ("top_left", "bottom_right"):
        strict = options(Variant(qk, "qk", True, True), alignment)
        for got, was in zip(
            longtail.quantized_attention(*changed, **strict),
            longtail.quantized_attention(*inputs, **strict),
            strict=True,
        ):
            assert torch.equal(got[:, :, :150], was[:, :, :150])
            assert not torch.equal(got[:, :, 150:], was[:, :, 150:])
    loose = options(Variant(qk, "qk"), "top_left")
    got, was = (longtail.quantized_attention(*each, **loose)[0] for each in (changed, inputs))
    moved = (got - was)[:, :, :150].norm() / was[:, :, :150].norm()
    assert 0 < moved < (0.02 if qk == "int8" else 0.2)


def test_better_codes_are_closer_to_attention() -> None:
    """What each step up buys, on channels with a bias."""
    inputs = draw(Shape(1, 4, 4, 256, 256, 128, 128))
    truth = exact(*inputs)

    def error(qk: str, smooth: str) -> float:
        got = longtail.quantized_attention(*inputs, qk=qk, smooth=smooth)
        return ((got - truth).norm() / truth.norm()).item()

    steps = [error(*each) for each in (("int4", "none"), ("int4", "k"), ("int4", "qk"))]
    steps += [error("q8k4", "qk"), error("int8", "qk")]
    assert steps == sorted(steps, reverse=True) and steps[-1] < 0.01


@pytest.mark.full
def test_many_keys() -> None:
    """L = 163,840: where 32-bit offsets of other kernels end."""
    generator = torch.Generator().manual_seed(0)
    q = torch.randn(1, 1, 64, 64, generator=generator)
    k, v = (torch.randn(1, 1, 163_840, 64, generator=generator) for _ in range(2))
    out, lse = longtail.quantized_attention(q, k, v, **options(INT4))
    compare(out, lse, attend(q, k, v, variant=INT4), v)


def test_offsets_beyond_32_bits() -> None:
    """Rows 2^27 elements apart, heads 2^32: pages between them are never touched."""
    rows, heads = 33, 2
    stride = 1 << 27
    storage = torch.empty(stride * rows * heads, dtype=torch.float16)  # virtual memory only
    view = storage.as_strided((1, heads, rows, 8), (0, stride * rows, stride, 1))
    q, k, v = draw(Shape(1, heads, heads, rows, rows, 8, 8), torch.float16)
    expected = longtail.quantized_attention(q, k, v)
    view.copy_(k)
    assert torch.equal(longtail.quantized_attention(q, view, v), expected)
    view.copy_(v)
    assert torch.equal(longtail.quantized_attention(q, k, view), expected)
    view.copy_(q)
    assert torch.equal(longtail.quantized_attention(view, k, v), expected)
    assert view.storage_offset() + (heads * rows - 1) * stride > 1 << 32
    del view, storage
    assert attend(q, k, v, variant=INT4).out.isfinite().all()
