"""quantized_attention on CUDA beside its float64 emulation, and its place among other CUDA work."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from torch import Tensor

import longtail
from attention.cases import (
    DTYPES,
    SHAPES,
    VARIANTS,
    Shape,
    check_codes,
    codes_of,
    draw,
    label,
    options,
)
from attention.emulation import Attended, Variant, attend
from kit.cuda_graphs import captured
from kit.tensors import cuda_problem, same_bits

pytestmark = pytest.mark.skipif(bool(cuda_problem()), reason=cuda_problem() or "")

PATHS = ("portable", "mma", "mma4", "mma_fp8", "mma4_fp8", "wgmma")
CAUSAL = ("", "top_left", "bottom_right")
INT4 = Variant("int4", "qk", weights="exact")


def problem_of(path: str) -> str:
    """Why these kernels cannot run on this GPU; empty: they can."""
    capability = torch.cuda.get_device_capability()
    if "fp8" in path and capability < (8, 9):
        return "this GPU has no FP8 tensor cores"
    if path == "wgmma" and capability != (9, 0):
        return "only GPUs of compute capability 9.0 have wgmma"
    return ""


@pytest.fixture(params=PATHS)
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each set of kernels in turn."""
    if problem := problem_of(request.param):
        pytest.skip(problem)
    monkeypatch.setenv("LONGTAIL_CUDA_ATTENTION", request.param)
    return str(request.param)


def on_path(variant: Variant, path: str, channels: int = 64) -> Variant:
    """The same with weights and values as the kernels of `path` have them.

    float16 ones count as exact. `channels`: the most that a query or a value has.
    """
    fp8 = ("fp8" in path or path == "wgmma") and not variant.strict_causal
    tile = 32 if channels > 128 and path != "wgmma" else 64
    return dataclasses.replace(variant, weights="fp8" if fp8 else "exact", tile=tile)


def near(out: Tensor, lse: Tensor, expected: Attended, v: Tensor, variant: Variant) -> None:
    """Values less their mean are at most 2 |v|.

    float16: weights have an error of 2^-11, values of 2^-12 of the largest. FP8: roundings are the
    oracle's but for ties; the units cut each of 32 products and the sum so far off at 2^-13 of the
    largest of them, twice for a tile, which is less than 66 2^-13 of the largest value.
    """
    rounded = {"exact": 3 * 2.0**-11, "fp8": 2 * 66 * 2.0**-13}[variant.weights]
    out, lse = out.cpu(), lse.cpu()
    size = v.abs().amax().double() if v.numel() else 1.0
    rounding = torch.finfo(out.dtype).eps / 2 if out.dtype != torch.float32 else 0.0
    sized = expected.lse.masked_fill(expected.lse == -math.inf, 0.0).abs() + 30
    allowed = size * sized * 2.0**-22 + (0.0 if variant.strict_causal else size * rounded)
    allowed = allowed + expected.slack
    error = (out.double() - expected.out).abs() - rounding * expected.out.abs()
    assert (error <= allowed[..., None]).all(), (error - allowed[..., None]).max()
    seen = expected.lse != -math.inf
    assert torch.equal(lse != -math.inf, seen)
    assert ((lse.double() - expected.lse)[seen].abs() <= sized[seen] * 2.0**-20).all()
    assert not out[~seen].any()


def on_gpu(inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(each.cuda() for each in inputs)


def check(
    path: str,
    inputs: tuple[Tensor, ...],
    variant: Variant,
    causal: str = "",
    attn_mask: Tensor | None = None,
) -> None:
    """The kernel beside the oracle."""
    variant = on_path(variant, path, max(inputs[0].shape[3], inputs[2].shape[3]))
    mask = None if attn_mask is None else attn_mask.cuda()
    out, lse = longtail.quantized_attention(*on_gpu(inputs), mask, **options(variant, causal))
    expected = attend(*inputs, attn_mask, causal=causal, variant=variant)
    near(out, lse, expected, inputs[2], variant)


@pytest.mark.parametrize("variant", VARIANTS, ids=label)
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "x".join(map(str, shape)))
def test_cuda_codes_are_the_emulations(path: str, variant: Variant, shape: Shape) -> None:
    """Codes times scales, bit for bit; values to the roundings of float16, or of the emulation."""
    variant = on_path(variant, path)
    q, k, v = draw(shape)
    got = [each.cpu() for each in codes_of(*on_gpu((q, k, v)), variant)]
    for values, expected in check_codes(got, q, k, v, variant):
        if variant.weights == "fp8":
            # Added to their mean in float32.
            torch.testing.assert_close(values, expected, rtol=2.0**-23, atol=2.0**-23)
    size = 0.0 if variant.strict_causal else float(v.abs().amax()) * 2.0**-11
    if variant.weights != "fp8":
        assert ((got[2] - v).abs() <= size).all()


@pytest.mark.parametrize("variant", VARIANTS, ids=label)
@pytest.mark.parametrize("causal", CAUSAL, ids=lambda each: each or "all")
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "x".join(map(str, shape)))
def test_cuda_values(path: str, variant: Variant, causal: str, shape: Shape) -> None:
    check(path, draw(shape), variant, causal)


@pytest.mark.parametrize("dtype", DTYPES[1:], ids=label)
@pytest.mark.parametrize("variant", [INT4, Variant("q8k4", "k", True), Variant("int8", "none")])
def test_cuda_half_precision(path: str, dtype: torch.dtype, variant: Variant) -> None:
    check(path, draw(SHAPES[3], dtype), variant, "bottom_right")


