"""Gradients of any order, torch.func, compile, export and DTensor of the Hadamard transform."""

from __future__ import annotations

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.func import grad, jacfwd, jacrev, jvp, vmap

import longtail
from attention.hadamard_kit import SPECS
from attention.hadamard_oracle import matrix
from kit import AutogradChecks, CompileChecks, ExportChecks
from kit.levels import LEVELS, run_on_level


class TestAutograd(AutogradChecks):
    specs = SPECS


class TestCompile(CompileChecks):
    specs = SPECS


class TestExport(ExportChecks):
    specs = SPECS


@pytest.mark.parametrize("level", LEVELS)
def test_level(level: str) -> None:
    """Values within the contract, the level forced in a process of its own; all give one digest."""
    run_on_level(level, "attention.hadamard_level")


@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize("n", [8, 20])
def test_rows_of_n(n: int, transpose: bool) -> None:
    """The transform itself: its Jacobian is the matrix, its gradient the transposed transform."""
    x = torch.randn(3, n, dtype=torch.float64, requires_grad=True)

    def along(x: torch.Tensor) -> torch.Tensor:
        return longtail.hadamard_transform(x, 0.5, transpose=transpose)

    assert gradcheck(along, x, check_forward_ad=True, check_batched_grad=True)
    assert gradgradcheck(along, x, check_fwd_over_rev=True)
    h = matrix(n).t() if transpose else matrix(n)
    row = x[0].detach()
    for jacobian in (jacrev(along)(row), jacfwd(along)(row)):
        assert torch.equal(jacobian, 0.5 * h)
    rows = vmap(along, in_dims=1, out_dims=1)(x.detach().t().contiguous())
    assert torch.equal(rows, along(x.detach()).t())
    third = grad(lambda r: grad(lambda s: grad(lambda t: (along(t) ** 4).sum())(s).sum())(r).sum())
    power = grad(
        lambda r: grad(lambda s: grad(lambda t: ((h @ t * 0.5) ** 4).sum())(s).sum())(r).sum()
    )
    torch.testing.assert_close(third(row), power(row), rtol=1e-10, atol=1e-9)
    torch.testing.assert_close(jvp(along, (row,), (row,))[1], along(row))


def test_nothing_is_kept_for_backward() -> None:
    x = torch.randn(4, 16, requires_grad=True)
    y = longtail.hadamard_transform(x)
    assert not y.grad_fn.saved_tensors
    expanded = torch.ones(()).expand(4, 16)
    (dx,) = torch.autograd.grad(y, x, expanded)
    assert torch.equal(dx, longtail.hadamard_transform(torch.ones(4, 16), transpose=True))


def test_raw_op_refuses_a_gradient() -> None:
    x = torch.ones(4, requires_grad=True)
    with pytest.raises(NotImplementedError, match="longtail.hadamard_transform"):
        torch.ops.longtail.hadamard_transform(x, 1.0, False)


def test_one_compile_serves_all_numbers_of_rows() -> None:
    compiled = torch.compile(longtail.hadamard_transform, fullgraph=True, dynamic=True)
    for rows in (3, 11, 64):
        x = torch.randn(rows, 24)
        with torch.compiler.set_stance("default" if rows == 3 else "fail_on_recompile"):
            assert torch.equal(compiled(x, 0.5), longtail.hadamard_transform(x, 0.5))


def test_keeps_its_dtype_under_autocast() -> None:
    x = torch.randn(3, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert longtail.hadamard_transform(x).dtype == torch.float32


@pytest.mark.parametrize("mesh_shape", [(4,), (2, 2)], ids=["line", "square"])
def test_no_collectives(mesh_shape: tuple[int, ...], fake_processes: int) -> None:
    """Sharded leading dimensions and partial sums stay; values, first and second derivatives."""
    from torch.distributed.tensor import (
        DTensor,
        Partial,
        Shard,
        distribute_tensor,
        init_device_mesh,
    )
    from torch.distributed.tensor.debug import CommDebugMode

    mesh = init_device_mesh("cpu", mesh_shape)
    full = torch.randn(8, 4, 12, dtype=torch.float64)
    for first in range(2):
        places = [Shard((first + k) % 2) for k in range(len(mesh_shape))]
        x = distribute_tensor(full, mesh, places).requires_grad_()
        with CommDebugMode() as communication:
            y = longtail.hadamard_transform(x, 0.5)
            (dx,) = torch.autograd.grad(y, x, torch.ones_like(y))
        assert communication.get_total_counts() == 0, communication.get_comm_counts()
        assert list(y.placements) == list(dx.placements) == places
        local = longtail.hadamard_transform(x.detach().to_local(), 0.5)
        assert torch.equal(y.detach().to_local(), local)
    sums = DTensor.from_local(full, mesh, [Partial()] * len(mesh_shape), run_check=False)
    with CommDebugMode() as communication:
        y = longtail.hadamard_transform(sums)
    assert communication.get_total_counts() == 0 and y.placements == sums.placements
