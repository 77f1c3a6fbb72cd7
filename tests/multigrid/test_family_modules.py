"""What every module of the family is asked, whatever it computes."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import hypothesis
import pytest
import torch
from hypothesis import strategies
from torch import Tensor, nn
from torch.autograd import gradcheck, gradgradcheck

from kit.copies import copies, through_a_file
from kit.graphs import count_graphs
from kit.layouts import deterministic, draw_view, threads
from kit.tensors import same_bits
from longtail.losses import H1Loss, SobolevLoss
from longtail.multigrid import MultigridSolver, poisson_stencil
from longtail.nn import (
    FNO2d,
    MgConv,
    MgNO,
    MultigridPatching2d,
    SpectralConv2d,
    TFNO2d,
)

STEPS = ((1, 0), (1, 1), (1, 0))


def mgconv(**like: Any) -> nn.Module:
    return MgConv(2, 3, STEPS, **like)


def mgno(**like: Any) -> nn.Module:
    return MgNO(2, 1, 3, 2, STEPS, padding_mode="reflect", restrict_residual=True, **like)


def spectral(**like: Any) -> nn.Module:
    return SpectralConv2d(2, 3, (2, 3), **like)


def fno(**like: Any) -> nn.Module:
    return FNO2d((2, 2), 2, 1, 4, 2, **like)


def tfno(**like: Any) -> nn.Module:
    return TFNO2d((2, 2), 2, 1, 4, 2, **like)


def patching(**like: Any) -> nn.Module:
    return MultigridPatching2d(nn.Conv2d(4, 1, 3, padding=1, **like), 1, 0.25)


MODULES: dict[str, Callable[..., nn.Module]] = {
    "MgConv": mgconv, "MgNO": mgno, "SpectralConv2d": spectral, "FNO2d": fno, "TFNO2d": tfno,
    "MultigridPatching2d": patching,
}  # fmt: skip
modules = pytest.mark.parametrize("make", MODULES.values(), ids=MODULES)


def made(make: Callable[..., nn.Module], **like: Any) -> nn.Module:
    torch.manual_seed(0)
    return make(**like).eval()


def grids(batch: int = 3, *size: int, dtype: torch.dtype = torch.float32) -> Tensor:
    g = torch.Generator().manual_seed(1)
    return torch.randn(batch, 2, *(size or (8, 8)), generator=g, dtype=torch.float64).to(dtype)


def close(got: Tensor, expected: Tensor, eps: float = 1e-5) -> bool:
    assert (got.shape, got.dtype) == (expected.shape, expected.dtype)
    torch.testing.assert_close(got, expected, rtol=eps, atol=eps)
    return True


def all_close(got: list[Tensor], expected: list[Tensor]) -> bool:
    return len(got) == len(expected) and all(map(close, got, expected))


@modules
def test_any_view(make: Callable[..., nn.Module]) -> None:
    """As of contiguous grids, batches of none too; the input stays as it is."""
    module = made(make)

    @hypothesis.settings(deadline=None, derandomize=True, max_examples=10, database=None)
    @hypothesis.given(strategies.data())
    def check(data: strategies.DataObject) -> None:
        batch = data.draw(strategies.integers(0, 3))
        x = grids(batch, *(8 * data.draw(strategies.integers(1, 2)) for _ in range(2)))
        view = draw_view(data, x)
        before = view.clone()
        with torch.no_grad():
            assert close(module(view), module(x))
        assert same_bits(view, before)

    check()


@modules
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 2), (7, 5)], ids=str)
def test_small_grids(size: tuple[int, int], make: Callable[..., nn.Module]) -> None:
    """Of any size, with gradients; what needs another says so."""
    if make is patching:
        with pytest.raises(ValueError, match="MultigridPatching2d: x has"):
            made(make)(grids(2, *size))
        return
    module, x = made(make), grids(2, *size).requires_grad_()
    y = module(x)
    assert y.shape[0] == 2 and y.shape[2:] == size and y.isfinite().all()
    for each in torch.autograd.grad(y.square().sum(), [x, *module.parameters()]):
        assert each.isfinite().all()


@modules
def test_threads_and_repeats(make: Callable[..., nn.Module]) -> None:
    """Results and gradients on one thread, on two, twice, with deterministic algorithms."""
    module, x = made(make), grids(3, 24, 40).requires_grad_()

    def run() -> list[Tensor]:
        y = module(x)
        return [y.detach(), *torch.autograd.grad(y.square().sum(), [x, *module.parameters()])]

    with threads(1):
        expected = run()
    with threads(2), deterministic():
        first, second = run(), run()
    assert all(map(same_bits, first, second))
    exact = make in (mgconv,)  # the others have operations of torch's
    for one, other in zip(first, expected, strict=True):
        assert same_bits(one, other) if exact else close(one, other, 1e-4)


@modules
def test_without_data(make: Callable[..., nn.Module]) -> None:
    """On the meta device; given memory, reset_parameters makes it a new module."""
    module = make(device="meta").eval()
    y = module(torch.empty(2, 2, 8, 8, device="meta"))
    real = made(make)(grids(2))
    assert y.is_meta and (y.shape, y.dtype) == (real.shape, real.dtype)
    module.to_empty(device="cpu")
    module.load_state_dict(made(make).state_dict())
    assert close(module(grids(2)), real)


@modules
def test_copies_and_files(make: Callable[..., nn.Module]) -> None:
    """Deep copies, pickles, torch.save of modules and of what they hold."""
    module, x = made(make), grids()
    y = module(x)
    other = make().eval()
    other.load_state_dict(through_a_file(module.state_dict(), weights_only=True))
    assert all(same_bits(each(x), y) for each in (other, *copies(module)))


def test_copies_of_losses_and_solvers() -> None:
    """The same."""
    e, f = grids(), grids(3, 8, 8, dtype=torch.float64)
    solver = MultigridSolver(poisson_stencil((8, 8)))
    for each, call in (
        (H1Loss(), lambda loss: loss(e, 2 * e)),
        (SobolevLoss(), lambda loss: loss(e, 2 * e)),
        (solver, lambda solver: solver(f).solution),
    ):
        assert all(same_bits(call(other), call(each)) for other in copies(each))


@modules
def test_inference_mode(make: Callable[..., nn.Module]) -> None:
    """The same bits, and gradients afterwards."""
    module, x = made(make), grids()
    with torch.inference_mode():
        inside = module(x)
    assert inside.is_inference() and close(inside, module(x).detach(), 1e-6)
    module(x.requires_grad_()).sum().backward()
    assert x.grad is not None


@modules
@pytest.mark.parametrize("narrow", [torch.bfloat16, torch.float16], ids=str)
def test_half_precision(narrow: torch.dtype, make: Callable[..., nn.Module]) -> None:
    """Under autocast and made so: near float32, with finite gradients."""
    module, x = made(make), grids()
    y = module(x)
    near = {"rtol": 0.1, "atol": 0.1 * float(y.abs().max())}
    with torch.autocast("cpu", narrow):
        half = module(x)
    torch.testing.assert_close(half.float(), y, **near)
    for each in torch.autograd.grad(half.float().square().sum(), list(module.parameters())):
        assert each.isfinite().all()
    half = copy.deepcopy(module).to(narrow)(x.to(narrow))
    assert half.dtype == narrow
    torch.testing.assert_close(half.float(), y, **near)


@modules
def test_gradcheck(make: Callable[..., nn.Module]) -> None:
    """In float64, twice, in the grid and in all parameters."""
    module = made(make, dtype=torch.float64)
    x = grids(1, 8, 8, dtype=torch.float64)[..., :4, :4] if make is not patching else grids(
        1, 8, 8, dtype=torch.float64
    )  # fmt: skip
    names = [name for name, _ in module.named_parameters()]
    leaves = (x.clone().requires_grad_(), *module.parameters())

    def call(x: Tensor, *parameters: Tensor) -> Tensor:
        own = dict(zip(names, parameters, strict=True))
        return torch.func.functional_call(module, own, (x,))[:, :1, ::2, ::3]

    assert gradcheck(call, leaves, fast_mode=True)
    assert gradgradcheck(call, leaves, fast_mode=True)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@modules
def test_values_that_are_not_finite_stay_in_their_item(
    make: Callable[..., nn.Module], bad: float
) -> None:
    module, x = made(make), grids()
    expected = module(x)
    x[1, 0, 3, 3] = bad
    got = module(x)
    assert close(got[::2], expected[::2]) and not got[1].isfinite().all()


@pytest.mark.usefixtures("fresh_dynamo")
@modules
def test_one_compile_serves_all_batches(make: Callable[..., nn.Module]) -> None:
    several = [[grids(count, 24, 40)] for count in (11, 5, 7)]
    with torch.no_grad():
        assert count_graphs(made(make), several, all_close) == 1


@modules
def test_export(make: Callable[..., nn.Module]) -> None:
    """With a batch of any size."""
    module = made(make)
    size = torch.export.Dim("size", min=2, max=4096)
    program = torch.export.export(module, (grids(6),), dynamic_shapes=({0: size},))
    for count in (6, 37, 2):
        assert close(program.module()(grids(count)), module(grids(count)))
