"""The CUDA kernels of caches beside the CPU's: the same codes, attention within the same bounds."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

import longtail
from attention import cache_emulation as emulation
from attention import cache_oracle as oracle
from attention.test_decode import DTYPES, FORMATS, KINDS, SHAPES, make
from kit.cuda_graphs import captured
from kit.tensors import cuda_problem

CLOSE = 2e-4  # float32 sums

pytestmark = [
    pytest.mark.skipif(bool(cuda_problem()), reason=cuda_problem() or ""),
    pytest.mark.usefixtures("kernel"),
]


@pytest.fixture(params=["float", "mma"])
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both kernels of attend in turn."""
    if request.param == "mma" and torch.cuda.get_device_capability() < (8, 0):
        pytest.skip("this GPU is older than compute capability 8.0")
    monkeypatch.setenv("LONGTAIL_CUDA_DECODE", request.param)
    return str(request.param)


def expected_of(
    kernel: str, q: Tensor, k: Tensor, v: Tensor, bits: int, k_format: str, group: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Out, LSE and slack: exact queries and weights, or rounded as on the CPU."""
    if kernel == "mma":
        rounded = emulation.attend(q, k, v, bits, k_format, group)
        return rounded.out, rounded.lse, rounded.slack
    out, lse = oracle.attend(q, k, v, bits, k_format, group)
    return out, lse, torch.zeros_like(lse)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(("bits", "k_format"), KINDS)
def test_cuda_decode(kernel: str, bits: int, k_format: str, shape: tuple[int, ...]) -> None:
    """Codes of the CPU, bit for bit, also in portions; results beside oracle or emulation."""
    q, k, v = make(shape, torch.bfloat16)
    on_cpu, on_gpu = (longtail.QuantizedKVCache(bits, k_format, shape[-1]) for _ in range(2))
    on_cpu.append(k, v)
    for part in zip(k.split(50, 2), v.split(50, 2), strict=True):
        on_gpu.append(*(each.cuda() for each in part))
    expected, got = on_cpu.state_dict(), on_gpu.state_dict()
    for key in ("k_codes", "k_grids", "v_codes", "v_grids", "mean"):
        assert torch.equal(got[key].cpu(), expected[key]), key
    out, lse = on_gpu.attend(q.cuda(), return_lse=True)
    exact = expected_of(kernel, q, k, v, bits, k_format, shape[-1])
    largest, rounding = v.double().abs().max(), torch.finfo(torch.bfloat16).eps / 2
    error = (out.cpu().double() - exact[0]).abs() - rounding * exact[0].abs()
    assert (error <= CLOSE * largest + exact[2][..., None]).all()
    seen = exact[1] > -math.inf
    assert torch.equal(lse.cpu() > -math.inf, seen)
    assert ((lse.cpu() - exact[1])[seen].abs() <= CLOSE).all()
    assert torch.equal(on_gpu.attend(q.cuda()), out)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("k_format", FORMATS)
def test_cuda_lengths_masks_and_state(k_format: str, dtype: torch.dtype) -> None:
    """Lengths of their own, a mask, crop, reorder and a stream that is not the default one."""
    lengths = [0, 3, 64, 130]
    q, k, v = make((4, 4, 2, 5, 130, 64, 64, 32), dtype)
    mask = torch.randn(4, 1, 1, 130)
    caches = [longtail.QuantizedKVCache(4, k_format) for _ in range(2)]
    with torch.cuda.stream(torch.cuda.Stream()):
        results = []
        for cache, move in zip(caches, (lambda x: x, lambda x: x.cuda()), strict=True):
            cache.append(move(k), move(v), lengths=lengths)
            first = cache.attend(move(q), attn_mask=move(mask))
            cache.reorder([3, 2, 1, 0])
            cache.crop(100)
            results.append([first.cpu(), cache.attend(move(q)).cpu()])
    for ours, theirs in zip(*results, strict=True):
        close = 2e-3 if dtype == torch.float32 else 4e-2
        assert (ours.float() - theirs.float()).abs().max() <= close


@pytest.mark.parametrize("k_format", FORMATS)
def test_cuda_graph(k_format: str) -> None:
    """Nothing comes from the host, so that both methods can be captured. A replay of attend sees
    what was appended since, as far as the tiles of 512 tokens reach that it was captured with."""
    cache, twin = (longtail.QuantizedKVCache(4, k_format) for _ in range(2))
    q, k, v = (each.cuda() for each in make((2, 4, 2, 1, 100, 64, 64, 32), torch.bfloat16))
    for each in (cache, twin):
        each.append(k, v)
    graph, (out, lse) = captured(lambda: cache.attend(q, return_lse=True))
    for _ in range(3):  # 27 tokens fit in the room that is there, so that nothing moves
        for each in (cache, twin):
            each.append(k[:, :, :9], v[:, :, :9])
        q.copy_(torch.randn_like(q))
        graph.replay()
        expected = twin.attend(q, return_lse=True)
        assert torch.equal(out, expected[0]) and torch.equal(lse, expected[1])


def test_cuda_graph_of_a_whole_step() -> None:
    """A replay appends again: the cache's own count of tokens stays that of the capture."""
    cache, twin = (longtail.QuantizedKVCache(4) for _ in range(2))
    q, k, v = (each.cuda() for each in make((2, 4, 2, 1, 70, 64, 64, 32), torch.bfloat16))
    for each in (cache, twin):
        each.append(k, v)
    cache.attend(q)
    graph = torch.cuda.CUDAGraph()
    new = [each[:, :, :2].contiguous() for each in (k, v)]
    with torch.cuda.graph(graph):
        cache.append(*new)
        out = cache.attend(q)
    for step in range(4):
        for each in new:
            each.copy_(torch.randn_like(each))
        graph.replay()
        twin.append(*new)
        assert torch.equal(out, twin.attend(q)), step
    assert cache._tensors["lengths"].tolist() == twin.lengths.tolist() == [78, 78]


def test_cuda_unknown_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that no kernel has."""
    monkeypatch.setenv("LONGTAIL_CUDA_DECODE", "tensor")
    cache = longtail.QuantizedKVCache(4)
    q, k, v = (each.cuda() for each in make((1, 1, 1, 1, 3, 32, 32, 32), torch.float32))
    cache.append(k, v)
    with pytest.raises((ValueError, RuntimeError), match="LONGTAIL_CUDA_DECODE"):
        cache.attend(q)
