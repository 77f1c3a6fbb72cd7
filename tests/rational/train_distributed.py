"""``python -m rational.train_distributed ddp|fsdp``: a small KAT on two gloo processes against one.

Each process sees half of the batch; gradients, and parameters after steps of SGD, must be those of
one process with the whole batch.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from typing import Any

import torch
import torch.multiprocessing
from torch import Tensor, distributed, nn

from rational.small_kat import batch, small

STEPS = 3


def _model() -> nn.Module:
    torch.manual_seed(0)
    return small().double()


def _steps(model: nn.Module, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """Steps of SGD; the first step's gradients."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    first: dict[str, Tensor] = {}
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss_in_float64(model, images, labels).backward()
        if not first:
            first = {name: _whole(p.grad).clone() for name, p in model.named_parameters()}
        optimizer.step()
    return first


def loss_in_float64(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """As loss_of, in float64: two halves add up to the whole to the last digits."""
    return nn.functional.cross_entropy(model(images.double()), labels)


def _whole(value: Any) -> Tensor:
    return value.full_tensor() if hasattr(value, "full_tensor") else value


def wrapped_in_ddp(model: nn.Module) -> nn.Module:
    return nn.parallel.DistributedDataParallel(model)


def fully_sharded(model: Any) -> nn.Module:
    """FSDP2: every block by itself, then the rest."""
    from torch.distributed.fsdp import fully_shard
    from torch.distributed.tensor import DTensor, init_device_mesh

    mesh = init_device_mesh("cpu", (2,))
    for block in model.blocks:
        fully_shard(block, mesh=mesh)
    fully_shard(model, mesh=mesh)
    coefficients = model.blocks[0].mlp.act2.denominator
    assert isinstance(coefficients, DTensor) and coefficients.to_local().shape == (4, 4)
    return model


WRAPPERS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "ddp": wrapped_in_ddp,
    "fsdp": fully_sharded,
}


def process(rank: int, store: str, how: str) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
    images, labels = batch(12)
    alone = _model()
    expected = _steps(alone, images, labels)
    together = WRAPPERS[how](_model())
    gradients = _steps(together, images[rank * 6 :][:6], labels[rank * 6 :][:6])
    assert len(gradients) == len(expected)
    for name, gradient in expected.items():
        got = gradients.get(name, gradients.get(f"module.{name}"))
        torch.testing.assert_close(got, gradient, rtol=1e-9, atol=1e-12, msg=name)
        assert gradient.abs().max() > 0, name
    moved = dict(together.named_parameters())
    for name, parameter in alone.named_parameters():
        got = _whole(moved.get(name, moved.get(f"module.{name}")))
        torch.testing.assert_close(got, parameter, rtol=1e-9, atol=1e-12, msg=name)
    state = {name: value.clone() for name, value in together.state_dict().items()}
    together.load_state_dict(state)  # shards where it is sharded
    with torch.no_grad():
        torch.testing.assert_close(together(images.double()), alone(images.double()))
    print(f"rank {rank}: {how}, {len(expected)} parameters", flush=True)
    distributed.barrier()  # nobody leaves while the other still talks
    distributed.destroy_process_group()
    os._exit(0)  # as in kit/two_processes.py: without static destructors beside gloo's threads


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(process, (os.path.join(folder, "store"), sys.argv[1]), nprocs=2)
