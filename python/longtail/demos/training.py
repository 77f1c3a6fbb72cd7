"""Training of several networks on the same batches, taking turns so that times compare."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from longtail.demos import measuring


class Task(NamedTuple):
    """Inputs and classes, to train on and to test with."""

    x: Tensor
    y: Tensor
    test_x: Tensor
    test_y: Tensor

    @classmethod
    def split(cls, x: Tensor, y: Tensor, each: int) -> Task:
        """Every `each`-th example for the test, the others to train on: x [n, ...], y [n]."""
        tests = torch.arange(len(x)) % each == each - 1
        return cls(x[~tests], y[~tests], x[tests], y[tests])


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Attributes:
        epochs, batch: how often it sees the examples, and how many of them at once.
        rate: the largest learning rate.
        rise: the share of the steps over which the rate rises from 0; then it falls to 0 again.
    """

    epochs: int
    batch: int
    rate: float
    rise: float = 0.0

    def rate_at(self, step: int, steps: int) -> float:
        """The learning rate of one of so many steps; linear up and linear down."""
        done = (step + 1) / (steps + 1)
        up, down = done / self.rise if self.rise else 1.0, (1 - done) / (1 - self.rise)
        return self.rate * min(up, down)


@dataclasses.dataclass
class Run:
    """A trained network, its share of right answers on the test, and CPU seconds of each epoch."""

    network: nn.Module
    accuracy: float
    seconds: list[float]


def times(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """How many times as long ours take: the median over epochs that were run one after the other,
    so that the machine's load meets both."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def adam(network: nn.Module, rate: float) -> torch.optim.Optimizer:
    """Adam on what requires a gradient."""
    wanted = [each for each in network.parameters() if each.requires_grad]
    return torch.optim.Adam(wanted, lr=rate, fused=True)


def train(
    networks: Mapping[str, nn.Module],
    task: Task,
    recipe: Recipe,
    seed: int,
    on_epoch: Callable[[int], None] | None = None,
    optimiser: Callable[[nn.Module, float], torch.optim.Optimizer] = adam,
) -> dict[str, Run]:
    """Train every network on the same batches; each epoch is run by one after another.

    `on_epoch(epoch)` is called when all have done an epoch. `optimiser(network, rate)` may give
    groups of parameters rates of their own; they rise and fall together.
    """
    generator = torch.Generator().manual_seed(seed)
    optimisers = {name: optimiser(network, recipe.rate) for name, network in networks.items()}
    shares = {
        name: [group["lr"] / recipe.rate for group in each.param_groups]
        for name, each in optimisers.items()
    }
    seconds: dict[str, list[float]] = {name: [] for name in networks}
    steps = -(-len(task.x) // recipe.batch)
    for epoch in range(recipe.epochs):
        batches = torch.randperm(len(task.x), generator=generator).split(recipe.batch)
        for name, network in networks.items():
            start = measuring.clock()
            for number, rows in enumerate(batches, epoch * steps):
                rate = recipe.rate_at(number, recipe.epochs * steps)
                for group, share in zip(optimisers[name].param_groups, shares[name], strict=True):
                    group["lr"] = rate * share
                optimisers[name].zero_grad()
                functional.cross_entropy(network(task.x[rows]), task.y[rows]).backward()
                optimisers[name].step()
            seconds[name].append(measuring.clock() - start)
        if on_epoch is not None:
            on_epoch(epoch)
    return {
        name: Run(network, accuracy(network, task), seconds[name])
        for name, network in networks.items()
    }


def accuracy(network: nn.Module, task: Task) -> float:
    """The share of the test examples whose class has the largest output."""
    network.eval()
    with torch.inference_mode():
        right = network(task.test_x).argmax(-1) == task.test_y
    return float(right.to(torch.float64).mean())
