"""What every function of the family is asked, one row of the matrix after another.

Values, and what is special to one function, have files of their own.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from hypothesis import strategies
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from kit.functions import (
    check_inference_mode,
    check_meta,
    check_threads_and_repeats,
    check_transforms,
    floats,
)
from kit.layouts import check_views, threads
from kit.tensors import all_bits, results
from multigrid.family import (
    MAIN,
    ROWS,
    SOLVERS,
    Row,
    centred,
    drawn_sizes,
    same,
)

rows = pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n in MAIN else [pytest.mark.full]) for n in ROWS]
)
solvers = pytest.mark.parametrize("name", SOLVERS)


@rows
def test_any_view(name: str) -> None:
    """To the bit, in contiguous results."""
    row = ROWS[name]

    def draw(data: strategies.DataObject) -> list[Tensor]:
        batch, sizes = drawn_sizes(data)
        return row.inputs(batch, sizes, data.draw(strategies.sampled_from(row.dtypes)))

    check_views(row.call, draw, 15, partial(same, row))


@rows
def test_expanded(name: str) -> None:
    """A stride of 0 in the batch, and items one by one."""
    row = ROWS[name]
    for dtype in row.dtypes:
        tensors = row.inputs(1, dtype=dtype)
        alone = results(row.call, *tensors)
        wide = [x.expand(3, *x.shape[1:]) if x.shape[0] == 1 else x for x in tensors]
        for got, one in zip(results(row.call, *wide), alone, strict=True):
            for k in range(3):
                assert same(row, [got[k]], [one[0]])


@rows
def test_threads_and_repeats(name: str) -> None:
    row = ROWS[name]
    sizes = (65, 127) if row.compiles else (17, 23)
    check_threads_and_repeats(row.call, row.inputs(3, sizes, row.dtypes[-1]), partial(same, row))


@rows
def test_meta(name: str) -> None:
    row = ROWS[name]
    if not row.compiles:
        return _refuses_meta(row)
    if name == "prolong":
        pytest.skip("op is somewhere else")
    for dtype in row.dtypes:
        check_meta(row.call, row.inputs(dtype=dtype))


def _refuses_meta(row: Row) -> None:
    """Loops whose length depends on values."""
    op = torch.nn.Identity()
    from longtail import krylov

    with pytest.raises(NotImplementedError, match="meta"):
        krylov.cg(op, row.inputs()[0].to("meta"), dims=2)


@rows
def test_inference_mode(name: str) -> None:
    """As the kit asks; and gradients later, with what was made inside."""
    row = ROWS[name]
    tensors = row.inputs(dtype=row.dtypes[-1])
    check_inference_mode(row.call, tensors)
    leaves = [each.clone().requires_grad_() for each in tensors]
    got = floats(results(row.call, *leaves))
    torch.autograd.grad(got, leaves, [torch.ones_like(x) for x in got], allow_unused=True)


@pytest.mark.parametrize("narrow", [torch.bfloat16, torch.float16], ids=str)
@solvers
def test_solvers_and_half_precision(name: str, narrow: torch.dtype) -> None:
    """Half precision is refused, and under autocast becomes float32; other dtypes stay."""
    row = ROWS[name]
    if row.kinds == ("centred",):
        pytest.skip("rounding to half precision leaves no f of the mean 0")
    halves = [each.to(narrow) for each in row.inputs(dtype=torch.float32)]
    if name in ("cg", "pcg", "minres", "gcrodr"):
        op = torch.nn.Identity()
        from longtail import krylov

        def call(b: Tensor) -> Any:
            return krylov.cg(op, b, dims=2)
    else:
        call = row.call
    with pytest.raises(TypeError, match=str(narrow).removeprefix("torch.")):
        call(*halves)
    with torch.autocast("cpu", dtype=narrow):
        got = results(call, *halves)
    assert all_bits(got, results(call, *(each.float() for each in halves)))
    for dtype in row.dtypes:
        tensors = row.inputs(dtype=dtype)
        with torch.autocast("cpu", dtype=narrow):
            got = results(row.call, *tensors)
        assert same(row, got, results(row.call, *tensors))


#: These are linear in some argument, or refuse its gradient: see the tests of their own.
_EXACT = [n for n in MAIN if ROWS[n].dtypes != (torch.float32,)]


def tight(name: str) -> tuple[Callable[..., Any], list[Tensor]]:
    """Fewer numbers, and solutions as exact as derivatives are to be."""
    row = ROWS[name]
    call = partial(row.call, tol=1e-13) if name in SOLVERS and "dst" not in name else row.call
    if row.kinds == ("centred",):
        return lambda f: call(centred(f)), row.inputs(1, (3, 4))
    return call, row.inputs(1, (3, 4))


def first(call: Callable[..., Any]) -> Callable[..., Tensor]:
    """The solution."""
    return lambda *tensors: results(call, *tensors)[0]


@pytest.mark.parametrize("name", _EXACT)
def test_gradcheck(name: str) -> None:
    """Once and twice, in forward mode too."""
    call, tensors = tight(name)
    if name not in ("diffusion_solve", "diffusion_solve, flow", "MultigridSolver"):
        a = [each for each, kind in zip(tensors, ROWS[name].kinds) if kind == "coefficient"]
        fields = tensors[len(a) :]
        own, call = call, lambda *fields: own(*a, *fields)
    else:
        fields = tensors
    leaves = tuple(each.clone().requires_grad_() for each in fields)
    assert gradcheck(first(call), leaves, check_forward_ad="Loss" not in name, atol=1e-5)
    assert gradgradcheck(first(call), leaves, atol=1e-5)


@pytest.mark.parametrize("name", _EXACT)
def test_transforms(name: str) -> None:
    """torch.func in each argument: grad, vmap(grad), jacrev, jvp and three ways to a Hessian."""
    call, tensors = tight(name)
    for k, tensor in enumerate(tensors):
        if ROWS[name].kinds[k] == "coefficient" and "olve" not in name:
            continue  # there is none: see test_grid_transforms.py

        def loss(x: Tensor, k: int = k) -> Tensor:
            given = [x if i == k else each for i, each in enumerate(tensors)]
            return first(call)(*given).square().sum()

        first_order, second_order = {"rtol": 1e-7, "atol": 1e-9}, {"rtol": 1e-6, "atol": 1e-7}
        check_transforms(loss, tensor, first_order, second_order)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@rows
def test_values_that_are_not_finite_stay_in_their_item(name: str, bad: float) -> None:
    """In each tensor: the others have the bits they have without, nothing hangs or raises, and the
    item itself is not said to be solved."""
    row = ROWS[name]
    for dtype in row.dtypes:
        tensors = row.inputs(dtype=dtype)
        expected = results(row.call, *tensors)
        for k, tensor in enumerate(tensors):
            if tensor.dim() < 3 or tensor.shape[0] != 3:
                continue  # weights
            spoilt = list(tensors)
            spoilt[k] = tensor.clone()
            spoilt[k][(1, *(0,) * (tensor.dim() - 1))] = bad
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                got = results(row.call, *spoilt)
            for mine, theirs in zip(got, expected, strict=True):
                assert same(row, [mine[::2]], [theirs[::2]])
            if name in SOLVERS:
                solution, _, residual, returned, converged = got
                assert solution[1].isnan().any()
                assert residual[1].isnan() and returned[1].isnan() and not converged[1]


@solvers
def test_zero_right_hand_sides(name: str) -> None:
    """Give 0 at once, beside others."""
    row = ROWS[name]
    if "sides" in name:
        pytest.skip("there are values on them")
    for dtype in row.dtypes:
        tensors = row.inputs(dtype=dtype)
        expected = results(row.call, *tensors)
        tensors[-1][1] = 0
        solution, iterations, residual, returned, converged = results(row.call, *tensors)
        assert not solution[1].any()
        assert not iterations[1] and not residual[1] and not returned[1] and converged[1]
        assert same(row, [solution[::2]], [expected[0][::2]])


@solvers
def test_no_problems(name: str) -> None:
    """A batch of none, gradients too."""
    row = ROWS[name]
    for dtype in row.dtypes:
        leaves = [each.requires_grad_() for each in row.inputs(0, dtype=dtype)]
        got = results(row.call, *leaves)
        assert got[0].shape == (0, 5, 7) and all(each.shape == (0,) for each in got[1:])
        for gradient in torch.autograd.grad(got[0].sum(), leaves):
            assert gradient.shape == (0, 5, 7)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_after_a_fork() -> None:
    """A child of a process that has used all of it on two threads gets the same bits."""
    tensors = {name: ROWS[name].inputs(3, (33, 40), ROWS[name].dtypes[-1]) for name in MAIN}
    with threads(2):
        expected = {name: results(ROWS[name].call, *tensors[name]) for name in MAIN}
        child = os.fork()
        if child == 0:
            torch.set_num_threads(1)  # those of the parent are not here; torch's advice
            good = all(
                same(ROWS[name], results(ROWS[name].call, *tensors[name]), expected[name])
                for name in MAIN
            )
            os._exit(0 if good else 1)
        _, status = os.waitpid(child, 0)
    assert status == 0
