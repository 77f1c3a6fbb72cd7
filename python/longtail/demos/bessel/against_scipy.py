"""Part 5: log I and log K, speed and error, beside the logarithm of SciPy's scaled functions."""

from __future__ import annotations

import importlib.resources
import json
import math
import statistics
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

import longtail
from longtail.demos import Finding, Stage, measuring
from longtail.demos.measuring import Bar
from longtail.report import Fact, Figure, Table, Text
from longtail.report import figures as draw

Array = npt.NDArray[np.float64]

SEED = 5
REPEATS = 5
EPS = 2.0**-52


class Grid(NamedTuple):
    """Orders and arguments drawn log-uniformly; in D the argument is relative to the dimension."""

    name: str
    order: tuple[float, float]
    argument: tuple[float, float]
    what: str


GRIDS = (
    Grid("A", (1e-3, 20), (1e-3, 50), "small orders"),
    Grid("B", (1, 200), (1e-2, 700), "orders to 200"),
    Grid("C", (200, 1e5), (1, 1e6), "large orders"),
    Grid("D", (64, 32768), (0.01, 50), "dimensions 64 to 32768"),
)


def draw_points(grid: Grid, n: int, seed: int = SEED) -> tuple[Array, Array]:
    """(v, x): two float64 arrays [n]. In grid D v = p/2 - 1 and x is 0.01 p to 50 p."""
    rng = np.random.default_rng(seed)
    v = log_uniform(rng, grid.order, n)
    x = log_uniform(rng, grid.argument, n)
    if grid.name == "D":
        p = np.rint(v)
        return p / 2 - 1, x * p
    return v, x


def log_uniform(rng: np.random.Generator, bounds: tuple[float, float], n: int) -> Array:
    """n numbers between the bounds whose logarithms are uniform."""
    low, high = np.log(bounds).tolist()
    return np.exp(rng.uniform(low, high, n))


def scipy_log_i(v: Array, x: Array) -> Array:
    """log I_v(x) by way of SciPy's I_v(x) exp(-x): -inf where that underflows."""
    from scipy import special

    with np.errstate(divide="ignore"):
        log: Array = np.log(special.ive(v, x))
        return log + x


def scipy_log_k(v: Array, x: Array) -> Array:
    """log K_v(x) by way of SciPy's K_v(x) exp(x): inf where that overflows."""
    from scipy import special

    with np.errstate(divide="ignore"):
        log: Array = np.log(special.kve(v, x))
        return log - x


class Pair(NamedTuple):
    """One function by longtail and by SciPy; `key` names it in reference.json."""

    key: str
    name: str
    ours: Callable[..., torch.Tensor]
    rival: Callable[[Array, Array], Array]


class Cell(NamedTuple):
    """What one function gave on one grid."""

    pair: Pair
    grid: Grid
    ours_ns: float
    rival_ns: float
    finite: float  # share of the points where SciPy's result is finite
    ours_finite: float  # the same of longtail
    ours_error: float  # largest E1 over the reference points
    rival_error: float  # the same where SciPy is finite; nan if it nowhere is

    @property
    def ratio(self) -> float:
        """How many times as long SciPy takes."""
        return self.rival_ns / self.ours_ns


def run(stage: Stage) -> Finding:
    """Time both on the points where SciPy is finite, and measure both against Arb."""
    n = 20_000 if stage.quick else 200_000
    pairs = (
        Pair("i", "log I", longtail.log_bessel_i, scipy_log_i),
        Pair("k", "log K", longtail.log_bessel_k, scipy_log_k),
    )
    cells = []
    with (
        measuring.one_thread(),
        stage.console.step("against SciPy, 1 thread", 2 * len(GRIDS)) as step,
    ):
        for pair in pairs:
            for grid in GRIDS:
                cells.append(measure(pair, grid, n))
                step.advance()
                step.note(f"{pair.name}, grid {grid.name}: {cells[-1].ratio:.0f}x")
    ours, rival = (
        statistics.median(each) for each in zip(*((c.ours_ns, c.rival_ns) for c in cells))
    )
    lost = min(cells, key=lambda cell: cell.finite)
    return Finding(
        today=[
            Fact(f"{rival:.0f} ns", "a value of log I or log K by SciPy, the median"),
            Fact(
                f"{1 - lost.finite:.0%}",
                f"of {lost.pair.name} not finite by SciPy, {lost.grid.what}",
            ),
        ],
        ours=[
            Fact(f"{ours:.0f} ns", "a value of log I or log K, the median"),
            Fact(
                f"{1 - lost.ours_finite:.0%}",
                f"of {lost.pair.name} not finite by longtail, the same points",
            ),
        ],
        pictures=[_bars(cells)],
        bars=bars(cells, whole=not stage.quick),
        details=[
            Text(
                f"Float64, CPU time of one thread, {n} points a cell, both on the points where "
                f"SciPy's result is finite; medians of {REPEATS} interleaved runs. E1 is the error "
                "in units of eps max(1, |result|), the largest over reference points computed by "
                "Arb."
            ),
            Table(
                (
                    "Function",
                    "Grid",
                    "longtail, ns",
                    "SciPy, ns",
                    "Ratio",
                    "SciPy finite",
                    "E1, longtail",
                    "E1, SciPy",
                ),
                [_row(cell) for cell in cells],
            ),
        ],
    )


