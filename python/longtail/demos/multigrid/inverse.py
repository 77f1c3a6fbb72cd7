"""A medium that is not known, what is read of the pressure in it, and the fit by gradients."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from longtail.data import GaussianRandomField
from longtail.multigrid import diffusion_solve

#: Where water is pumped in, (down, right) in the unit square, and how wide each well is.
WELLS = ((0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75), (0.5, 0.5))
WIDTH = 0.08
#: The share of points that are read, and the noise in terms of each well's readings.
SHARE, NOISE = 0.05, 0.01
#: ln a of the two phases.
PHASES = (0.0, math.log(4.0))
#: Iterations of L-BFGS between two looks at the error.
AT_ONCE = 10


class Survey(NamedTuple):
    """What is known of a medium: pressures [wells, points] at some points, with the standard
    deviation [wells, 1] of their noise. `truth` is ln a [n, n], for the comparison only."""

    truth: Tensor
    sources: Tensor
    pressures: Tensor
    at: Tensor
    readings: Tensor
    deviation: Tensor

    def misfit(self, log_a: Tensor) -> Tensor:
        """Mean square of the differences between computed and read, in standard deviations."""
        u = diffusion_solve(log_a.exp(), self.sources).solution
        return ((u.flatten(1)[:, self.at] - self.readings) / self.deviation).square().mean()

    def error(self, log_a: Tensor) -> float:
        """|ln a - truth| over that of the best constant."""
        best = self.truth - self.truth.mean()
        return float((log_a.detach() - self.truth).norm() / best.norm())


class Kind(NamedTuple):
    """A kind of medium, and what is assumed of it.

    Attributes:
        title: in words.
        alpha: of a Gaussian random field: larger is smoother.
        field: from that, standardised, to ln a.
        power: of the spectrum that the unknowns are scaled by.
        penalty: of the unknowns z and of ln a; added to half the sum of squares of the misfit.
        assumed: the penalty in words.
    """

    title: str
    alpha: float
    field: Callable[[Tensor], Tensor]
    power: float
    penalty: Callable[[Tensor, Tensor], Tensor]
    assumed: str


def total_variation(log_a: Tensor) -> Tensor:
    """The integral of |grad ln a|, rounded off where it is 0; on a unit square."""
    down = log_a[1:, :-1] - log_a[:-1, :-1]
    right = log_a[:-1, 1:] - log_a[:-1, :-1]
    return (down.square() + right.square() + 1e-4).sqrt().sum() / len(log_a)


SMOOTH = Kind(
    "A smooth medium",
    3.0,
    lambda g: g,
    1.5,
    lambda z, log_a: 0.5 * z.square().sum(),
    "a Gaussian field with the spectrum that the truth was drawn from",
)
TWO_PHASES = Kind(
    "A medium of two phases",
    2.0,
    lambda g: torch.where(g >= 0, PHASES[1], PHASES[0]),
    0.5,
    lambda z, log_a: 300 * total_variation(log_a),
    "300 times the total variation: few jumps, of any height",
)


def survey(kind: Kind, n: int, seed: int) -> Survey:
    """A medium of that kind, and readings with noise. Pressures are computed on a grid twice as
    fine, so that what recovers the medium does not know its own error."""
    random = GaussianRandomField((2 * n, 2 * n), alpha=kind.alpha)
    g = random.sample(1, seed=seed)[0] / (random.standard_deviation or 1.0)
    log_a = kind.field(g).to(torch.float64)
    fine = diffusion_solve(log_a.exp(), wells(2 * n)).solution
    u = functional.avg_pool2d(fine[:, None], 2)[:, 0]
    generator = torch.Generator().manual_seed(seed)
    at = torch.randperm(n * n, generator=generator)[: round(SHARE * n * n)]
    clean = u.flatten(1)[:, at]
    deviation = NOISE * clean.std(1, keepdim=True)
    noise = torch.randn(clean.shape, generator=generator, dtype=torch.float64)
    truth = functional.avg_pool2d(log_a[None], 2)[0]
    return Survey(truth, wells(n), u, at, clean + deviation * noise, deviation)


def wells(n: int) -> Tensor:
    """A source for each well: [wells, n, n]."""
    x = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    down, right = (torch.tensor(each, dtype=torch.float64) for each in zip(*WELLS, strict=True))
    square = (x[:, None] - down[:, None, None]).square() + (x - right[:, None, None]).square()
    return torch.exp(-square / (2 * WIDTH**2))


class Waves:
    """ln a as a sum of cosines, each unknown scaled by how large its wave is expected to be: then
    all matter alike, and L-BFGS takes fewer steps."""

    def __init__(self, n: int, power: float) -> None:
        k = torch.arange(n, dtype=torch.float64)
        x = (k + 0.5) / n
        self.cosines = torch.cos(math.pi * x[:, None] * k)
        self.cosines[:, 1:] *= math.sqrt(2.0)
        # tau = 3 as in GaussianRandomField: waves longer than 1 / 3 are alike.
        size = (math.pi**2 * (k[:, None].square() + k.square()) + 9) ** -power
        self.size = size / size.norm()

    def __call__(self, z: Tensor, mean: Tensor) -> Tensor:
        """ln a [n, n] of the unknowns z [n, n] and their mean."""
        return mean + self.cosines @ (self.size * z) @ self.cosines.T


class Look(NamedTuple):
    """How far a fit had come: gradients so far, misfit, and error."""

    gradients: int
    misfit: float
    error: float


class Fit(NamedTuple):
    """ln a [n, n] that was found, and the way there."""

    log_a: Tensor
    way: list[Look]


def fit(kind: Kind, known: Survey, rounds: int, on_look: Callable[[Look], None]) -> Fit:
    """From a constant, a = 1, by L-BFGS on half the squared misfit and the penalty."""
    n = len(known.truth)
    waves = Waves(n, kind.power)
    z = torch.zeros(n, n, dtype=torch.float64, requires_grad=True)
    mean = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [z, mean], max_iter=AT_ONCE, history_size=20, line_search_fn="strong_wolfe"
    )
    count, misfit = 0, float(known.misfit(torch.zeros_like(known.truth)))

    def objective() -> Tensor:
        nonlocal count, misfit
        optimiser.zero_grad()
        log_a = waves(z, mean)
        squares = known.misfit(log_a)
        total = 0.5 * known.readings.numel() * squares + kind.penalty(z, log_a)
        total.backward()
        count, misfit = count + 1, float(squares.detach())
        return total.detach()

    way = [Look(0, misfit, known.error(torch.zeros_like(known.truth)))]
    for _ in range(rounds):
        optimiser.step(objective)
        way.append(Look(count, misfit, known.error(waves(z, mean))))
        on_look(way[-1])
    return Fit(waves(z, mean).detach(), way)


class Check(NamedTuple):
    """The gradient against finite differences, and what each costs.

    Attributes:
        difference: of both, relative, the largest of a few directions.
        solve, gradient: CPU seconds of a misfit, and of a misfit with its gradient.
    """

    difference: float
    solve: float
    gradient: float


def check(known: Survey, directions: int = 3, step: float = 1e-4) -> Check:
    """Along random directions of ln a, from a constant: central differences."""
    generator = torch.Generator().manual_seed(0)
    log_a = torch.zeros_like(known.truth, requires_grad=True)
    torch.autograd.grad(known.misfit(log_a), log_a)  # libraries are loaded
    start = time.process_time()
    (gradient,) = torch.autograd.grad(known.misfit(log_a), log_a)
    gradient_seconds = time.process_time() - start
    differences, solve_seconds = [], []
    with torch.no_grad():
        for _ in range(directions):
            along = torch.randn(log_a.shape, generator=generator, dtype=torch.float64)
            start = time.process_time()
            up, down = known.misfit(log_a + step * along), known.misfit(log_a - step * along)
            solve_seconds.append((time.process_time() - start) / 2)
            expected = float(up - down) / (2 * step)
            found = float((gradient * along).sum())
            differences.append(abs(found - expected) / abs(expected))
    return Check(max(differences), min(solve_seconds), gradient_seconds)