@pytest.mark.parametrize("dtype", [torch.bool, torch.float64, *DTYPES], ids=label)
@pytest.mark.parametrize("sizes", [(2, 4, 130, 300), (4, 1, 300), (300,)], ids=str)
def test_cuda_masks(path: str, dtype: torch.dtype, sizes: tuple[int, ...]) -> None:
    """With keys hidden from all, and whole rows where the mask has rows."""
    generator = torch.Generator().manual_seed(1)
    mask = torch.randn(sizes, generator=generator, dtype=torch.float64)
    mask[..., ::7] = -math.inf
    if len(sizes) == 4:
        mask[:, 1, 5] = -math.inf
    mask = mask > -1 if dtype == torch.bool else mask.to(dtype)
    check(path, draw(Shape(2, 4, 2, 130, 300, 64, 48)), INT4, "top_left", mask)


def test_cuda_views_and_nan_beside_them(path: str) -> None:
    """Rows and channels cut out of nan: the bits of the contiguous call."""
    inputs = on_gpu(draw(Shape(1, 2, 1, 65, 193, 72, 80)))

    def surrounded(tensor: Tensor) -> Tensor:
        sizes = [*tensor.shape[:2], tensor.shape[2] + 3, tensor.shape[3] + 5]
        wide = tensor.new_full(sizes, math.nan)
        wide[..., 1:-2, 2:-3] = tensor
        return wide[..., 1:-2, 2:-3]

    whole = longtail.quantized_attention(*inputs, **options(INT4))
    cut = longtail.quantized_attention(*map(surrounded, inputs), **options(INT4))
    assert all(map(same_bits, whole, cut))


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64], ids=label)
def test_cuda_packed_sequences(path: str, dtype: torch.dtype) -> None:
    """Each sequence as if alone; some are empty."""
    rows, keys = [0, 0, 130, 140, 140, 200], [0, 3, 70, 70, 80, 210]
    q, k, v = (each[0].transpose(0, 1) for each in draw(Shape(1, 4, 2, 200, 210, 64, 72)))
    ends = [torch.tensor(each, dtype=dtype, device="cuda") for each in (rows, keys)]
    keywords = options(INT4, "bottom_right")
    out, lse = longtail.quantized_attention_varlen(*on_gpu((q, k, v)), *ends, 130, 130, **keywords)
    for i in range(len(rows) - 1):
        own, theirs = slice(rows[i], rows[i + 1]), slice(keys[i], keys[i + 1])
        if rows[i] == rows[i + 1] or keys[i] == keys[i + 1]:
            assert not out[own].any()
            continue
        heads = [each.transpose(0, 1)[None] for each in (q[own], k[theirs], v[theirs])]
        variant = on_path(INT4, path)
        expected = attend(*heads, causal="bottom_right", variant=variant)
        near(out[own].transpose(0, 1)[None], lse[None, :, own], expected, v, variant)


def test_cuda_repeats_and_paths() -> None:
    """The same bits on every call; 4-bit and 8-bit tensor cores give the same sums."""
    inputs = on_gpu(draw(Shape(2, 8, 2, 513, 1025, 128, 128), torch.bfloat16))
    for paths in (
        ("mma", "mma", "mma4"),
        ("mma_fp8", "mma_fp8", "mma4_fp8"),
        ("wgmma", "wgmma", "wgmma"),
    ):
        if problem_of(paths[0]):
            continue
        results = []
        with pytest.MonkeyPatch.context() as patch:
            for path in paths:
                patch.setenv("LONGTAIL_CUDA_ATTENTION", path)
                results.append(longtail.quantized_attention(*inputs, **options(INT4)))
        for other in results[1:]:
            assert all(map(same_bits, results[0], other))


def test_cuda_stream_and_graph(path: str) -> None:
    """On a stream of its own; captured once, replayed with other inputs."""
    inputs = on_gpu(draw(SHAPES[3]))
    others = on_gpu(draw(SHAPES[3], seed=5))
    expected = longtail.quantized_attention(*others, **options(INT4))
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        on_side = longtail.quantized_attention(*others, **options(INT4))
    torch.cuda.current_stream().wait_stream(side)
    assert all(map(same_bits, on_side, expected))
    graph, held = captured(lambda: longtail.quantized_attention(*inputs, **options(INT4)))
    for to, other in zip(inputs, others, strict=True):
        to.copy_(other)
    graph.replay()
    assert all(map(same_bits, held, expected))


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
def test_cuda_other_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs where its inputs are and leaves the current device alone."""
    monkeypatch.setenv("LONGTAIL_CUDA_ATTENTION", "mma")
    inputs = draw(SHAPES[1])
    there = [each.to("cuda:1") for each in inputs]
    out, lse = longtail.quantized_attention(*there, **options(INT4))
    assert out.device.index == 1 and torch.cuda.current_device() == 0
    near(out, lse, attend(*inputs, variant=INT4), inputs[2], INT4)


def test_cuda_path_must_be_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONGTAIL_CUDA_ATTENTION", "fast")
    with pytest.raises((ValueError, RuntimeError), match="LONGTAIL_CUDA_ATTENTION"):
        longtail.quantized_attention(*on_gpu(draw(SHAPES[0])))


@pytest.mark.parametrize(
    ("path", "reason"),
    [("mma_fp8", "no FP8 tensor cores"), ("wgmma", "not of compute capability 9.0")],
)
def test_cuda_path_must_be_there(path: str, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if not problem_of(path):
        pytest.skip("this GPU has it")
    monkeypatch.setenv("LONGTAIL_CUDA_ATTENTION", path)
    with pytest.raises((ValueError, RuntimeError), match=reason):
        longtail.quantized_attention(*on_gpu(draw(SHAPES[0])))
