"""Losses between fields on grids: Sobolev norms of any order, and H1 with sides that are known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from longtail._autocast import autocast_off

__all__ = ["H1Loss", "SobolevLoss"]

REDUCTIONS = ("mean", "sum", "none")
SIDES = ("dirichlet", "neumann")


def _check_choice(name: str, argument: str, value: Any, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(
            f"{name}: {argument} is {value!r}, expected one of {', '.join(map(repr, choices))}"
        )


def _check_fields(name: str, prediction: Any, target: Any, dims: int) -> torch.dtype:
    """The dtype to compute in."""
    for argument, field in (("prediction", prediction), ("target", target)):
        if not isinstance(field, Tensor):
            raise TypeError(f"{name}: {argument} must be a Tensor, got {type(field).__name__}")
        if not field.dtype.is_floating_point:
            raise TypeError(f"{name}: {argument} has dtype {field.dtype}, expected a floating one")
    if prediction.shape != target.shape:
        raise ValueError(
            f"{name}: prediction has shape {list(prediction.shape)} and target "
            f"{list(target.shape)}, expected the same"
        )
    if target.dim() <= dims or 0 in target.shape[-dims:]:
        raise ValueError(
            f"{name}: prediction has shape {list(prediction.shape)}, expected [N, ..., *grid] with "
            f"a grid of {dims} axes of at least one point"
        )
    wide = torch.promote_types(prediction.dtype, target.dtype)
    return torch.promote_types(wide, torch.float32)


def _reduced(norms: Tensor, of_target: Tensor | None, reduction: str) -> Tensor:
    if of_target is not None:
        norms = norms / of_target.clamp_min(torch.finfo(norms.dtype).tiny)
    if reduction == "none":
        return norms
    return norms.mean() if reduction == "mean" else norms.sum()


def _sizes(name: str, argument: str, value: Any, dims: int) -> tuple[float, ...]:
    sizes = (value,) * dims if isinstance(value, (int, float)) else tuple(value)
    if len(sizes) != dims or any(not 0 < each < math.inf for each in sizes):
        raise ValueError(
            f"{name}: {argument} is {value!r}, expected a positive number or {dims} of them"
        )
    return tuple(float(each) for each in sizes)


class SobolevLoss(nn.Module):
    """``|(alpha - Laplacian)^(order / 2) (prediction - target)|`` on a periodic box.

    In Fourier space: ``(sum over k of (alpha + sum of (2 pi k_i / L_i)^2)^order |e_k|^2)^(1/2)``
    with ``e_k = 1 / n sum over x of e exp(-2 pi i k x)``, the mean square at order 0. Negative
    orders weigh smooth errors more; order -1 is the norm that residuals are measured in. One norm
    for each sample, over all that is behind the first axis.

    Source: Cao et al., "Spectral-Refiner: Accurate Fine-Tuning of Spatiotemporal Fourier Neural
    Operator for Turbulent Flows", 2025 (order -1, alpha 0.1).

    Args:
        order: any number.
        alpha: positive where the order is not.
        dims: the last so many axes are the grid: 1, 2 or 3.
        length: of the box, or one for each axis.
        relative: whether norms are divided by those of the target.
        reduction: "mean" or "sum" over samples, or "none".

    Shape: two tensors ``[N, ..., *grid]`` to ``[]``, or ``[N]``. Computed in float32 or wider.
    """

    def __init__(
        self,
        order: float = -1,
        alpha: float = 0.1,
        *,
        dims: int = 2,
        length: float | Sequence[float] = 1.0,
        relative: bool = True,
        reduction: str = "mean",
    ) -> None:
        super().__init__()
        if not (isinstance(order, (int, float)) and math.isfinite(order)):
            raise ValueError(f"SobolevLoss: order is {order!r}, expected a number")
        least = alpha >= 0 if order >= 0 else alpha > 0
        if not (least and alpha < math.inf):
            raise ValueError(
                f"SobolevLoss: alpha is {alpha!r}, expected a positive number (or 0 with an order "
                "from 0 on)"
            )
        if dims not in (1, 2, 3):
            raise ValueError(f"SobolevLoss: dims is {dims!r}, expected 1, 2 or 3")
        _check_choice("SobolevLoss", "reduction", reduction, REDUCTIONS)
        self.order, self.alpha, self.dims = float(order), float(alpha), dims
        self.length = _sizes("SobolevLoss", "length", length, dims)
        self.relative, self.reduction = bool(relative), reduction

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        dtype = _check_fields("SobolevLoss", prediction, target, self.dims)
        with autocast_off(target.device):
            target = target.to(dtype)
            norms = self._norm(prediction.to(dtype) - target)
            of_target = self._norm(target) if self.relative else None
            return _reduced(norms, of_target, self.reduction)

    def _norm(self, e: Tensor) -> Tensor:
        if e.numel() == 0:  # of no samples, which torch's FFT does not take
            return e.flatten(1).sum(1)
        axes = tuple(range(-self.dims, 0))
        z = torch.fft.rfftn(e, dim=axes, norm="forward")
        return torch.linalg.vector_norm(
            (torch.view_as_real(z) * self._weights(e).unsqueeze(-1)).flatten(1), dim=1
        )

    def _weights(self, e: Tensor) -> Tensor:
        """Of each frequency that the transform keeps; those that stand for two, times sqrt(2)."""
        square = torch.zeros((), dtype=torch.float64, device=e.device)
        sizes = e.shape[-self.dims :]
        for axis, (n, length) in enumerate(zip(sizes, self.length, strict=True)):
            k = torch.arange(n, device=e.device)
            k = torch.minimum(k, n - k).to(torch.float64)
            if axis == self.dims - 1:
                k = k[: n // 2 + 1]
            frequency = (2 * math.pi / length * k).square()
            square = square.unsqueeze(-1) + frequency
        last = sizes[-1]
        column = torch.arange(last // 2 + 1, device=e.device)
        twice = 2.0 - ((column == 0) | (2 * column == last)).to(torch.float64)
        symbol = self.alpha + square
        return (symbol.pow(self.order / 2) * twice.sqrt()).to(e.dtype)

    def extra_repr(self) -> str:
        """As printed."""
        return f"order={self.order:g}, alpha={self.alpha:g}, relative={self.relative}"


Boundary = str | Sequence[tuple[str, str]]


class H1Loss(nn.Module):
    """``(|e|^2 + |grad e|^2)^(1/2)`` of ``e = prediction - target``, by differences that know what
    lies at each side.

    Derivatives are differences of neighbours, on the face between them. A Dirichlet side, on which
    e is 0, is a neighbour too: a grid of vertices lacks its points, so there is one more face a
    side, ``(e_1 - 0) / h``; on a grid of cells it lies half a cell away, ``(e_1 - 0) / (h / 2)`` on
    half a face. Neumann sides have no face beyond; the outermost points of a grid of vertices lie
    on them, and weigh half. Differences that take no notice of Dirichlet sides leave errors there
    unseen.

    Args:
        boundary: "dirichlet", "neumann" or "periodic", or for each axis a pair (left, right) of the
            first two or ("periodic", "periodic").
        grid: "vertex" (a Dirichlet side has no points of its own, a Neumann side has) or "cell".
        dims: the last so many axes are the grid: 1, 2 or 3.
        spacing: h, or one for each axis; None: those of a unit box.
        relative: whether norms are divided by those of the target, which is taken to be 0 on
            Dirichlet sides as well.
        reduction: "mean" or "sum" over samples, or "none".

    Shape: two tensors ``[N, ..., *grid]`` to ``[]``, or ``[N]``: one norm for each sample, over
    all that is behind the first axis. Computed in float32 or wider.
    """

    def __init__(
        self,
        boundary: Boundary = "dirichlet",
        grid: str = "vertex",
        *,
        dims: int = 2,
        spacing: float | Sequence[float] | None = None,
        relative: bool = True,
        reduction: str = "mean",
    ) -> None:
        super().__init__()
        if dims not in (1, 2, 3):
            raise ValueError(f"H1Loss: dims is {dims!r}, expected 1, 2 or 3")
        _check_choice("H1Loss", "grid", grid, ("vertex", "cell"))
        _check_choice("H1Loss", "reduction", reduction, REDUCTIONS)
        sides = ((boundary, boundary),) * dims if isinstance(boundary, str) else tuple(boundary)
        if len(sides) != dims or any(not _known(pair) for pair in sides):
            raise ValueError(
                f"H1Loss: boundary is {boundary!r}, expected 'dirichlet', 'neumann', 'periodic' or "
                f"{dims} pairs (left, right) of the first two or of 'periodic' twice"
            )
        self.sides = tuple((left, right) for left, right in sides)
        self.grid, self.dims = grid, dims
        self.spacing = None if spacing is None else _sizes("H1Loss", "spacing", spacing, dims)
        self.relative, self.reduction = bool(relative), reduction

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        dtype = _check_fields("H1Loss", prediction, target, self.dims)
        target = target.to(dtype)
        norms = self._norm(prediction.to(dtype) - target)
        of_target = self._norm(target) if self.relative else None
        return _reduced(norms, of_target, self.reduction)

    def _norm(self, e: Tensor) -> Tensor:
        spacing = self.spacing or tuple(
            self._unit_spacing(n, pair)
            for n, pair in zip(e.shape[-self.dims :], self.sides, strict=True)
        )
        volume = math.prod(spacing)
        parts = [self._weighted(e)]
        for axis, (h, pair) in enumerate(zip(spacing, self.sides, strict=True)):
            along = axis - self.dims
            parts += [part / h for part in self._differences(e, along, pair)]
        norms = [torch.linalg.vector_norm(part.flatten(1), dim=1) for part in parts]
        return torch.linalg.vector_norm(torch.stack(norms), dim=0) * math.sqrt(volume)

    def _unit_spacing(self, points: int, pair: tuple[str, str]) -> float:
        if self.grid == "cell" or pair[0] == "periodic":
            return 1 / points
        gaps = points - 1 + sum(side == "dirichlet" for side in pair)
        if gaps < 1:
            raise ValueError(
                f"H1Loss: an axis between Neumann sides has {points} point, expected at least 2 of "
                "a grid of vertices, or a spacing"
            )
        return 1 / gaps

    def _weighted(self, e: Tensor, but: int | None = None) -> Tensor:
        """With the square root of each point's share of its cell, along all axes but one."""
        if self.grid == "cell":
            return e
        for axis, pair in enumerate(self.sides):
            along = axis - self.dims
            if along == but or "neumann" not in pair:
                continue
            shares = torch.ones(e.shape[along], dtype=e.dtype, device=e.device)
            ends = torch.zeros_like(shares, dtype=torch.bool)
            for at, side in ((0, pair[0]), (e.shape[along] - 1, pair[1])):
                if side == "neumann":
                    ends = ends | (torch.arange(e.shape[along], device=e.device) == at)
            shares = torch.where(ends, math.sqrt(0.5), shares)
            e = e * shares.view(-1, *(1 for _ in range(-along - 1)))
        return e

    def _differences(self, e: Tensor, along: int, pair: tuple[str, str]) -> list[Tensor]:
        """On all faces across an axis, times h, each with the square root of its share."""
        e = self._weighted(e, but=along)
        n = e.shape[along]
        if pair[0] == "periodic":
            return [torch.roll(e, -1, along) - e]
        # Half a cell: twice the slope, on half of the length.
        factor = math.sqrt(2.0) if self.grid == "cell" else 1.0
        parts = [e.narrow(along, 1, n - 1) - e.narrow(along, 0, n - 1)]
        for at, side in ((0, pair[0]), (n - 1, pair[1])):
            if side == "dirichlet":
                parts.append(e.narrow(along, at, 1) * factor)
        return parts

    def extra_repr(self) -> str:
        """As printed."""
        return f"{self.sides}, grid={self.grid!r}, relative={self.relative}"


def _known(pair: Any) -> bool:
    if isinstance(pair, str) or len(pair) != 2:
        return False
    return all(side in SIDES for side in pair) or tuple(pair) == ("periodic", "periodic")
