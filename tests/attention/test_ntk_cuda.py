"""The CUDA kernels of ntk_attention and pattention beside the CPU's."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import longtail
from attention import test_ntk, test_pattention
from kit.cuda_graphs import captured
from kit.tensors import cuda_problem, same_bits
from kit.twins import DTYPES, close, with_gradients

pytestmark = pytest.mark.skipif(bool(cuda_problem()), reason=cuda_problem() or "")


def beside_the_cpu(function: Callable[..., Tensor], tensors: list[Tensor], eps: float) -> None:
    """Output and gradients within twice eps of the largest element, and bit-equal on repeat."""
    expected = with_gradients(function, tensors)
    got = with_gradients(function, [each.cuda() for each in tensors])
    again = with_gradients(function, [each.cuda() for each in tensors])
    assert all(each.is_cuda for each in got) and all(map(same_bits, got, again))
    for mine, exact in zip(got, expected, strict=True):
        close(mine.cpu(), exact.double(), 2 * eps)


@pytest.mark.parametrize("shape", test_ntk.SHAPES, ids=str)
@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_cuda_ntk_attention(dtype: torch.dtype, is_causal: bool, shape: tuple) -> None:
    tensors = test_ntk.given(dtype, shape, own_prefix=is_causal)
    beside_the_cpu(test_ntk.call(is_causal), tensors, test_ntk.error_of(dtype))


@pytest.mark.parametrize("shape", test_pattention.SHAPES[:2] + test_pattention.SHAPES[3:], ids=str)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_cuda_pattention(dtype: torch.dtype, shape: tuple) -> None:
    tensors = test_pattention.given(dtype, shape)
    beside_the_cpu(longtail.pattention, tensors, test_pattention.error_of(dtype))


def test_cuda_of_nothing() -> None:
    """Without rows, keys or batches gradients are zeros."""
    for shape in ((0, 2, 5, 7, 4, 3), (2, 2, 0, 7, 4, 3)):
        tensors = [each.cuda() for each in test_ntk.given(torch.float32, shape)]
        for each in with_gradients(test_ntk.call(False), tensors)[1:]:
            assert (each == 0).all()
    tensors = [each.cuda() for each in test_pattention.given(torch.float32, ((0,), 4, 5, 3))]
    assert all((each == 0).all() for each in with_gradients(longtail.pattention, tensors)[1:])


@pytest.mark.parametrize("name", ["ntk_attention", "pattention"])
def test_cuda_graphs(name: str) -> None:
    """Captured once, replayed with another first argument."""
    if name == "ntk_attention":
        tensors = test_ntk.given(torch.float32, test_ntk.SHAPES[0])
    else:
        tensors = test_pattention.given(torch.float32, test_pattention.SHAPES[1])
    function, tensors = getattr(longtail, name), [each.cuda() for each in tensors]
    other = torch.rand_like(tensors[0]) - 0.5
    expected = function(other, *tensors[1:])
    graph, y = captured(lambda: function(*tensors))
    tensors[0].copy_(other)
    graph.replay()
    assert same_bits(y, expected)
