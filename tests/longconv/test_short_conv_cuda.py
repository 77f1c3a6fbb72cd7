"""The CUDA kernels of short_conv beside the CPU's."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from kit.cuda_graphs import captured
from kit.tensors import cuda_problem, same_bits
from kit.twins import DTYPES, with_gradients
from longconv.test_short_conv import BOUNDS, CASES, Case, call, largest_error
from longtail import short_conv, short_conv_step

pytestmark = pytest.mark.skipif(bool(cuda_problem()), reason=cuda_problem() or "")


@pytest.mark.parametrize("case", (*CASES, Case(3, 70, 5000, 4, True, True, True)), ids=str)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_cuda_short_conv(dtype: torch.dtype, case: Case) -> None:
    """Results and gradients, and the same bits on repeat."""
    given = case.tensors(dtype)
    function = call(list(given), partial(short_conv, activation=case.activation))
    expected = with_gradients(function, list(given.values()))
    tensors = [each.cuda() for each in given.values()]
    got, again = with_gradients(function, tensors), with_gradients(function, tensors)
    assert all(each.is_cuda for each in got) and all(map(same_bits, got, again))
    for mine, exact in zip(got, expected, strict=True):
        assert largest_error(mine.cpu(), exact.double()) <= 2 * BOUNDS[exact.dtype]


def test_cuda_of_nothing() -> None:
    for shape in ((2, 3, 0), (0, 3, 5), (2, 0, 5)):
        given = Case(*shape, 4, bias=True, state=True).tensors(torch.float32)
        tensors = [each.cuda() for each in given.values()]
        for each in with_gradients(call(list(given), short_conv), tensors)[1:]:
            assert (each == 0).all()


def test_cuda_graph_of_a_step() -> None:
    """Captured once, replayed with another input."""
    u_t, state = torch.randn(2, 64, device="cuda"), torch.randn(2, 64, 3, device="cuda")
    w, bias = torch.randn(64, 4, device="cuda"), torch.randn(64, device="cuda")
    other = torch.randn_like(u_t)
    step = partial(short_conv_step, activation="silu")
    expected = step(other, state, w, bias)
    graph, got = captured(lambda: step(u_t, state, w, bias))
    u_t.copy_(other)
    graph.replay()
    assert all(map(same_bits, got, expected))
