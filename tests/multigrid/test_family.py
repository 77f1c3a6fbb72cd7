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

import hypothesis
import pytest
import torch
from hypothesis import strategies
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.func import grad, hessian, jacfwd, jacrev, jvp, vmap

from kit.layouts import deterministic, draw_view, threads
from multigrid.family import (
    MAIN,
    ROWS,
    SOLVERS,
    Row,
    all_bits,
    centred,
    drawn_sizes,
    floats,
    results,
    same,
)

rows = pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n in MAIN else [pytest.mark.full]) for n in ROWS]
)
solvers = pytest.mark.parametrize("name", SOLVERS)


@rows
def test_any_view(name: str) -> None:
    """Shapes, strides, offsets and dtypes that nobody thought of give the bits of contiguous
    tensors, in contiguous results, and no argument is written to."""
    row = ROWS[name]

    @hypothesis.settings(deadline=None, derandomize=True, max_examples=15, database=None)
    @hypothesis.given(strategies.data())
    def check(data: strategies.DataObject) -> None:
        batch, sizes = drawn_sizes(data)
        dtype = data.draw(strategies.sampled_from(row.dtypes))
        tensors = row.inputs(batch, sizes, dtype)
        views = [draw_view(data, each) for each in tensors]
        before = [each.clone() for each in views]
        got = results(row.call, *views)
        assert all(each.is_contiguous() for each in got)
        assert same(row, got, results(row.call, *tensors))
        assert all_bits(views, before)

    check()


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
    """Results and gradients of one thread, on two, twice, with deterministic algorithms."""
    row = ROWS[name]
    sizes = (65, 127) if row.compiles else (17, 23)
    tensors = row.inputs(3, sizes, row.dtypes[-1])

    def run() -> list[Tensor]:
        leaves = [each.clone().requires_grad_() for each in tensors]
        got = results(row.call, *leaves)
        loss = sum((each.square().sum() for each in floats(got)), torch.zeros(()))
        gradients = torch.autograd.grad(loss, leaves, allow_unused=True)
        return [*(each.detach() for each in got), *(g for g in gradients if g is not None)]

    with threads(1):
        expected = run()
    with threads(2), deterministic():
        for _ in range(2):
            assert same(row, run(), expected)


@rows
def test_meta(name: str) -> None:
    """Shapes, dtypes and strides without data, of permuted tensors too."""
    row = ROWS[name]
    if not row.compiles:
        return _refuses_meta(row)
    if name == "prolong":
        pytest.skip("op is somewhere else")
    for dtype in row.dtypes:
        tensors = row.inputs(dtype=dtype)
        views = [each.mT.contiguous().mT if each.dim() > 1 else each for each in tensors]
        real, fake = (results(row.call, *(v.to(d) for v in views)) for d in ("cpu", "meta"))
        for one, other in zip(real, fake, strict=True):
            assert other.is_meta
            assert (other.shape, other.dtype) == (one.shape, one.dtype)
            assert other.stride() == one.stride()


def _refuses_meta(row: Row) -> None:
    """Loops whose length depends on values."""
    op = torch.nn.Identity()
    from longtail import krylov

    with pytest.raises(NotImplementedError, match="meta"):
        krylov.cg(op, row.inputs()[0].to("meta"), dims=2)


@rows
def test_inference_mode(name: str) -> None:
    """The same bits inside, from tensors made there, and of those outside; and gradients later,
    with what was made inside."""
    row = ROWS[name]
    tensors = row.inputs(dtype=row.dtypes[-1])
    expected = results(row.call, *tensors)
    with torch.inference_mode():
        inside = results(row.call, *tensors)
        made_here = [each.clone() for each in tensors]
        again = results(row.call, *made_here)
    assert all(each.is_inference() for each in inside)
    assert all(all_bits(each, expected) for each in (inside, again, results(row.call, *made_here)))
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

        leaf = tensor.clone().requires_grad_()
        (expected,) = torch.autograd.grad(loss(leaf), leaf)
        assert expected.abs().sum() > 0
        close = {"rtol": 1e-7, "atol": 1e-9}
        for way in (grad(loss), jacrev(loss)):
            torch.testing.assert_close(way(tensor), expected, **close)
        along = jvp(loss, (tensor,), (torch.ones_like(tensor),))[1]
        torch.testing.assert_close(along, expected.sum(), **close)
        batch = torch.stack([tensor, 2 * tensor])
        torch.testing.assert_close(vmap(grad(loss))(batch)[1], grad(loss)(2 * tensor), **close)
        second = jacrev(jacrev(loss))(tensor)
        assert second.abs().sum() > 0
        for way in (hessian(loss), jacrev(jacfwd(loss))):
            torch.testing.assert_close(way(tensor), second, rtol=1e-6, atol=1e-7)


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
