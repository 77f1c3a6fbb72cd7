"""The CUDA kernels of the Hadamard transform: the bits of the CPU."""

from __future__ import annotations

import pytest
import torch

import longtail
from attention.test_hadamard import DTYPES, SIZES, sample
from kit.cuda_graphs import captured
from kit.tensors import cuda_problem, same_bits
from longtail.nn import HaloLinear

pytestmark = pytest.mark.skipif(bool(cuda_problem()), reason=cuda_problem() or "")

LONG = (2048, 4096, 8192, 16384, 32768, 5120, 11008, 28672)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("n", (*SIZES, *LONG))
def test_cuda_gives_the_bits_of_the_cpu(n: int, dtype: torch.dtype) -> None:
    """Both orientations; a batch that is no multiple of any tile; gradients."""
    x = sample(37, n, dtype=dtype)
    for transpose in (False, True):
        expected = longtail.hadamard_transform(x, 0.3, transpose=transpose)
        on_cuda = x.cuda().requires_grad_()
        y = longtail.hadamard_transform(on_cuda, 0.3, transpose=transpose)
        assert same_bits(y.detach().cpu(), expected)
        (dx,) = torch.autograd.grad(y, on_cuda, x.cuda())
        turned = longtail.hadamard_transform(x, 0.3, transpose=not transpose)
        assert same_bits(dx.cpu(), turned)


def test_cuda_streams_and_graphs() -> None:
    """Another stream, and a captured graph that is played again on other values."""
    x = torch.randn(64, 5120, device="cuda")
    expected = longtail.hadamard_transform(x)
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        other = longtail.hadamard_transform(x)
    torch.cuda.current_stream().wait_stream(stream)
    assert same_bits(other, expected)
    graph, y = captured(lambda: longtail.hadamard_transform(x))
    x.copy_(torch.randn_like(x))
    graph.replay()
    assert same_bits(y, longtail.hadamard_transform(x))


def test_cuda_past_two_to_the_31_elements() -> None:
    """64-bit indices."""
    rows = (1 << 31) // 4096 + 3
    if torch.cuda.mem_get_info()[0] < 3 * rows * 4096 * 2:
        pytest.skip("needs 13 GB of free GPU memory")
    x = torch.zeros(rows, 4096, dtype=torch.bfloat16, device="cuda")
    x[-1] = torch.randn(4096)
    y = longtail.hadamard_transform(x)
    assert same_bits(y[-1], longtail.hadamard_transform(x[-1].clone()))
    assert not y[:-1].any()


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("shape", [(3, 24, 5), (64, 128, 32), (1, 1, 1), (200, 100, 37)])
def test_cuda_halo(shape: tuple[int, int, int], level: int) -> None:
    """The CPU's values: rotations have the same bits, so codes are the same."""
    torch.manual_seed(1)
    layer = HaloLinear(shape[1], shape[2], level=level)
    x, grad = torch.randn(shape[0], shape[1]), torch.randn(shape[0], shape[2])
    expected = layer(x.requires_grad_())
    gradients = torch.autograd.grad(expected, [x, layer.weight], grad)
    layer.cuda()
    on_cuda = x.detach().cuda().requires_grad_()
    y = layer(on_cuda)
    got = torch.autograd.grad(y, [on_cuda, layer.weight], grad.cuda())
    for a, b in zip((y, *got), (expected, *gradients), strict=True):
        assert (a.cpu() - b).abs().max() <= 1e-5 * b.abs().max()