def bars(cells: Sequence[Cell], *, whole: bool) -> list[Bar]:
    """What was set beforehand; the times of the quick run are not held to it."""
    worst = max(cell.ours_error for cell in cells)
    error = Bar("largest error, in eps of max(1, |result|)", worst, 4, at_most=True)
    if not whole:
        return [error]
    ratio = statistics.median(cell.ratio for cell in cells)
    return [Bar("SciPy's time over ours, median of the cells", ratio, 25), error]


def _row(cell: Cell) -> tuple[str, ...]:
    rival_error = "—" if math.isnan(cell.rival_error) else f"{cell.rival_error:.3g}"
    return (
        cell.pair.name,
        f"{cell.grid.name}, {cell.grid.what}",
        f"{cell.ours_ns:.1f}",
        f"{cell.rival_ns:.0f}",
        f"{cell.ratio:.1f}",
        f"{cell.finite:.1%}",
        f"{cell.ours_error:.2f}",
        rival_error,
    )


def measure(pair: Pair, grid: Grid, n: int) -> Cell:
    """One cell of the table: both providers interleaved, on the same points."""
    v, x = draw_points(grid, n)
    keep = np.isfinite(pair.rival(v, x))
    finite = float(keep.mean())
    all_ours = pair.ours(torch.from_numpy(v), torch.from_numpy(x))
    ours_finite = float(all_ours.isfinite().to(torch.float64).mean())
    # The same number of points in every cell: those that are finite, repeated as needed.
    index = np.resize(np.flatnonzero(keep), n)
    v, x = v[index], x[index]
    v_tensor, x_tensor = torch.from_numpy(v), torch.from_numpy(x)
    out = torch.empty_like(x_tensor)
    ours, rival = [], []
    for _ in range(REPEATS):
        ours.append(_seconds(lambda: pair.ours(v_tensor, x_tensor, out=out)))
        rival.append(_seconds(lambda: pair.rival(v, x)))
    ours_error, rival_error = errors(pair, grid)
    scale = 1e9 / n
    return Cell(
        pair,
        grid,
        statistics.median(ours) * scale,
        statistics.median(rival) * scale,
        finite,
        ours_finite,
        ours_error,
        rival_error,
    )


def _seconds(work: Callable[[], object]) -> float:
    start = measuring.clock()
    work()
    return measuring.clock() - start


def errors(pair: Pair, grid: Grid) -> tuple[float, float]:
    """Largest E1 of longtail and of SciPy (where finite) over the reference points of a cell."""
    content = importlib.resources.files("longtail.demos.bessel").joinpath("reference.json")
    points = json.loads(content.read_text("utf-8"))[pair.key][grid.name]
    v, x, high, low = (np.array(column) for column in zip(*points, strict=True))
    scale = EPS * np.maximum(1, np.abs(high))
    ours = pair.ours(torch.from_numpy(v), torch.from_numpy(x)).numpy()
    rival = pair.rival(v, x)
    usable = np.isfinite(rival)
    of_ours = np.abs((ours - high) - low) / scale
    of_rival = (np.abs((rival - high) - low) / scale)[usable]
    return float(of_ours.max()), float(of_rival.max()) if usable.any() else math.nan


def _bars(cells: Sequence[Cell]) -> Figure:
    labels = [f"{cell.pair.name}, {cell.grid.name}" for cell in cells]
    places = np.arange(len(cells))
    with draw.drawing(5.4, 3.8) as drawn:
        ax = drawn.ax
        ax.barh(places - 0.2, [c.ours_ns for c in cells], 0.38, color=draw.OURS, label="longtail")
        ax.barh(places + 0.2, [c.rival_ns for c in cells], 0.38, color=draw.RIVAL, label="SciPy")
        ax.set_yticks(places, labels)
        ax.invert_yaxis()
        draw.logarithmic(ax, 10)
        ax.set_xlabel("ns an element, one thread (logarithmic)")
        ax.grid(axis="y", visible=False)
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, 1.14), ncols=2)
    return drawn.figure(
        "Time an element. Points where SciPy overflows or underflows are left out for both.",
        "Bars of nanoseconds an element by function and grid.",
    )
