"""The raw operators of a V-cycle: what may be left out, threads, CPU levels, CUDA, layouts, and
what they refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from kit import BadInput, Raises
from kit.bad_input import check, parametrize
from kit.layouts import threads
from kit.levels import LEVELS, results_on_level
from kit.registration import check_raw_operator
from kit.tensors import all_bits, cuda_problem, same_bits
from longtail.nn import MgConv, MgNO
from multigrid.test_learned_cycle import EPS, Tensors, draw

ops = torch.ops.longtail


def results(device: str = "cpu") -> Tensors:
    """Of both raw operators, with everything and with nothing that may be left out; sizes that
    cross strips and parts."""
    f, grad, bias = (each.to(device) for each in draw((2, 66, 90, 5), (2, 66, 90, 6), (6,)))
    steps = [1, 1, 0, 1, 2, 0]
    weights = (draw((sizes(5, 6, steps, True),))[0] / 10).to(device)
    none = torch.empty(0, device=device)
    u, saved = ops.learned_cycle(f, weights, bias, 6, steps, True, True)
    alone = ops.learned_cycle(f, weights, none, 6, steps, True, False)
    rest = (6, steps, True)
    both = ops.learned_cycle_backward(grad, 2 * f, f, weights, saved, *rest, True, True)
    left = ops.learned_cycle_backward(grad, none, f, weights, saved, *rest, False, True)
    right = ops.learned_cycle_backward(grad, none, f, weights, saved, *rest, True, False)
    return [u, saved, *alone, *both, *left, *right]


def sizes(into: int, channels: int, steps: list[int], residual: bool) -> int:
    """Floats of all weights."""
    pairs = tuple(zip(steps[::2], steps[1::2], strict=True))
    module = MgConv(into, channels, pairs, restrict_residual=residual)
    return sum(each.numel() for each in module.parameters())


def test_threads_and_repeats_give_the_same_bits() -> None:
    expected = results()
    for count in (1, 2, 3):
        with threads(count):
            assert all_bits(results(), expected)


def test_what_is_left_out() -> None:
    """The same bits, or nothing."""
    u, saved, _, nothing, df, dw, no_df, dw_alone, df_alone, no_dw = results()
    assert saved.numel() and not nothing.numel() and not no_df.numel() and not no_dw.numel()
    assert same_bits(dw, dw_alone)
    assert u.shape[:3] == df.shape[:3] == df_alone.shape[:3]
    f = draw((2, 66, 90, 5))[0]
    assert (df - df_alone - 2 * f).abs().max() <= 1e-5 * df.abs().max()


@pytest.mark.parametrize("level", LEVELS)
def test_levels(level: str, tmp_path: Path) -> None:
    """Every level this machine has, in a process of its own."""
    got = results_on_level(level, "multigrid.test_learned_cycle_raw", tmp_path)
    agree(got, results())


def agree(got: Tensors, expected: Tensors) -> None:
    for mine, its in zip(got, expected, strict=True):
        assert mine.shape == its.shape
        if its.numel():
            assert (mine.cpu() - its).abs().max() <= EPS * its.abs().max()


@pytest.mark.skipif(bool(cuda_problem()), reason=cuda_problem() or "")
def test_cuda() -> None:
    """As on the CPU, each time the same bits; single convolutions too; a training step of MgNO."""
    from multigrid.test_grid_conv import results as single_results

    first = results("cuda")
    agree(first, results())
    assert all(same_bits(a, b) for a, b in zip(results("cuda"), first, strict=True))
    agree(single_results("cuda"), single_results())
    torch.manual_seed(0)
    model, x = MgNO(layers=2), draw((2, 1, 70, 64))[0]
    steps = []
    for device in ("cpu", "cuda"):
        model.to(device).zero_grad()
        model(x.to(device)).square().mean().backward()
        steps.append([p.grad.detach().cpu() for p in model.parameters() if p.grad is not None])
    agree(steps[1], steps[0])


def samples() -> list[tuple[torch._ops.OpOverload, tuple[Any, ...]]]:
    f, grad = draw((2, 5, 6, 3), (2, 5, 6, 4))
    found: list[tuple[torch._ops.OpOverload, tuple[Any, ...]]] = []
    none = torch.empty(0)
    for steps, residual in (([1, 0, 2, 0], False), ([2, 1, 0, 1, 1, 0], True), ([2, 0], True)):
        weights = draw((sizes(3, 4, steps, residual),))[0]
        rest = (4, steps, residual)
        found.append((ops.learned_cycle.default, (f, weights, grad[0, 0, 0], *rest, True)))
        _, saved = ops.learned_cycle(f, weights, none, *rest, True)
        arguments = (grad, f, f, weights, saved, *rest, True, True)
        found.append((ops.learned_cycle_backward.default, arguments))
    found.append((ops.learned_cycle.default, (f, weights, none, 4, [2, 0], True, False)))
    return found


@pytest.mark.parametrize("index", range(7))
def test_registration(index: int) -> None:
    check_raw_operator(*samples()[index], "nn.MgConv")


def test_empty_batches() -> None:
    f, weights, none = (
        torch.ones(0, 4, 4, 3),
        torch.ones(sizes(3, 2, [1, 0], False)),
        torch.empty(0),
    )
    u, saved = ops.learned_cycle(f, weights, none, 2, [1, 0], False, True)
    assert u.shape == (0, 4, 4, 2)
    df, dw = ops.learned_cycle_backward(u, none, f, weights, saved, 2, [1, 0], False, True, True)
    assert df.shape == f.shape
    assert torch.equal(dw, 0 * weights)


F, W, NONE = torch.ones(1, 4, 4, 3), torch.ones(sizes(3, 2, [1, 0], False)), torch.empty(0)


def forward(f: Tensor = F, weights: Tensor = W, bias: Tensor = NONE, *rest: Any) -> object:
    return ops.learned_cycle(f, weights, bias, *(rest or (2, [1, 0], False, True)))


def backward(grad: Tensor, saved: Tensor) -> object:
    return ops.learned_cycle_backward(grad, NONE, F, W, saved, 2, [1, 0], False, True, True)


U = torch.ones(1, 4, 4, 2)
CASES = [
    BadInput(label, call, Raises(ValueError, *words))
    for label, call, words in (
        ("float64", lambda: forward(F.double()), ("learned_cycle", "f", "float32")),
        ("three dimensions", lambda: forward(F[0]), ("[4, 4, 3]", "[N, H, W, channels]")),
        ("weights", lambda: forward(F, W[1:]), ("weights", "[53]", "[54]")),
        ("bias", lambda: forward(F, W, torch.ones(3)), ("bias", "[3]", "[2]")),
        ("no channels", lambda: forward(F, W, NONE, 0, [1, 0], False, True), ("channels", "0")),
        ("steps", lambda: forward(F, W, NONE, 2, [1], False, True), ("steps", "1 numbers")),
        ("no step", lambda: forward(F, W, NONE, 2, [0, 0], False, True), ("steps", "finest")),
        ("after", lambda: forward(F, W, NONE, 2, [1, 1], False, True), ("steps", "coarsest")),
        ("grad", lambda: backward(F, NONE), ("learned_cycle_backward", "grad", "[1, 4, 4, 3]")),
        ("saved", lambda: backward(U, torch.ones(7)), ("saved", "[7]", "[0]")),
    )
]


@parametrize(CASES)
def test_bad_input(case: BadInput) -> None:
    check(case)
