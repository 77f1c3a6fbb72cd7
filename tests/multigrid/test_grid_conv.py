"""The convolutions under nn.MgConv beside torch's in float64: values, gradients, second ones, every
CPU level, threads, layouts, and what the raw operators refuse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from kit import BadInput, Raises
from kit.bad_input import check, parametrize
from kit.layouts import threads
from kit.levels import LEVELS, results_on_level
from kit.registration import check_raw_operator
from kit.tensors import all_bits
from longtail._grid_conv import grid_conv, grid_down, grid_up

ops = torch.ops.longtail
#: The largest error over the largest element; csrc/multigrid/winograd.h claims as much.
EPS = 2e-6
SHAPES = [  # N, H, W, in, out
    (2, 16, 16, 24, 24),
    (1, 1, 1, 1, 1),
    (3, 5, 4, 33, 40),
    (1, 2, 127, 7, 3),
    (2, 31, 9, 1, 24),
    (1, 8, 7, 24, 2),
    (1, 3, 3, 65, 64),
]
Tensors = list[Tensor]


def draw(*shapes: tuple[int, ...]) -> Tensors:
    g = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=g) for shape in shapes]


def last(x: Tensor) -> Tensor:
    return x.permute(0, 2, 3, 1)


def first(x: Tensor) -> Tensor:
    return x.permute(0, 3, 1, 2)


def conv_twin(x: Tensor, w: Tensor, add: Tensor, bias: Tensor) -> Tensor:
    return last(functional.conv2d(first(x), w, bias, padding=1)) + add


def down_twin(x: Tensor, w: Tensor) -> Tensor:
    """As many zeros in front as one, behind as are needed."""
    height, width = x.shape[1:3]
    around = functional.pad(first(x), (1, 2 + width % 2, 1, 2 + height % 2))
    y = functional.conv2d(around, w, stride=2)
    return last(y[..., : (height + 1) // 2, : (width + 1) // 2])


def up_twin(x: Tensor, w: Tensor, add: Tensor, bias: Tensor) -> Tensor:
    more = 4 - w.shape[-1]
    y = functional.conv_transpose2d(first(x), w, bias, 2, 1, more)
    return last(y[..., : add.shape[1], : add.shape[2]]) + add


def compare(ours: Callable[..., Tensor], twin: Callable[..., Tensor], tensors: Tensors) -> None:
    """Value, gradients, and gradients of a function of the gradients."""
    results = []
    for function, inputs in (
        (ours, tensors),
        (twin, [each.double() for each in tensors]),
    ):
        leaves = [each.clone().requires_grad_() for each in inputs]
        y = function(*leaves)
        (grad,) = draw(tuple(y.shape))
        grad = grad.to(y.dtype).requires_grad_()
        gradients = torch.autograd.grad(y, leaves, grad, create_graph=True)
        weights = draw(*(tuple(each.shape) for each in gradients))
        mixed = sum((g * w.to(g.dtype)).sum() for g, w in zip(gradients, weights, strict=True))
        assert isinstance(mixed, Tensor)
        second = torch.autograd.grad(mixed, [*leaves[:2], grad])
        results.append([y, *gradients, *second])
    for mine, exact in zip(*results, strict=True):
        assert mine.shape == exact.shape
        mine, exact = mine.detach(), exact.detach()
        error = float((mine.double() - exact).abs().max() / exact.abs().max())
        assert error <= EPS, f"{error:.1e}"


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_conv(shape: tuple[int, ...]) -> None:
    n, height, width, into, out = shape
    tensors = draw((n, height, width, into), (out, into, 3, 3), (n, height, width, out), (out,))
    compare(lambda *each: grid_conv(*each, False)[0], conv_twin, tensors)


@pytest.mark.parametrize("taps", [3, 4])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_down_and_up(shape: tuple[int, ...], taps: int) -> None:
    n, height, width, coarse, fine = shape
    half = ((height + 1) // 2, (width + 1) // 2)
    x, w, rows = draw((n, height, width, fine), (coarse, fine, taps, taps), (n, *half, coarse))
    compare(lambda *each: grid_down(*each)[0], down_twin, [x, w])
    (bias,) = draw((fine,))
    compare(lambda *each: grid_up(*each, height, width), up_twin, [rows, w, x, bias])


def test_gradients_of_what_is_given_through() -> None:
    """x and what is made of it, both used: the sum of both gradients."""
    x, w, other = draw((2, 6, 5, 3), (3, 3, 3, 3), (2, 6, 5, 3))
    none = torch.empty(0)
    for function in (lambda a: grid_conv(a, w, none, none, False), lambda a: grid_down(a, w)):
        leaf, twice = x.clone().requires_grad_(), x.clone().requires_grad_()
        y, through = function(leaf)
        got = torch.autograd.grad(y.square().sum() + (through * other).sum(), leaf)[0]
        value = function(twice)[0].square().sum()
        expected = torch.autograd.grad(value, twice)[0] + other
        torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-5)
        (alone,) = torch.autograd.grad(function(leaf)[1].sum(), leaf)
        assert torch.equal(alone, torch.ones_like(x))


def drawn(device: str, *shapes: tuple[int, ...]) -> Tensors:
    return [each.to(device) for each in draw(*shapes)]


def results(device: str = "cpu") -> Tensors:
    """Of every raw operator, on sizes that cross strips and parts."""
    x, w, bias, coarse = drawn(device, (2, 90, 66, 5), (6, 5, 3, 3), (6,), (2, 45, 33, 6))
    w4, y, fine = drawn(device, (6, 5, 4, 4), (2, 90, 66, 6), (5,))
    none = torch.empty(0, device=device)
    return [
        ops.grid_conv(x, w, y, bias, False),
        ops.grid_conv(y, w, x, fine, True),
        ops.grid_conv_weight(y, x),
        ops.grid_down(x, w),
        ops.grid_down(x, w4),
        ops.grid_up(coarse, w, x, fine, 90, 66),
        ops.grid_up(coarse, w4, none, none, 89, 65),
        ops.grid_transfer_weight(coarse, x, 3),
        ops.grid_transfer_weight(coarse, x, 4),
    ]


def test_threads_and_repeats_give_the_same_bits() -> None:
    expected = results()
    for count in (1, 2, 3):
        with threads(count):
            assert all_bits(results(), expected)


@pytest.mark.parametrize("level", LEVELS)
def test_levels(level: str, tmp_path: Path) -> None:
    """Every level this machine has, in a process of its own, to the claimed error."""
    got = results_on_level(level, "multigrid.test_grid_conv", tmp_path)
    for mine, expected in zip(got, results(), strict=True):
        assert (mine - expected).abs().max() <= EPS * expected.abs().max()


def samples() -> list[tuple[torch._ops.OpOverload, tuple[object, ...]]]:
    x, w, w4, y, coarse = draw((2, 5, 6, 3), (4, 3, 3, 3), (4, 3, 4, 4), (2, 5, 6, 4), (2, 3, 3, 4))
    none = torch.empty(0)
    return [
        (ops.grid_conv.default, (x, w, none, none, False)),
        (ops.grid_conv.default, (y, w, x, x[0, 0, 0], True)),
        (ops.grid_conv_weight.default, (y, x)),
        (ops.grid_down.default, (x, w4)),
        (ops.grid_up.default, (coarse, w, x, none, 5, 6)),
        (ops.grid_transfer_weight.default, (coarse, x, 4)),
    ]


@pytest.mark.parametrize("index", range(6))
def test_registration(index: int) -> None:
    check_raw_operator(*samples()[index], "nn.MgConv")


def test_empty_batches() -> None:
    x, w, none = torch.ones(0, 4, 4, 3), torch.ones(2, 3, 3, 3), torch.empty(0)
    assert ops.grid_conv(x, w, none, none, False).shape == (0, 4, 4, 2)
    assert ops.grid_down(x, w).shape == (0, 2, 2, 2)
    assert ops.grid_up(x, w.transpose(0, 1), none, none, 7, 8).shape == (0, 7, 8, 2)
    assert torch.equal(ops.grid_conv_weight(torch.ones(0, 4, 4, 2), x), 0 * w)
    assert torch.equal(ops.grid_transfer_weight(torch.ones(0, 2, 2, 2), x, 3), 0 * w)


X, W, NONE = torch.ones(1, 4, 4, 3), torch.ones(2, 3, 3, 3), torch.empty(0)
CASES = [
    BadInput(label, call, Raises(ValueError, *words))
    for label, call, words in (
        (
            "float64",
            lambda: ops.grid_conv(X.double(), W, NONE, NONE, False),
            ("grid_conv", "x", "float32"),
        ),
        (
            "channels of the weight",
            lambda: ops.grid_conv(X, W, NONE, NONE, True),
            ("grid_conv", "weight", "[2, 3, 3, 3]"),
        ),
        (
            "257 channels",
            lambda: ops.grid_down(torch.ones(1, 2, 2, 257), W),
            ("grid_down", "[1, 2, 2, 257]", "256"),
        ),
        (
            "add",
            lambda: ops.grid_conv(X, W, X, NONE, False),
            ("grid_conv", "add", "[1, 4, 4, 3]"),
        ),
        (
            "height",
            lambda: ops.grid_up(X, W.transpose(0, 1), NONE, NONE, 9, 8),
            ("grid_up", "9 x 8", "[1, 4, 4, 3]"),
        ),
        ("taps", lambda: ops.grid_transfer_weight(X, torch.ones(1, 8, 8, 3), 5), ("taps", "5")),
    )
]


@parametrize(CASES)
def test_bad_input(case: BadInput) -> None:
    check(case)
