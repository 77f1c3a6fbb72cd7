"""Models of the family over several processes, beside one: what several_processes runs."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, distributed
from torch.nn.parallel import DistributedDataParallel

from longtail.distributed import patch_parallel
from longtail.losses import H1Loss
from longtail.nn import MgNO, MultigridPatching2d
from multigrid.batch_cases import CASES
from multigrid.domain_checks import raises


def _gradients(model: torch.nn.Module) -> dict[str, Tensor]:
    result = {}
    for name, each in model.named_parameters():
        assert each.grad is not None, name
        result[name] = each.grad
    return result


def check_patches() -> None:
    """Results and gradients are those of one process: more patches than processes, and fewer."""
    for levels, batch, stitching in ((1, 2, True), (0, 1, True), (1, 1, False)):
        torch.manual_seed(0)
        model = torch.nn.Sequential(
            torch.nn.Conv2d(2 * (levels + 1), 5, 3, padding=1, padding_mode="circular"),
            torch.nn.GELU(),
            torch.nn.Conv2d(5, 3, 1),
        ).double()
        patching = MultigridPatching2d(model, levels, padding=0.125, stitching=stitching)
        alone = copy.deepcopy(patching)
        x = torch.randn(batch, 2, 16, 24, dtype=torch.float64)
        ours, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
        y, expected = patch_parallel(patching, ours), alone(theirs)
        torch.testing.assert_close(y, expected, rtol=1e-12, atol=1e-13)
        (y**3).mean().backward()
        (expected**3).mean().backward()
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-10, atol=1e-13)
        for mine, whole in zip(
            _gradients(model).values(), _gradients(alone.model).values(), strict=True
        ):
            torch.testing.assert_close(mine, whole, rtol=1e-10, atol=1e-13)
        again = patch_parallel(patching, ours)
        first = torch.autograd.grad((again**2).sum(), ours, create_graph=True)[0]
        with raises(RuntimeError, "once_differentiable"):
            first.sum().backward()
    last = distributed.get_rank() == distributed.get_world_size() - 1
    with raises(ValueError, "the shape of x"):
        patch_parallel(patching, x[..., :16] if last else x)
    with raises(ValueError, "multiples of 4"):
        patch_parallel(patching, x[..., :15] if last else x)


def check_batches() -> None:
    """DTensors with parts of a batch: values and gradients of the whole, put together."""
    from torch.distributed.tensor import (
        DTensor,
        Replicate,
        Shard,
        distribute_tensor,
        init_device_mesh,
    )

    mesh = init_device_mesh("cpu", (distributed.get_world_size(),))
    for name, case in CASES.items():
        whole = [each.requires_grad_() for each in case.tensors(case.batch)]
        parts = [
            distribute_tensor(
                each.detach(), mesh, [Shard(0) if k < case.batched else Replicate()]
            ).requires_grad_()
            for k, each in enumerate(whole)
        ]
        got: Any = case.call(*parts)
        expected = case.call(*whole)
        assert got.placements == (Shard(0),), name
        _near(name, got.full_tensor(), expected)
        factor = torch.cos(torch.arange(expected.numel())).to(expected).view(expected.shape)
        expected.backward(factor)
        got.backward(distribute_tensor(factor, mesh, [Shard(0)]))
        for ours, theirs in zip(parts, whole, strict=True):
            mine, grad = ours.grad, theirs.grad
            assert isinstance(mine, DTensor) and grad is not None
            _near(name, mine.full_tensor(), grad)


def _near(name: str, ours: Tensor, theirs: Tensor) -> None:
    """By the largest number; models are in float32."""
    limit = 5e-6 if name.startswith("Mg") else 1e-8
    error, size = (ours - theirs).abs().max(), theirs.abs().max()
    assert error <= limit * size, (name, float(error), float(size))


def _check_gradients(model: torch.nn.Module, alone: torch.nn.Module, limit: float) -> None:
    """Of all parameters as one vector, relative to its length."""
    ours, theirs = (
        torch.cat([each.flatten() for each in _gradients(of).values()]) for of in (model, alone)
    )
    error, size = float((ours - theirs).norm()), float(theirs.norm())
    assert error <= limit * size, (error, size)


def check_training(file: str) -> None:
    """Each process with its part of the batch: gradients of the whole, weights that stay together,
    and a file that one process loads."""
    rank, count = distributed.get_rank(), distributed.get_world_size()
    torch.manual_seed(3)
    model = MgNO(1, 1, channels=6, layers=2, steps=((1, 0), (1, 1), (2, 0)))
    alone = copy.deepcopy(model)
    a, u = torch.randn(8, 1, 17, 16), torch.randn(8, 1, 17, 16)
    loss_of = H1Loss("dirichlet", "cell")
    mine = slice(rank * 8 // count, (rank + 1) * 8 // count)
    pair = [copy.deepcopy(model).double() for _ in range(2)]
    wide = DistributedDataParallel(pair[0])
    loss_of(wide(a[mine].double()), u[mine].double()).backward()
    loss_of(pair[1](a.double()), u.double()).backward()
    _check_gradients(*pair, 1e-12)
    parallel = DistributedDataParallel(model)
    steps = [torch.optim.Adam(each.parameters(), lr=1e-3) for each in (model, alone)]
    losses = []
    for k in range(4):
        loss = loss_of(parallel(a[mine]), u[mine])
        whole = loss_of(alone(a), u)
        for step in steps:
            step.zero_grad(set_to_none=True)
        loss.backward()
        whole.backward()
        if k == 0:
            _check_gradients(model, alone, 1e-6)
        for step in steps:
            step.step()
        losses.append(float(whole.detach()))
    assert losses[-1] < losses[0], losses
    for ours, other in zip(model.parameters(), alone.parameters(), strict=True):
        torch.testing.assert_close(ours, other, rtol=1e-4, atol=1e-5)
        gathered = [torch.empty_like(ours) for _ in range(count)]
        distributed.all_gather(gathered, ours.detach())
        assert all(torch.equal(each, ours) for each in gathered)
    if rank == 0:
        torch.save(parallel.module.state_dict(), file)
    distributed.barrier()
    loaded = MgNO(1, 1, channels=6, layers=2, steps=((1, 0), (1, 1), (2, 0)))
    loaded.load_state_dict(torch.load(file, weights_only=True))
    assert loaded.trained_size.tolist() == [17, 16]
    assert torch.equal(loaded.eval()(a), model.eval()(a))
