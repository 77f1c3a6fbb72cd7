"""-div(a grad u) on boxes by differences of fluxes, in NumPy: what our kernels are judged by.

Nothing of longtail is used here. tests/multigrid/test_contract.py holds it beside matrices that
SciPy puts together point by point.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.fft

Pair = tuple[str, str]


def pair_of(side: str | Pair) -> Pair:
    """(left, right)."""
    return (side, side) if isinstance(side, str) else side


def part(axis: int, where: Any) -> Any:
    """An index along one axis."""
    return (slice(None),) * axis + (where,)


class FluxOracle:
    """A u = what flows out of the volume of each unknown, over that volume.

    Args:
        a: the coefficient where the unknowns are.
        sides: of each axis.
        cell: unknowns at centres of cells, or at vertices.
        spacings: of each axis; None: the unit box.
    """

    def __init__(
        self,
        a: Any,
        sides: Sequence[str | Pair],
        cell: bool,
        spacings: Sequence[float] | None = None,
    ) -> None:
        self.sizes, self.cell = a.shape, cell
        self.pairs = [pair_of(side) for side in sides]
        if spacings is None:
            spacings = [1 / self.intervals(axis) for axis in range(a.ndim)]
        self.spacings = list(spacings)
        self.volumes = np.ones(self.sizes)
        for axis in range(a.ndim):
            for end, side in self.ends(axis):
                if side == "neumann" and not cell:  # half of a volume lies outside
                    self.volumes[part(axis, end)] /= 2
        self.faces = [self._faces(a, axis) for axis in range(a.ndim)]

    def intervals(self, axis: int) -> int:
        """Steps along an axis."""
        n, pair = self.sizes[axis], self.pairs[axis]
        return n if self.cell or pair[0] == "periodic" else n - 1 + pair.count("dirichlet")

    def ends(self, axis: int) -> list[tuple[int, str]]:
        """Index and side."""
        return list(zip((0, -1), self.pairs[axis], strict=True))

    @property
    def singular(self) -> bool:
        """Constants are in the null space."""
        return not any("dirichlet" in pair for pair in self.pairs)

    def _faces(self, a: Any, axis: int) -> Any:
        """What flows through each face for a difference of 1: area, harmonic mean, distance."""
        before, behind = a[part(axis, slice(None, -1))], a[part(axis, slice(1, None))]
        inner = 2 * before * behind / (before + behind)
        first, last = a[part(axis, slice(0, 1))], a[part(axis, slice(-1, None))]
        if self.pairs[axis][0] == "periodic":
            across = 2 * first * last / (first + last)
            outer = [across, across]
        else:
            # Half a cell to the side, or a whole step to the point on it.
            factor = 2.0 if self.cell else 1.0
            outer = [
                value * factor if side == "dirichlet" else 0 * value
                for value, (_, side) in zip((first, last), self.ends(axis), strict=True)
            ]
        faces = np.concatenate([outer[0], inner, outer[1]], axis) / self.spacings[axis] ** 2
        for other in range(a.ndim):  # the area
            for end, side in self.ends(other):
                if other != axis and side == "neumann" and not self.cell:
                    faces[part(other, end)] /= 2
        return faces

    def __call__(self, u: Any) -> Any:
        """A u in float64."""
        u = u.astype(np.float64)
        out = np.zeros(self.sizes)
        for axis, faces in enumerate(self.faces):
            first, last = u[part(axis, slice(0, 1))], u[part(axis, slice(-1, None))]
            if self.pairs[axis][0] != "periodic":
                first, last = np.zeros_like(first), np.zeros_like(last)
                ends = [first, last]
            else:
                ends = [last, first]
            flow = np.diff(np.concatenate([ends[0], u, ends[1]], axis), axis=axis)
            flow *= faces
            out -= np.diff(flow, axis=axis)
        return out / self.volumes

    def without_mean(self, u: Any) -> Any:
        """By volume, where constants are in the null space; u itself elsewhere."""
        if not self.singular:
            return u
        return u - (u * self.volumes).sum() / self.volumes.sum()

    def residual(self, u: Any, f: Any) -> float:
        """||f - A u|| / ||f||."""
        f = self.without_mean(f.astype(np.float64))
        return float(np.linalg.norm(f - self(u)) / np.linalg.norm(f))

    def places(self, axis: int) -> Any:
        """Coordinates of the unknowns of an axis between Dirichlet sides."""
        first = 0.5 if self.cell else 1.0
        return (np.arange(self.sizes[axis]) + first) * self.spacings[axis]

    def solve(self, f: Any) -> Any:
        """The solution of -Laplace u = f between Dirichlet sides, by SciPy's sines."""
        kind = 2 if self.cell else 1
        total = np.zeros(())
        for axis, n in enumerate(self.sizes):
            wave = np.arange(1, n + 1) * np.pi / (2 * self.intervals(axis))
            total = total[..., None] + (2 * np.sin(wave) / self.spacings[axis]) ** 2
        waves = scipy.fft.dstn(f.astype(np.float64), type=kind) / total
        return scipy.fft.idstn(waves, type=kind)


def manufactured(oracle: FluxOracle, seed: int) -> tuple[Any, Any]:
    """A smooth u that is 0 on the sides of the unit box, and -Laplace u: random waves, and a
    product without symmetry."""
    random = np.random.default_rng(seed)
    dims = len(oracle.sizes)
    places = np.meshgrid(*(oracle.places(axis) for axis in range(dims)), indexing="ij")
    u, f = np.zeros(oracle.sizes), np.zeros(oracle.sizes)
    for _ in range(3):
        waves = random.integers(1, 4, dims)
        term = np.full(oracle.sizes, random.standard_normal())
        for wave, x in zip(waves, places, strict=True):
            term = term * np.sin(wave * np.pi * x)
        u += term
        f += np.pi**2 * float((waves**2).sum()) * term
    # exp(x) x (1 - x) along the first axis, x (1 - x) along the others.
    value: list[Callable[[Any], Any]] = [lambda x: np.exp(x) * x * (1 - x)]
    bent: list[Callable[[Any], Any]] = [lambda x: np.exp(x) * (x**2 + 3 * x)]
    value += [lambda x: x * (1 - x)] * (dims - 1)
    bent += [lambda x: 2 + 0 * x] * (dims - 1)
    product = np.ones(oracle.sizes)
    for axis, x in enumerate(places):
        product = product * value[axis](x)
        term = bent[axis](x)
        for other, y in enumerate(places):
            term = term if other == axis else term * value[other](y)
        f += 4 * term
    return u + 4 * product, f
