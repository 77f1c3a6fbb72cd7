"""Attention sinks: keys that quantized_attention takes out of their block, beside the emulation
and beside attention itself."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

import longtail
from attention.cases import DTYPES, VARIANTS, Shape, check, draw, label, options
from attention.emulation import KEY_BLOCK, Variant, attend, find_sinks, quantise_head, scores
from kit.layouts import threads

INT8 = Variant("int8", "none")
CAUSAL = ("", "top_left", "bottom_right")
QUANTISED = [variant for variant in VARIANTS if not variant.strict_causal]
#: A block, and a part of one behind it.
SHAPE = Shape(1, 2, 1, 70, 190, 64, 48)


def draw_sinks(
    shape: Shape, keys: dict[int, float], dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor, Tensor]:
    """N(0, 1), where scores of `keys` are larger by that much and their values a tenth."""
    generator = torch.Generator().manual_seed(5)
    n, h, hk, rows, length, d, dv = shape
    q = torch.randn(n, h, rows, d, generator=generator)
    k = torch.randn(n, hk, length, d, generator=generator)
    v = torch.randn(n, hk, length, dv, generator=generator)
    # One channel that q and the sinks share; the others' scores are not moved by it.
    q[..., 0], k[..., 0] = d**0.25, 0.0
    for key, score in keys.items():
        k[:, :, key, 0] = score * d**0.25
        v[:, :, key] *= 0.1
    return q.to(dtype), k.to(dtype), v.to(dtype)


def taken(inputs: tuple[Tensor, Tensor, Tensor], variant: Variant) -> Tensor:
    """What the oracle takes for a sink, of the first head: bool [Lq, Lk]; none of it in doubt."""
    head = quantise_head(*(each[0, 0] for each in inputs), variant)
    s = scores(head, inputs[0].shape[3] ** -0.5)
    p = torch.softmax(s, -1)
    found = []
    for block in torch.arange(len(head.k)).split(KEY_BLOCK):
        sinks = find_sinks(
            p[:, block],
            head.v_size[block],
            head.v_smooth_size[block],
            torch.full((len(p), 1), 2.0**-18),
        )
        assert not sinks.doubtful.any()
        found.append(sinks.taken)
    return torch.cat(found, 1)


def error(inputs: tuple[Tensor, Tensor, Tensor]) -> float:
    """What coding weights and values costs, relative to the result with those exact."""
    truth = attend(*inputs, variant=Variant("int8", "none", weights="exact")).out
    got = longtail.quantized_attention(*inputs, qk="int8", smooth="none", enable_gqa=True)
    return ((got - truth).norm() / truth.norm()).item()


def test_which_keys_are_taken() -> None:
    """The sink, and as many as four; never a usual key, nor a quiet one of little weight."""
    one = taken(draw_sinks(SHAPE, {0: 9.0}), INT8)
    assert one[:, 0].all() and one.sum() == len(one)
    beside = {3: 12.0, 4: 11.0, 90: 13.0, 127: 14.0, 128: 12.0}
    five = taken(draw_sinks(SHAPE, beside), INT8)
    assert five[:, list(beside)].all() and five.sum() == 5 * len(five)
    many = {key: 20.0 - key for key in range(6)}
    assert taken(draw_sinks(SHAPE, many), INT8).sum() == 4 * SHAPE.rows
    assert not taken(draw_sinks(SHAPE, {0: -1.0}), INT8).any()
    q, k, v = draw_sinks(SHAPE, {0: 9.0})
    v[:, :, 0] *= 10
    assert not taken((q, k, v), INT8).any()


@pytest.mark.parametrize("variant", QUANTISED, ids=label)
@pytest.mark.parametrize("causal", CAUSAL, ids=lambda each: each or "all")
def test_values(variant: Variant, causal: str) -> None:
    """Beside the oracle: one sink, several, and more than are taken."""
    check(draw_sinks(SHAPE, {0: 9.0}), variant, causal)
    check(draw_sinks(SHAPE, {3: 12.0, 90: 13.0, 127: 14.0, 128: 12.0}), variant, causal)
    check(draw_sinks(SHAPE, {key: 20.0 - key for key in range(6)}), variant, causal)


@pytest.mark.parametrize("dtype", DTYPES, ids=label)
@pytest.mark.parametrize("value_channels", [1, 3, 17, 256])
def test_dtypes_and_value_channels(dtype: torch.dtype, value_channels: int) -> None:
    """Odd ones too, among which keys are quiet by chance."""
    shape = SHAPE._replace(value_channels=value_channels)
    for variant in (INT8, Variant("int4", "qk", True)):
        check(draw_sinks(shape, {0: 9.0, 130: 10.0}, dtype), variant, "bottom_right")


@pytest.mark.parametrize("smooth", ["none", "k"])
def test_values_far_from_zero(smooth: str) -> None:
    """A sink is quiet as it was given, not less the mean of all values."""
    q, k, v = draw_sinks(SHAPE, {0: 9.0, 5: 10.0})
    mean = 3 * torch.randn(v.shape[3], generator=torch.Generator().manual_seed(6))
    v = torch.where(
        torch.isin(torch.arange(SHAPE.keys), torch.tensor([0, 5]))[:, None], v, v + mean
    )
    variant = Variant("int8", smooth)
    assert taken((q, k, v), variant)[:, [0, 5]].all()
    check((q, k, v), variant)
    check((q, k, v), variant, "top_left")


def test_one_loud_value() -> None:
    """Where one value is so large that all others are quiet, whatever their weights."""
    for peak in (0.0, 4.0, 30.0):
        q, k, v = draw_sinks(SHAPE, {})
        k[:, :, 7, 0] = peak
        v[:, :, 9] *= 1000
        for causal in CAUSAL:
            check((q, k, v), INT8, causal)
            check((4 * q, k, v), INT8, causal)


def test_rows_that_see_sinks_only() -> None:
    """The output is the sink's value, not a code of it; other rows are as without a mask."""
    q, k, v = draw_sinks(SHAPE, {0: 9.0})
    out = longtail.quantized_attention(
        q, k, v, qk="int8", smooth="none", is_causal=True, enable_gqa=True
    )
    torch.testing.assert_close(out[0, :, 0], v[0, :, 0].expand(2, -1), rtol=2e-6, atol=1e-7)
    mask = torch.zeros(70, 190, dtype=torch.bool)
    mask[:, 0] = mask[::2] = True
    got, _ = longtail.quantized_attention(q, k, v, mask, **options(INT8))
    want = v[:, :, :1].expand(1, 2, 35, -1)
    torch.testing.assert_close(got[:, :, 1::2], want, rtol=2e-6, atol=1e-7)
    check((q, k, v), INT8, attn_mask=mask)


