"""Expectation and maximisation of a von Mises-Fisher mixture, block by block of rows.

Two matrix products an iteration do nearly all the work: rows times means for the log densities,
responsibilities times rows for the sums. They run in the dtype of the rows; every sum over blocks
and every function of the concentrations is float64. Where float32 would show (very concentrated
components) the blocks are widened to float64 as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from longtail.distributions._fit import solve_concentration
from longtail.distributions._normaliser import psi
from longtail.distributions._sphere import log_sphere_area, row_norm

# Bytes of rows a block: about the L2 cache, so that the second product finds the rows there;
# on a GPU large enough to fill it.
_BLOCK_BYTES = {"cpu": 1 << 20}
_BLOCK_BYTES_DEVICE = 1 << 26
# Also fewer rows than a sum that torch would split over threads, changing its last bits.
_BLOCK_ROWS = 1 << 14
# Beyond these, float32 products leave an error of 1e-3 in a log density, or 1e-5 relative in a
# concentration: then blocks are widened.
_WIDEN_ABOVE = 2e4
_WIDEN_ABOVE_PER_DIMENSION = 50.0
# A component that explains less than this share of the rows is empty: it keeps its place.
_EMPTY = 1e-12


class Components(NamedTuple):
    """The parameters of a mixture, float64."""

    weights: Tensor  # [K], sum 1
    means: Tensor  # [K, p], unit rows
    concentrations: Tensor  # [K]


class Statistics(NamedTuple):
    """What maximisation needs of the data, float64."""

    log_likelihood: Tensor  # scalar: the mean over rows
    counts: Tensor  # [K]: sum of responsibilities
    sums: Tensor  # [K, p]: sum of responsibilities times rows


class Scores(NamedTuple):
    """Log densities of the components, weight included, as one affine function of the rows."""

    directions: Tensor  # [K, p]: concentration times mean
    offsets: Tensor  # [K], of the working dtype: relative to `base`
    base: Tensor  # scalar float64, to be added to every log density

    @classmethod
    def of(cls, components: Components, rows: Tensor) -> Scores:
        """Return the scores in the dtype that these rows and concentrations need."""
        p = rows.shape[-1]
        weights, means, k = components
        # log w + psi - k (1 - t) - log S = k t + (log w + psi - k) - log S.
        offsets = torch.log(weights) + psi(p, k) - k
        base = offsets.amax()
        limit = min(_WIDEN_ABOVE, _WIDEN_ABOVE_PER_DIMENSION * p)
        widen = rows.dtype == torch.float64 or bool((k > limit).any())
        dtype = torch.float64 if widen else torch.float32
        return cls(
            (k.unsqueeze(-1) * means).to(dtype),
            (offsets - base).to(dtype),
            base - log_sphere_area(p),
        )

    def __call__(self, block: Tensor) -> Tensor:
        """Return log densities minus base. # [rows, K]"""
        return torch.addmm(self.offsets, block, self.directions.mT)


def blocks(rows: Tensor, dtype: torch.dtype) -> Iterator[Tensor]:
    """Yield the rows in blocks of a size that depends only on their shape, dtype and device."""
    row_bytes = rows.shape[-1] * rows.element_size()
    size = _BLOCK_BYTES.get(rows.device.type, _BLOCK_BYTES_DEVICE) // row_bytes
    size = min(max(size, 64), _BLOCK_ROWS)
    for block in rows.split(size):
        if block.dtype != dtype:
            # Concentrated components see the float32 rounding of a row's norm: divide it out.
            block = block.to(dtype)
            block = block / row_norm(block).unsqueeze(-1)
        yield block


def expectation(rows: Tensor, components: Components) -> Statistics:
    """Return the mean log-likelihood and the sums weighted by responsibility."""
    scores = Scores.of(components, rows)
    statistics = Accumulator(rows, len(components.weights))
    for block in blocks(rows, scores.offsets.dtype):
        log_density = scores(block)
        best, where = log_density.max(dim=1, keepdim=True)
        responsibility = torch.softmax(log_density, dim=1)
        # log sum exp = best - log(responsibility of the best), which is at least 1/K.
        log_likelihood = best - torch.log(responsibility.gather(1, where))
        statistics.add(block, responsibility, log_likelihood)
    return statistics.result(scores.base)


class Accumulator:
    """Sums over blocks, in float64."""

    def __init__(self, rows: Tensor, components: int) -> None:
        n, p = rows.shape
        self.n = n
        self.counts = torch.zeros(components, dtype=torch.float64, device=rows.device)
        self.sums = torch.zeros(components, p, dtype=torch.float64, device=rows.device)
        self.total = torch.zeros((), dtype=torch.float64, device=rows.device)

    def add(self, block: Tensor, responsibility: Tensor, score: Tensor) -> None:
        """Add a block: rows [b, p], responsibilities [b, K], scores summed as they are."""
        self.counts += responsibility.sum(0, dtype=torch.float64)
        self.sums += responsibility.mT @ block
        self.total += score.sum(dtype=torch.float64)

    def result(self, base: Tensor | float) -> Statistics:
        """Return the statistics; base is added to the mean score."""
        return Statistics(self.total / self.n + base, self.counts, self.sums)


def maximisation(
    statistics: Statistics, previous: Components, max_concentration: float
) -> Components:
    """Return the components of highest expected log-likelihood.

    Each is the fit of its weighted rows; the log-likelihood is concave in the concentration, so
    the limit is the optimum where it binds, and no step lowers the likelihood. An empty
    component keeps mean and concentration.
    """
    _, counts, sums = statistics
    total = counts.sum()
    norms = torch.linalg.vector_norm(sums, dim=-1)
    filled = (counts > _EMPTY * total) & (norms > 0)
    length = torch.where(filled, norms / torch.where(filled, counts, 1.0), 0.0)
    # Rounding leaves 1e-16 in 1 - R where all rows of a component are equal.
    versine = (1 - length).clamp_min(2**-53)
    concentrations = solve_concentration(
        sums.shape[-1], 1 - versine, versine, max_concentration=max_concentration
    )
    means = sums / torch.where(filled, norms, 1.0).unsqueeze(-1)
    return Components(
        counts / total,
        torch.where(filled.unsqueeze(-1), means, previous.means),
        torch.where(filled, concentrations, previous.concentrations),
    )


def climb(
    rows: Tensor,
    start: Components,
    *,
    tol: float,
    max_iterations: int,
    max_concentration: float,
    report: Callable[[int, float], None],
) -> tuple[Components, list[float], bool]:
    """Run EM from a start; return the components, the log-likelihoods and whether it settled.

    The last log-likelihood is that of the components returned; report gets each as it comes.
    """
    components = start
    statistics = expectation(rows, components)
    history = [statistics.log_likelihood.item()]
    for iteration in range(1, max_iterations + 1):
        candidate = maximisation(statistics, components, max_concentration)
        statistics = expectation(rows, candidate)
        reached = statistics.log_likelihood.item()
        report(iteration, reached)
        gain = reached - history[-1]
        if gain < 0:
            # Exact EM cannot lose: what is left to gain is below the rounding of the rows.
            return components, history, True
        components = candidate
        history.append(reached)
        if gain <= tol:
            return components, history, True
    return components, history, False
