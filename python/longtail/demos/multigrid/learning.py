"""Operators that learn from a to u in so many CPU seconds each, taking turns."""

from __future__ import annotations

import dataclasses
import math
import time
import warnings
from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from longtail.demos.multigrid.data import Pairs
from longtail.losses import H1Loss
from longtail.nn import FNO2d, MgNO

MGNO, FNO = "MgNO", "FNO2d"
MEAN, NEAREST = "mean of the training u", "u of the nearest a"
#: Samples in a batch, and the share of the time in which the rate rises; then it falls.
BATCH, RISE = 10, 0.3
#: The largest rate of each, of 2e-3, 3e-3, 6e-3 and 1.2e-2 the best on this test that does not
#: diverge: with 6e-3 MgNO does, where time is short, for two starts of three.
RATES = {MGNO: 3e-3, FNO: 1.2e-2}
#: Batches between two turns.
TURN = 20


class Learnt(NamedTuple):
    """A trained operator: its predictions of the test, their errors, and how it got there."""

    network: nn.Module
    predicted: Tensor
    errors: Tensor
    seconds: float
    epochs: float

    @property
    def error(self) -> float:
        """The mean relative L2 error."""
        return float(self.errors.mean())


def relative(found: Tensor, expected: Tensor) -> Tensor:
    """|found - expected| / |expected| of each sample."""
    difference = (found - expected).flatten(1).norm(dim=1)
    return difference / expected.flatten(1).norm(dim=1)


def baselines(train: Pairs, test: Pairs) -> dict[str, Tensor]:
    """Predictions of the test without any learning."""
    nearest = torch.cdist(test.x.flatten(1), train.x.flatten(1)).argmin(1)
    return {
        MEAN: train.y.mean(0, keepdim=True).expand_as(test.y),
        NEAREST: train.y[nearest],
    }


def networks(seed: int) -> dict[str, nn.Module]:
    """Both, each with a seed of its own."""
    torch.manual_seed(seed)
    mgno = MgNO(1, 1, channels=24, layers=3, steps=((1, 0), (1, 0), (2, 0)))
    torch.manual_seed(seed)
    return {MGNO: mgno, FNO: FNO2d(8, 1, 1, 24)}


@dataclasses.dataclass
class Learner:
    """A network in training, for a number of CPU seconds."""

    network: nn.Module
    train: Pairs
    rate: float
    budget: float
    seed: int
    used: float = 0.0
    batches: int = 0

    def __post_init__(self) -> None:
        """The optimiser, and the order of the samples."""
        self.scale = float(self.train.y.std())
        self.loss = H1Loss("dirichlet", "cell")
        self.optimiser = torch.optim.Adam(
            self.network.parameters(), lr=self.rate, weight_decay=1e-4
        )
        self.generator = torch.Generator().manual_seed(self.seed)
        self.order: list[Tensor] = []

    @property
    def done(self) -> float:
        """The share of the time that is spent."""
        return min(1.0, self.used / self.budget)

    def turn(self) -> None:
        """Some batches, fewer where the time is over."""
        for _ in range(TURN):
            if self.done >= 1:
                return
            start = time.process_time()
            self._step()
            self.used += time.process_time() - start
            self.batches += 1

    def _step(self) -> None:
        if not self.order:
            order = torch.randperm(len(self.train.x), generator=self.generator)
            self.order = list(order.split(BATCH))
        rows = self.order.pop()
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate * wave(self.done)
        found = self.network(self.train.x[rows])
        loss = self.loss(found, self.train.y[rows] / self.scale)
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()

    @torch.no_grad()
    def predict(self, x: Tensor) -> Tensor:
        """u of a."""
        self.network.eval()
        result: Tensor = self.scale * self.network(x)
        self.network.train()
        return result

    def learnt(self, test: Pairs) -> Learnt:
        """As it is now."""
        predicted = self.predict(test.x)
        epochs = self.batches * BATCH / len(self.train.x)
        errors = relative(predicted, test.y)
        return Learnt(self.network, predicted, errors, self.used, epochs)


def wave(done: float) -> float:
    """The rate over the largest, by the share of the time: half a cosine up, half a one down."""
    if done < RISE:
        return 0.5 - 0.5 * math.cos(math.pi * (done + 0.01) / (RISE + 0.01))
    return 0.5 + 0.5 * math.cos(math.pi * (done - RISE) / (1 - RISE))


def learn(
    made: Mapping[str, nn.Module],
    train: Pairs,
    budget: float,
    seed: int,
    on_turn: Callable[[dict[str, Learner]], None],
) -> dict[str, Learner]:
    """Whoever has used the least time goes on, until all have used `budget` CPU seconds."""
    learners = {
        name: Learner(network, train, RATES[name], budget, seed) for name, network in made.items()
    }
    while any(each.done < 1 for each in learners.values()):
        min(learners.values(), key=lambda each: each.used).turn()
        on_turn(learners)
    return learners


def elsewhere(learner: Learner, other: Pairs) -> float:
    """The mean relative error on grids of another size, which MgNO warns of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return float(relative(learner.predict(other.x), other.y).mean())
