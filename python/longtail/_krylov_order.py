"""An order of problems in which neighbours are alike, so that what one learnt serves the next."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_NAME = "recycling_order"


def recycling_order(parameters: Tensor, *, method: str = "nearest") -> Tensor:
    """The order in which to solve a sequence of problems with :func:`~longtail.krylov.gcrodr`.

    "nearest" starts at the problem that is farthest from the mean and goes on, each time, to the
    nearest of those left (2-norm of all parameters); it keeps one row of distances, and takes
    ``N^2 P`` operations for N problems of P parameters. "sort" sorts by the parameter or, of
    several, by their first principal component.

    Args:
        parameters: ``[N]`` or ``[N, ...]``: what the problems are made of, such as their
            coefficient fields; real or complex. Scale what is measured in different units.
        method: "nearest" or "sort".

    Returns:
        int64 ``[N]``: a permutation, the same on every run; ties go to the lower index.

    Raises:
        TypeError: parameters is no tensor of numbers.
        ValueError: a 0-dimensional tensor, values that are not finite, or another method.

    Source: Wang et al., "Accelerating Data Generation for Neural Operators via Krylov Subspace
    Recycling", 2024, Algorithm 1.

    Example::

        recycle = None
        for i in longtail.krylov.recycling_order(coefficients).tolist():
            found, recycle = longtail.krylov.gcrodr(system(i), b[i], recycle=recycle)
    """
    points = _points(parameters)
    if method not in ("nearest", "sort"):
        raise ValueError(f"{_NAME}: method: got {method!r}, expected 'nearest' or 'sort'")
    if len(points) < 2 or points.shape[1] == 0:
        return torch.arange(len(points), device=points.device)
    centred = points - points.mean(0)
    return _chain(centred) if method == "nearest" else _line(centred).argsort(stable=True)


def _points(parameters: Any) -> Tensor:
    """float64 ``[N, P]``."""
    if not isinstance(parameters, Tensor):
        raise TypeError(f"{_NAME}: parameters must be a tensor, got {type(parameters).__name__}")
    if parameters.dim() == 0:
        raise ValueError(f"{_NAME}: parameters has shape [], expected [N, ...]")
    points = parameters.detach()
    if points.is_complex():
        points = torch.view_as_real(points.resolve_conj())
    points = points.reshape(len(points), -1 if points.numel() else 0).to(torch.float64)
    if not bool(points.isfinite().all()):
        raise ValueError(f"{_NAME}: parameters has values that are not finite")
    return points


def _line(centred: Tensor) -> Tensor:
    """Coordinates along the first principal component, its largest entry made positive."""
    if centred.shape[1] == 1:
        return centred[:, 0]
    axis = torch.linalg.svd(centred, full_matrices=False).Vh[0]
    return centred @ (axis * axis[axis.abs().argmax()].sign())


def _chain(points: Tensor) -> Tensor:
    """Greedily, from the outside."""
    left = torch.ones(len(points), dtype=torch.bool, device=points.device)
    order = torch.empty(len(points), dtype=torch.int64, device=points.device)
    here = _lowest(-points.square().sum(-1))
    for step in range(len(points)):
        order[step] = here
        left[here] = False
        distances = (points - points[here]).square().sum(-1)
        here = _lowest(torch.where(left, distances, torch.inf))
    return order


def _lowest(values: Tensor) -> Tensor:
    """Index of the least value; of several, the first."""
    return (values == values.amin()).to(torch.uint8).argmax()
