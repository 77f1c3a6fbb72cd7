"""The operators of diagonal state spaces as torch sees them: compiled, exported, sharded."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

import longtail
from longconv.s4d_oracle import System, error, system

OPS = torch.ops.longtail
DTYPES = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
MODES = ("conv", "recurrent", "chunked")


def calls(dtype: torch.dtype) -> dict[str, tuple[Any, ...]]:
    """Arguments of every raw operator."""
    of = system(3, 5, 40, outputs=2, dtype=dtype)
    a, b, c, state = (each.to(torch.complex128) for each in (of.A, of.B, of.C, of.state))
    wide = dtype == torch.float64
    rows = of.u if wide else of.u.float()
    none = of.D.new_empty(0)
    return {
        "vandermonde": (a, c, 17, wide),
        "vandermonde_transposed": (a.mT.contiguous().mT, rows.mT.contiguous().mT),
        "s4d_scan": (of.u, a, b, c, of.D.double(), state),
        "s4d_scan_backward": (
            *(torch.ones(2, 2, 3, 40, dtype=dtype), state, of.u),
            *(a, b, c, of.D.double(), state, True, True),
        ),
        "s4d_step": (of.u[..., 3], of.state, *of[1:5], none, 1),
    }


NAMES = tuple(calls(torch.float32))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_opcheck(name: str, dtype: torch.dtype) -> None:
    """torch's own checks, and the fake's strides."""
    operator, arguments = getattr(OPS, name).default, calls(dtype)[name]
    torch.library.opcheck(operator, arguments)
    fakes = operator(*(x.to("meta") if isinstance(x, Tensor) else x for x in arguments))
    real = operator(*arguments)
    pairs = [(fakes, real)] if isinstance(real, Tensor) else zip(fakes, real, strict=True)
    for fake, each in pairs:
        assert (fake.shape, fake.dtype, fake.stride()) == (each.shape, each.dtype, each.stride())


@pytest.mark.parametrize("name", NAMES)
def test_a_gradient_is_refused(name: str) -> None:
    """Raw operators are forward-only, and say which function has the gradient."""
    arguments = list(calls(torch.float32)[name])
    arguments[0] = arguments[0].clone().requires_grad_()
    with pytest.raises(NotImplementedError, match=r"longtail\.s4d"):
        getattr(OPS, name)(*arguments)


@pytest.mark.parametrize("name", NAMES)
def test_raw_operators_check_shapes(name: str) -> None:
    """Nothing reads past the end of what it was given."""
    for k, each in enumerate(arguments := calls(torch.float32)[name]):
        if not isinstance(each, Tensor) or each.numel() == 0:
            continue
        wrong = list(arguments)
        wrong[k] = each.narrow(-2 if each.dim() > 1 else 0, 0, 1)
        with pytest.raises((ValueError, RuntimeError), match=name):
            getattr(OPS, name)(*wrong)
        wrong[k] = each.to(torch.int32) if not each.is_complex() else each.real
        with pytest.raises((ValueError, RuntimeError), match=name):
            getattr(OPS, name)(*wrong)


def s4d_loss(mode: str, *tensors: Tensor) -> Tensor:
    """Of y and of the last state."""
    y, last = longtail.s4d(
        *tensors[:-1], initial_state=tensors[-1], return_final_state=True, mode=mode
    )
    return y.square().sum() + torch.view_as_real(last).square().sum()


@pytest.mark.parametrize("mode", ("conv", "recurrent"))
def test_compiles_whole(mode: str) -> None:
    """One graph, with its gradients."""
    torch._dynamo.reset()
    of = [each.clone().requires_grad_() for each in system(2, 3, 70, dtype=torch.float32)]
    compiled = torch.compile(partial(s4d_loss, mode), fullgraph=True, backend="aot_eager")
    result, exact = compiled(*of), s4d_loss(mode, *of)
    assert error(result.detach(), exact.detach().double()) < 1e-6
    mine, theirs = torch.autograd.grad(result, of), torch.autograd.grad(exact, of)
    for one, other in zip(mine, theirs, strict=True):
        wide = torch.complex128 if other.is_complex() else torch.float64
        assert error(one, other.to(wide)) < 1e-5


def test_compiles_for_all_lengths() -> None:
    """One compiled graph serves every length; the step compiles too."""
    torch._dynamo.reset()
    of = system(2, 3, 60, dtype=torch.float32)
    compiled = torch.compile(longtail.s4d, fullgraph=True, dynamic=True, backend="aot_eager")
    for length in (60, 41, 33):
        u = of.u[..., :length]
        assert error(compiled(u, *of[1:-1]), longtail.s4d(u, *of[1:-1]).double()) < 1e-6
    step = torch.compile(longtail.s4d_step, fullgraph=True, backend="aot_eager")
    for one, other in zip(
        step(of.u[..., 0], of.state, *of[1:-1]),
        longtail.s4d_step(of.u[..., 0], of.state, *of[1:-1]),
        strict=True,
    ):
        assert torch.equal(one, other)


def test_export() -> None:
    """As a module's forward."""

    class Filter(torch.nn.Module):
        def __init__(self, of: System) -> None:
            super().__init__()
            for name, each in of._asdict().items():
                self.register_buffer(name, each)

        def forward(self, u: Tensor) -> Tensor:
            y = longtail.s4d(u, self.dt, self.A, self.B, self.C, self.D, mode="recurrent")
            assert isinstance(y, Tensor)
            return y

    of = system(2, 3, 50, dtype=torch.float32)
    program = torch.export.export(Filter(of), (of.u,))
    assert torch.equal(program.module()(of.u), Filter(of)(of.u))


