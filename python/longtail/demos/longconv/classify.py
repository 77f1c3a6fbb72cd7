"""Long measured series, and the networks that say what they are of."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from longtail.demos import data, training
from longtail.demos.training import Recipe, Run, Task
from longtail.nn import S4D, LongConv, SequenceModel, SGConv, ssm_parameter_groups

STATE_SPACE, STRUCTURED, FREE, NONE = "S4D", "SGConv", "LongConv", "no convolution"

#: dt, A and B of an S4D learn slower than all else.
SSM_RATE = 1e-3


class Mixed(nn.Module):
    """A convolution, or none, with what an S4D layer has behind it."""

    def __init__(self, channels: int, convolution: nn.Module) -> None:
        super().__init__()
        self.convolution = convolution
        self.mix = nn.Conv1d(channels, 2 * channels, 1)

    def forward(self, u: Tensor) -> Tensor:
        """[B, H, L] to [B, H, L]."""
        return functional.glu(self.mix(functional.gelu(self.convolution(u))), 1)


class Series(NamedTuple):
    """A data set, and how networks are trained on it.

    Attributes:
        title: what the series are of.
        told: what is told apart.
        read: TRAIN or TEST to rows [n, L] and classes [n].
        width, layers: of the networks.
        whole, quick: recipes, chosen by S4D's results.
        names: of the networks that the demo trains.
    """

    title: str
    told: str
    read: Callable[[str], tuple[Tensor, Tensor]]
    width: int
    layers: int
    whole: Recipe
    quick: Recipe
    names: tuple[str, ...] = (STATE_SPACE, STRUCTURED, FREE, NONE)

    def task(self) -> Task:
        """Each row less its mean, over its deviation: [n, L, 1]. The halves are the data set's."""
        (x, y), (test_x, test_y) = self.read("TRAIN"), self.read("TEST")
        return Task(standardised(x), y, standardised(test_x), test_y)


APPLIANCES = Series(
    "Power that ten kinds of appliances draw (ACSF1)",
    "appliances told by their power",
    data.appliances,
    width=32,
    layers=1,
    whole=Recipe(epochs=60, batch=10, rate=1e-2, rise=0.3),
    quick=Recipe(epochs=8, batch=10, rate=2e-2, rise=0.3),
    # LongConv is never the best of them, and the demo has a minute.
    names=(STATE_SPACE, STRUCTURED, NONE),
)
PIGS = Series(
    "Venous pressure of 52 pigs (PigCVP)",
    "pigs told by their pulse",
    data.pigs,
    width=16,
    layers=2,
    whole=Recipe(epochs=25, batch=8, rate=2e-2, rise=0.3),
    quick=Recipe(epochs=10, batch=8, rate=2e-2, rise=0.3),
    # From two rows of each pig LongConv, with a parameter a tap, gains 0.07 to 0.19 only.
    names=(STATE_SPACE, NONE),
)


def standardised(rows: Tensor) -> Tensor:
    """Of mean 0 and variance 1 each, [n, L] to [n, L, 1]."""
    rows = rows - rows.mean(1, keepdim=True)
    return (rows / rows.std(1, keepdim=True).clamp(min=1e-6))[..., None]


def networks(series: Series, task: Task, seed: int) -> dict[str, nn.Module]:
    """One network for each kind of layer; all else about them is the same."""
    length, classes = task.x.shape[1], int(task.y.max()) + 1
    kinds: dict[str, Callable[[int], nn.Module]] = {
        STATE_SPACE: S4D,
        STRUCTURED: lambda width: Mixed(width, SGConv(width, length, kernel_dim=16)),
        FREE: lambda width: Mixed(width, LongConv(width, length)),
        NONE: lambda width: Mixed(width, nn.Identity()),
    }
    made: dict[str, nn.Module] = {}
    for name, layer in kinds.items():
        torch.manual_seed(seed)
        made[name] = SequenceModel(1, classes, series.width, series.layers, layer=layer, pool=True)
    return made


def train(
    series: Series,
    recipe: Recipe,
    seed: int,
    names: tuple[str, ...] | None = None,
    on_epoch: Callable[[int], None] | None = None,
) -> dict[str, Run]:
    """Train the networks of those names; None: of `series.names`."""
    task = series.task()
    made = networks(series, task, seed)
    chosen = {name: made[name] for name in (series.names if names is None else names)}
    return training.train(chosen, task, recipe, seed, on_epoch, optimiser)


def optimiser(network: nn.Module, rate: float) -> torch.optim.Optimizer:
    """AdamW with a rate of its own for state spaces."""
    return torch.optim.AdamW(ssm_parameter_groups(network, rate, ssm_lr=SSM_RATE), fused=True)


def gain(runs: dict[str, Run], name: str) -> float:
    """Right answers of a network over those without a convolution."""
    return runs[name].accuracy - runs[NONE].accuracy
