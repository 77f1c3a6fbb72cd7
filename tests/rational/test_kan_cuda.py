"""The CUDA kernels of Kolmogorov-Arnold layers beside the CPU's."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import longtail
from kit.cuda_graphs import captured
from kit.tensors import cuda_problem, same_bits
from rational.kan_oracle import KINDS
from rational.test_kan_values import DTYPES, as_given, close, error_of, gradients, linear, track

pytestmark = pytest.mark.skipif(bool(cuda_problem()), reason=cuda_problem() or "")


def _kan_layers(name: str, dtype: torch.dtype, rows: tuple, outputs: int) -> tuple:
    """The same layer on the CPU and on the GPU: its tensors, output, and all gradients, twice."""
    kind = KINDS[name]
    given = as_given(kind, dtype, rows, outputs)
    results = []
    for device in ("cpu", "cuda"):
        tensors = track([each.to(device) for each in given], kind)
        y = linear(kind, *tensors)
        generator = torch.Generator().manual_seed(3)
        grad = torch.randn(y.shape, generator=generator).to(device)
        results.append((y, gradients(y, tensors, grad)))
        y = linear(kind, *tensors)
        results.append((y, gradients(y, tensors, grad)))
    return results[0], results[2], results[3]


@pytest.mark.parametrize("shape", [((5,), 3), ((2, 301), 70), ((97, 1), 33), ((1,), 1)], ids=str)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", KINDS)
def test_cuda_kan_layers(name: str, dtype: torch.dtype, shape: tuple) -> None:
    """Values and gradients near the CPU's, relative to the largest, and bit-equal on repeat."""
    (expected, slopes), (y, mine), (again, repeated) = _kan_layers(name, dtype, *shape)
    assert y.is_cuda and same_bits(y, again)
    assert all(map(same_bits, mine, repeated))
    close(y.detach().cpu(), expected.detach().double(), 2 * error_of(dtype))
    for got, exact in zip(mine, slopes, strict=True):
        close(got.cpu(), exact.double(), 2 * error_of(got.dtype))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", KINDS)
def test_cuda_kan_basis(name: str, dtype: torch.dtype) -> None:
    kind = KINDS[name]
    x, _, _, _, *own = as_given(kind, dtype, (3, 101), 1)
    results = []
    for device in ("cpu", "cuda"):
        tensors = track([x.to(device), *(each.to(device) for each in own)], kind)
        phi = longtail.kan_basis(
            tensors[0], kind.kind, **kind.keywords, **kind.keyword(*tensors[1:])
        )
        grad = torch.randn(phi.shape, generator=torch.Generator().manual_seed(3)).to(device)
        results.append([phi.detach(), *gradients(phi, tensors, grad)])
    for exact, got in zip(*results, strict=True):
        close(got.cpu(), exact.double(), 2 * error_of(got.dtype))


def _hats(device: str, dtype: torch.dtype, rows: int) -> list[Tensor]:
    g = torch.Generator().manual_seed(4)
    sizes = ((rows, 37), (70, 37, 1), (70,), (70, 37), (70, 37))
    tensors = [torch.randn(size, generator=g, dtype=torch.float64) for size in sizes]
    tensors[3] = tensors[3].abs() + 0.5
    return [each.to(device, dtype).requires_grad_() for each in tensors]


def _hat_layer(x: Tensor, weight: Tensor, bias: Tensor, *own: Tensor) -> Tensor:
    return longtail.kan_linear(x, weight, "mexican_hat", bias=bias, params=own)


@pytest.mark.parametrize("rows", [1, 33, 700])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_cuda_mexican_hats(dtype: torch.dtype, rows: int) -> None:
    """Near the CPU's, and bit-equal on repeat."""
    on_cpu, on_gpu = _hats("cpu", dtype, rows), _hats("cuda", dtype, rows)
    grad = torch.randn(rows, 70, generator=torch.Generator().manual_seed(3)).to(dtype)
    expected = [y := _hat_layer(*on_cpu), *torch.autograd.grad(y, on_cpu, grad)]
    got = [y := _hat_layer(*on_gpu), *torch.autograd.grad(y, on_gpu, grad.cuda())]
    again = [y := _hat_layer(*on_gpu), *torch.autograd.grad(y, on_gpu, grad.cuda())]
    assert all(map(same_bits, got, again))
    for ours, theirs in zip(got, expected, strict=True):
        close(ours.detach().cpu(), theirs.detach().double(), 2 * error_of(dtype))


def test_cuda_kan_without_rows_or_outputs() -> None:
    """Gradients of nothing are zeros; without outputs, so is that of x."""
    for rows, outputs in ((0, 3), (5, 0)):
        x = torch.randn(rows, 4, device="cuda").requires_grad_()
        weight = torch.randn(outputs, 4, 8, device="cuda").requires_grad_()
        centres = torch.linspace(-2, 2, 8, device="cuda").requires_grad_()
        y = longtail.kan_linear(x, weight, "gaussian_rbf", grid=centres)
        assert y.shape == (rows, outputs)
        for slope in torch.autograd.grad(y.sum(), (x, weight, centres)):
            assert (slope == 0).all()


@pytest.mark.parametrize("name", ["bspline", "gaussian_rbf"])
def test_cuda_kan_in_a_graph(name: str) -> None:
    """Captured once, replayed with another x."""
    kind = KINDS[name]
    tensors = [each.cuda() for each in as_given(kind, torch.float32, (70,), 65)]
    other = torch.rand_like(tensors[0]) - 0.5
    expected = linear(kind, other, *tensors[1:])
    graph, y = captured(lambda: linear(kind, *tensors))
    tensors[0].copy_(other)
    graph.replay()
    assert same_bits(y, expected)