@pytest.mark.parametrize("sharded", [0, 1], ids=["batch", "heads"])
@pytest.mark.parametrize("mode", MODES)
def test_no_collectives(sharded: int, mode: str, fake_processes: int) -> None:
    """Batches and heads are sharded, forward and backward, and no data moves."""
    from torch.distributed.tensor import Replicate, Shard, distribute_tensor, init_device_mesh
    from torch.distributed.tensor.debug import CommDebugMode

    mesh = init_device_mesh("cpu", (4,))
    of = system(4, 3, 600, batch=4, dtype=torch.float32)
    places: list[Any] = [Shard(sharded), *[Shard(0) if sharded else Replicate()] * 5]
    tensors = [
        distribute_tensor(each, mesh, [place]) for each, place in zip(of[:-1], places, strict=True)
    ]
    tensors[0].requires_grad_()
    if sharded:
        tensors = [each.requires_grad_() for each in tensors]
    asked = tensors if sharded else tensors[:1]
    state = distribute_tensor(of.state, mesh, [Shard(sharded)])
    with CommDebugMode() as communication:
        y = longtail.s4d(*tensors, mode=mode)
        gradients = torch.autograd.grad(y, asked, torch.ones_like(y))
        now, *system_of_it = [each.detach() for each in tensors]
        one, _ = longtail.s4d_step(now[..., 0], state, *system_of_it)
    assert communication.get_total_counts() == 0, communication.get_comm_counts()
    assert y.placements == one.placements == (Shard(sharded),)
    assert [each.placements[0] for each in gradients] == places[: len(asked)]
    local = [each.detach().to_local().requires_grad_() for each in tensors]
    expected = longtail.s4d(*local, mode=mode)
    assert torch.equal(y.detach().to_local(), expected)
    own = torch.autograd.grad(expected, local[: len(asked)], torch.ones_like(expected))
    for mine, theirs in zip(gradients, own, strict=True):
        torch.testing.assert_close(mine.to_local(), theirs)


def test_gradient_of_sharded_batches(fake_processes: int) -> None:
    """Every process has a share of the gradients of coefficients; no data moves."""
    from torch.distributed.tensor import (
        Partial,
        Replicate,
        Shard,
        distribute_tensor,
        init_device_mesh,
    )
    from torch.distributed.tensor.debug import CommDebugMode

    mesh = init_device_mesh("cpu", (4,))
    *tensors, rows, coefficients = calls(torch.float32)["s4d_scan_backward"]
    batched = (0, 1, 2, 7)
    tensors = [torch.cat([t, t]) if k in batched else t for k, t in enumerate(tensors)]
    places = [Shard(0) if k in batched else Replicate() for k in range(8)]
    sharded = [distribute_tensor(t, mesh, [p]) for t, p in zip(tensors, places, strict=True)]
    longtail.s4d(*(distribute_tensor(each, mesh, [Replicate()]) for each in system(1, 1, 1)[:-1]))
    with CommDebugMode() as communication:
        gradients = OPS.s4d_scan_backward(*sharded, rows, coefficients)
    assert communication.get_total_counts() == 0
    own = OPS.s4d_scan_backward(*(each.to_local() for each in sharded), rows, coefficients)
    wanted = [Shard(0), *[Partial()] * 4, Shard(0)]
    for mine, theirs, place in zip(gradients, own, wanted, strict=True):
        assert mine.placements == (place,) and torch.equal(mine.to_local(), theirs)


def test_meta_inference_and_determinism() -> None:
    """The habits of torch's own functions."""
    of = system(2, 3, 50, dtype=torch.float32)
    for mode in MODES:
        y, last = longtail.s4d(
            *(each.to("meta") for each in of[:-1]), return_final_state=True, mode=mode
        )
        assert y.is_meta and y.shape == (2, 2, 50) and last.shape == (2, 2, 3)
    expected = longtail.s4d(*of[:-1])
    with torch.inference_mode():
        assert torch.equal(longtail.s4d(*of[:-1]), expected)
    torch.use_deterministic_algorithms(True)
    try:
        assert torch.equal(longtail.s4d(*of[:-1]), expected)
    finally:
        torch.use_deterministic_algorithms(False)
