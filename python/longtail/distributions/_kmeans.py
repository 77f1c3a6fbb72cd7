"""Where EM starts: k-means++ on the sphere, then a few rounds of spherical k-means.

The distance of unit vectors is their versine 1 - x.y, half the squared chord, so this is
Euclidean k-means++ unchanged. [D. Arthur, S. Vassilvitskii, SODA 2007; I. Dhillon, D. Modha,
Machine Learning 42 (2001) 143]
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from longtail.distributions._em import Accumulator, Components, Statistics, blocks
from longtail.distributions._fit import solve_concentration

_ROUNDS = 10


def start_components(
    rows: Tensor,
    n_components: int,
    *,
    means: Tensor | None,
    max_concentration: float,
    generator: torch.Generator | None,
) -> Components:
    """Return components around k-means clusters (or given means), of one pooled concentration.

    A pooled concentration, because a cluster of a row or two has no dispersion of its own and
    would start, and stay, as a spike.
    """
    if means is None:
        means = _lloyd(rows, _plus_plus(rows, n_components, generator))
    statistics, _ = _assign(rows, means.to(rows.dtype))
    norms = torch.linalg.vector_norm(statistics.sums, dim=-1)
    length = (norms.sum() / rows.shape[0]).clamp(0.0, 1 - 2**-53)
    pooled = solve_concentration(
        rows.shape[-1], length, 1 - length, max_concentration=max_concentration
    )
    # An empty cluster starts as if it held one row, not with weight 0, which would last.
    counts = statistics.counts.clamp_min(1.0)
    return Components(
        counts / counts.sum(),
        _centres(statistics, means.double()),
        pooled.expand(n_components).clone(),
    )


def _plus_plus(rows: Tensor, n_components: int, generator: torch.Generator | None) -> Tensor:
    """Choose rows far apart: each next one with probability proportional to its distance.

    Of a few candidates the one that lowers the sum of distances most is taken. # [K, p]
    """
    n = rows.shape[0]
    trials = min(2 + int(math.log(n_components)), n)
    chosen = [torch.randint(n, (1,), device=rows.device, generator=generator)]
    nearest = _distance(rows, rows[chosen[0]]).squeeze(1)
    for _ in range(1, n_components):
        # The largest weight / Exp(1) falls on a row with probability proportional to its weight.
        race = nearest / torch.empty_like(nearest).exponential_(generator=generator)
        candidates = race.topk(trials).indices
        reached = torch.minimum(nearest.unsqueeze(1), _distance(rows, rows[candidates]))
        best = reached.sum(0, dtype=torch.float64).argmin()
        chosen.append(candidates[best].unsqueeze(0))
        nearest = reached[:, best].contiguous()
    return rows[torch.cat(chosen)]


def _distance(rows: Tensor, centres: Tensor) -> Tensor:
    """Return the versines of rows and centres, at least 0. # [n, K]"""
    return (1 - rows @ centres.mT).clamp_min(0.0)


def _lloyd(rows: Tensor, means: Tensor) -> Tensor:
    """Run spherical k-means; an empty cluster moves to the row farthest from its mean."""
    previous = -math.inf
    for _ in range(_ROUNDS):
        statistics, nearness = _assign(rows, means)
        means = _centres(statistics, means.double()).to(rows.dtype)
        empty = (statistics.counts == 0).nonzero().squeeze(-1)
        if empty.numel():
            means[empty] = rows[nearness.topk(empty.numel(), largest=False).indices]
        similarity = statistics.log_likelihood.item()
        if empty.numel() == 0 and similarity - previous <= 1e-4 * (1 - similarity):
            break
        previous = similarity
    return means


def _assign(rows: Tensor, means: Tensor) -> tuple[Statistics, Tensor]:
    """Assign each row to its nearest mean; return counts, sums, mean cosine, and cosines."""
    statistics = Accumulator(rows, len(means))
    nearness = []
    for block in blocks(rows, rows.dtype):
        cosine, label = (block @ means.mT).max(dim=1)
        statistics.add(block, one_hot(label, len(means)).to(block.dtype), cosine)
        nearness.append(cosine)
    return statistics.result(0.0), torch.cat(nearness)


def _centres(statistics: Statistics, fallback: Tensor) -> Tensor:
    """Return the mean directions of the clusters, the fallback where there is none."""
    norms = torch.linalg.vector_norm(statistics.sums, dim=-1, keepdim=True)
    return torch.where(norms > 0, statistics.sums / norms.clamp_min(1e-300), fallback)
