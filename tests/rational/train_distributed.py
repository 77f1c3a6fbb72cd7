"""``python -m rational.train_distributed ddp|fsdp``: models on two gloo processes against one.

Each process sees half of the batch; gradients, and parameters after steps of SGD, must be those of
one process with the whole batch.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, distributed, nn

from kit.gloo import run_together
from longtail.nn import AFKANLinear, KANLinear, PolyNorm, PolyReLU
from rational.small_kat import batch, small

STEPS = 3


def mixed() -> nn.Sequential:
    """Every module of the family that is not in a KAT."""
    return nn.Sequential(
        nn.Flatten(),
        KANLinear(64, 12, "bspline"),
        PolyNorm(),
        KANLinear(12, 12, "relu_window"),
        PolyReLU(),
        AFKANLinear(12, 12),
        KANLinear(12, 10, "mexican_hat"),
    )


MODELS: dict[str, Callable[[], nn.Module]] = {"KAT": small, "mixed": mixed}


def _model(name: str) -> nn.Module:
    torch.manual_seed(0)
    return MODELS[name]().double()


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
    """FSDP2: every block or layer by itself, then the rest."""
    from torch.distributed.fsdp import fully_shard
    from torch.distributed.tensor import DTensor, init_device_mesh

    mesh = init_device_mesh("cpu", (2,))
    parts = model if isinstance(model, nn.Sequential) else model.blocks
    for part in parts:
        fully_shard(part, mesh=mesh)
    fully_shard(model, mesh=mesh)
    for parameter in model.parameters():
        assert isinstance(parameter, DTensor)
        assert parameter.to_local().shape[0] <= (parameter.shape[0] + 1) // 2
    return model


WRAPPERS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "ddp": wrapped_in_ddp,
    "fsdp": fully_sharded,
}


def compare_all(how: str) -> None:
    for name in MODELS:
        compare(how, name)


def compare(how: str, model: str) -> None:
    rank, (images, labels) = distributed.get_rank(), batch(12)
    alone = _model(model)
    expected = _steps(alone, images, labels)
    together = WRAPPERS[how](_model(model))
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
    print(f"rank {rank}: {how}, {model}, {len(expected)} parameters", flush=True)


if __name__ == "__main__":
    run_together(2, compare_all, sys.argv[1])
