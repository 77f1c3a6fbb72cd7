"""The committed tables of exact results, and tables of fresh points made on the spot.

A table holds the arguments and, for each result (a column per partial derivative or function), the
nearest double `hi`, the rest `lo` and a proven bound of what is left: the exact result lies within
`radius` of hi + lo. On disk `lo` is a float32 in units of ulp(hi), and `radius` its exponent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import grids, oracle

FOLDER = Path(__file__).parent / "golden"
SEED = 20241
NARROW_DTYPES = ("float32", "bfloat16", "float16")
LOGARITHMS = ("log_bessel_i", "log_bessel_k")

Array = NDArray[np.float64]


class Table(NamedTuple):
    """Exact results at points of grids: hi, lo and radius have one column per result."""

    grid: NDArray[np.str_]
    first: Array
    second: Array
    hi: Array
    lo: Array
    radius: Array

    def column(self, index: int) -> Table:
        """The table with that one result, as one-dimensional arrays."""
        return self._replace(
            hi=self.hi[:, index], lo=self.lo[:, index], radius=self.radius[:, index]
        )


def value_table(n: int, seed: int) -> Table:
    """log I and log K at n points of every grid."""
    return _tabulate(
        lambda grid: grids.points(grid, n, seed),
        lambda v, x: [oracle.value(name, v, x) for name in LOGARITHMS],
    )


def jet_table(function: str, n: int, seed: int) -> Table:
    """One function and its derivatives (oracle.PARTIALS) at n points of every grid."""
    return _tabulate(
        lambda grid: grids.inputs(function, grid, n, seed),
        lambda first, second: list(oracle.jet(function, first, second)),
    )


def narrow_table(function: str, dtype: str, n: int, seed: int) -> Table:
    """One function at about n points of every grid that `dtype` represents."""
    return _tabulate(
        lambda grid: grids.narrow_inputs(function, grid, n, seed, dtype),
        lambda first, second: [oracle.value(function, first, second)],
    )


def _tabulate(points_of, results_at) -> Table:
    rows: list[tuple[float, float, list[tuple[float, float, float]]]] = []
    names: list[str] = []
    for grid in grids.GRIDS:
        for first, second in zip(*(each.tolist() for each in points_of(grid)), strict=True):
            rows.append((first, second, [oracle.split(r) for r in results_at(first, second)]))
            names.append(grid)
    results = np.array([row[2] for row in rows])
    return Table(
        np.array(names),
        np.array([row[0] for row in rows]),
        np.array([row[1] for row in rows]),
        *(results[:, :, part] for part in range(3)),
    )


def save(path: Path, table: Table) -> int:
    """Writes a table in its compact form; returns the size of the file in bytes."""
    unit = _unit(table.hi)
    lo = (table.lo / unit).astype(np.float32)
    left = np.abs(table.lo - lo.astype(np.float64) * unit) + table.radius
    exponent = np.frexp(np.maximum(left, np.finfo(np.float64).smallest_subnormal))[1]
    np.savez_compressed(
        path,
        grid=np.array([list(grids.GRIDS).index(name) for name in table.grid], np.uint8),
        first=table.first,
        second=table.second,
        hi=table.hi,
        lo=lo,
        radius=exponent.astype(np.int16),
    )
    return path.stat().st_size


def load(name: str) -> Table:
    """A committed table, such as "values" or "jets_matern" or "float16_matern"."""
    with np.load(FOLDER / f"{name}.npz") as stored:
        hi = stored["hi"]
        return Table(
            np.array(list(grids.GRIDS))[stored["grid"]],
            stored["first"],
            stored["second"],
            hi,
            stored["lo"].astype(np.float64) * _unit(hi),
            np.ldexp(1.0, stored["radius"].astype(np.int64)),
        )


def _unit(hi: Array) -> Array:
    """ulp(hi), 1 where hi is infinite."""
    return np.where(np.isfinite(hi), np.spacing(np.abs(np.where(np.isfinite(hi), hi, 1))), 1.0)


def names() -> Iterable[str]:
    """The committed tables."""
    return sorted(path.stem for path in FOLDER.glob("*.npz"))


def concatenate(tables: Sequence[Table]) -> Table:
    """The points of several tables with the same columns."""
    return Table(*(np.concatenate(parts) for parts in zip(*tables, strict=True)))
