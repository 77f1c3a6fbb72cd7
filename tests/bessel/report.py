"""One line of the accuracy table: the errors of one function on one grid, dtype and CPU level."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from . import metrics
from .oracle import PARTIALS
from .tables import Table

HEADER = (
    f"{'function':20} {'grid':8} {'dtype':9} {'level':7} {'points':>6} {'max E1':>9} {'max E2':>9} "
    f"{'median':>8}  {'measure':12} {'largest':>9} {'bound':>7}  at (first, second)"
)


class Row(NamedTuple):
    """Errors in E1 and E2 (with the eps of the dtype), and in the contract's own measure."""

    name: str
    grid: str
    dtype: str
    level: str
    source: str
    points: int
    max_e1: float
    max_e2: float
    median_e1: float
    measure: str
    worst: float
    bound: float
    at: tuple[float, float]

    def __str__(self) -> str:
        return (
            f"{self.name:20} {self.grid:8} {self.dtype:9} {self.level:7} {self.points:6} "
            f"{self.max_e1:9.3g} {self.max_e2:9.3g} {self.median_e1:8.2g}  {self.measure:12} "
            f"{self.worst:9.3g} {self.bound:7.3g}  ({self.at[0]:.17g}, {self.at[1]:.17g})"
            + (" fresh" if self.source == "fresh" else "")
        )


def summarise(
    function: str,
    grid: str,
    dtype: str,
    level: str,
    source: str,
    table: Table,
    result: np.ndarray,
    bounds: dict[str, float],
    partial: tuple[int, int] = PARTIALS[0],
) -> Row:
    """The row of `result`, with the measure of `bounds` that comes closest to its bound."""
    exact = table if table.hi.ndim == 1 else table.column(PARTIALS.index(partial))
    point = metrics.point_of(function, table)
    error = metrics.errors(result, exact, dtype)
    eps = float(metrics.ulp(np.ones(1), dtype)[0])
    e1 = metrics.e1(error, exact.hi, eps)
    # Each measure's name, its worst point and largest value; a median has no point of its own.
    found: list[tuple[str, int, float]] = []
    for name in bounds:
        if name == "median_E1":
            found.append((name, int(np.argmax(e1)), float(np.median(e1))))
            continue
        if dtype == "float64":
            values = metrics.measure(name, error, exact.hi, point)
        else:
            values = metrics.narrow_ulps(error, exact.hi, dtype)
        found.append((name, int(np.argmax(values)), float(np.max(values))))
    name, at, worst = max(found, key=lambda each: each[2] / bounds[each[0]])
    derivative = "" if partial == PARTIALS[0] else " d" + "a" * partial[0] + "b" * partial[1]
    return Row(
        function + derivative,
        grid,
        dtype,
        level,
        source,
        len(error),
        float(np.max(e1)),
        float(np.max(metrics.e2(error, exact.hi, point.v, point.x, eps))),
        float(np.median(e1)),
        name,
        worst,
        bounds[name],
        (float(table.first[at]), float(table.second[at])),
    )


def short(rows: Iterable[Row]) -> list[Row]:
    """One row for each function, dtype and level: the worst grid in the contract's measure."""
    worst: dict[tuple[str, str, str], Row] = {}
    for row in rows:
        key = (row.name, row.dtype, row.level)
        if key not in worst or row.worst / row.bound > worst[key].worst / worst[key].bound:
            worst[key] = row
    return list(worst.values())