def test_sinks_cost_their_block_nothing() -> None:
    """Below 0.2 % with up to four in a block; what coding them costs is seen with twenty."""
    for keys in ({0: 9.0}, {0: 14.0}, {0: 12.0, 17: 13.0, 60: 11.0, 100: 10.0}):
        assert error(draw_sinks(SHAPE, keys)) < 0.002
    assert error(draw_sinks(SHAPE, dict.fromkeys(range(20), 12.0))) > 0.03


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_shows(value: float) -> None:
    """In a sink or beside it."""
    for key in (0, 5):
        for at in (1, 2):
            inputs = draw_sinks(SHAPE, {0: 9.0})
            inputs[at][:, :, key, 3] = value
            out, _ = longtail.quantized_attention(*inputs, **options(INT8))
            spoilt = out if at == 1 else out[..., 3]
            assert not spoilt.isfinite().any()
    inputs = draw_sinks(SHAPE, {0: 9.0})
    mask = torch.zeros(190)
    mask[40] = math.nan
    assert longtail.quantized_attention(*inputs, mask, **options(INT8))[0].isnan().all()


def test_views_threads_and_sequences() -> None:
    """Values are read where they lie: any strides, any number of threads, and varlen."""
    inputs = draw_sinks(Shape(2, 4, 2, 200, 290, 64, 40), {0: 9.0, 129: 12.0, 256: 9.0})
    expected = longtail.quantized_attention(*inputs, **options(INT8, "bottom_right"))
    for layout in (
        lambda x: x.transpose(1, 2).contiguous().transpose(1, 2),
        lambda x: x.mT.contiguous().mT,
        lambda x: torch.cat([x + 1, x], 0)[len(x) :],
    ):
        for count in (1, 3):
            with threads(count):
                got = longtail.quantized_attention(
                    *map(layout, inputs), **options(INT8, "bottom_right")
                )
            assert all(map(torch.equal, got, expected))
    q, k, v = (each.transpose(1, 2).flatten(0, 1) for each in inputs)
    ends = torch.tensor([0, 200, 400]), torch.tensor([0, 290, 580])
    out, lse = longtail.quantized_attention_varlen(
        q, k, v, *ends, 200, 290, **options(INT8, "bottom_right")
    )
    assert torch.equal(out.unflatten(0, (2, 200)).transpose(1, 2), expected[0])
    assert torch.equal(lse.unflatten(1, (2, 200)).transpose(0, 1), expected[1])


def test_usual_keys_are_not_sinks() -> None:
    """What has no quiet key is as it was."""
    assert not taken(draw(SHAPE), Variant("int8", "k")).any()
    assert not taken(draw_sinks(SHAPE, {}), INT8).any()
