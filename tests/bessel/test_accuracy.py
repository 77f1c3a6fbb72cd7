"""The accuracy contract: every function and derivative, grid, dtype and CPU level against Arb.

``pytest tests/bessel -k accuracy`` prints the whole table. ``-m full`` adds a fresh seed, drawn
from the clock or LONGTAIL_SEED, with as many points as the committed tables.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
import pytest
import torch

from kit.levels import LEVELS

from . import metrics, tables
from .compute import Job, run
from .golden.make import JETS, NARROW, VALUES
from .grids import GRIDS, to_dtype
from .oracle import FUNCTIONS, PARTIALS
from .report import Row, summarise

VALUE = PARTIALS[0]
DTYPES = ("float64", *tables.NARROW_DTYPES)
SOURCES = ("committed", pytest.param("fresh", marks=pytest.mark.full))


@cache
def fresh_seed() -> int:
    return int(os.environ.get("LONGTAIL_SEED", time.time_ns() % 10**9))


@cache
def value_table(function: str, dtype: str, source: str) -> tables.Table:
    """Exact values of one function at points of one dtype, as one column."""
    if dtype != "float64":
        if source == "committed":
            return tables.load(f"{dtype}_{function}").column(0)
        return tables.narrow_table(function, dtype, NARROW, fresh_seed()).column(0)
    jets = jet_table(function, source).column(0)
    if function not in tables.LOGARITHMS:
        return jets
    return tables.concatenate([jets, logarithms(source).column(tables.LOGARITHMS.index(function))])


@cache
def logarithms(source: str) -> tables.Table:
    if source == "committed":
        return tables.load("values")
    return tables.value_table(VALUES, fresh_seed())


@cache
def jet_table(function: str, source: str) -> tables.Table:
    if source == "committed":
        return tables.load(f"jets_{function}")
    return tables.jet_table(function, JETS, fresh_seed())


@cache
def results(level: str, source: str) -> dict[tuple[str, tuple[int, int], str], np.ndarray]:
    """All that this file needs of one CPU level, in one process: by function, partial, dtype."""
    jobs = []
    for function in FUNCTIONS:
        for dtype in DTYPES:
            table = value_table(function, dtype, source)
            jobs.append(Job(function, VALUE, dtype, table.first, table.second))
        table = jet_table(function, source)
        for partial in PARTIALS[1:]:
            jobs.append(Job(function, partial, "float64", table.first, table.second))
    outputs = run(jobs, level)
    return {job[:3]: output for job, output in zip(jobs, outputs, strict=True)}


@pytest.fixture(params=LEVELS)
def level(request: pytest.FixtureRequest) -> str:
    """A CPU level that this machine and build have."""
    from longtail import _native

    available = _native.available_cpu_levels()
    if request.param not in available:
        pytest.skip(f"this CPU, or this build, has only {', '.join(available)}")
    return str(request.param)


Recorder = Callable[[str, object], None]


def check(rows: list[Row], bounds: dict[str, float], record_property: Recorder) -> None:
    """Puts the rows into the table of this run and fails on those above the contract."""
    record_property("accuracy", [row._asdict() for row in rows])
    broken = [row for row in rows if not row.worst <= row.bound]
    assert not broken, f"above the contract {bounds}:\n" + "\n".join(map(str, broken))


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_accuracy_of_values(
    function: str, dtype: str, level: str, source: str, record_property: Recorder
) -> None:
    table = value_table(function, dtype, source)
    got = results(level, source)[function, VALUE, dtype]
    bounds = metrics.bounds(function, VALUE, dtype)
    median = {name: bounds.pop(name) for name in list(bounds) if name == "median_E1"}
    rows = [
        summarise(function, grid, dtype, level, source, part, result, bounds)
        for grid, part, result in by_grid(table, got)
    ]
    if median:
        rows.append(summarise(function, "all", dtype, level, source, table, got, median))
    check(rows, bounds, record_property)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("partial", PARTIALS[1:], ids=str)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_accuracy_of_derivatives(
    function: str, partial: tuple[int, int], level: str, source: str, record_property: Recorder
) -> None:
    table = jet_table(function, source)
    got = results(level, source)[function, partial, "float64"]
    bounds = metrics.bounds(function, partial)
    row = summarise(function, "all", "float64", level, source, table, got, bounds, partial)
    check([row], bounds, record_property)


@pytest.mark.parametrize("dtype", tables.NARROW_DTYPES)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_accuracy_of_narrow_derivatives(function: str, dtype: str) -> None:
    """Below float64 they are the float64 derivatives, rounded once."""
    from .compute import evaluate

    table = value_table(function, dtype, "committed")
    for partial in PARTIALS[1:]:
        narrow = evaluate(Job(function, partial, dtype, table.first, table.second))
        wide = evaluate(Job(function, partial, "float64", table.first, table.second))
        np.testing.assert_array_equal(narrow, to_dtype(wide, dtype))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_ufunc_has_the_bits_of_the_torch_op(function: str) -> None:
    import longtail

    table = value_table(function, "float64", "committed")
    ufunc = getattr(longtail.special, function)
    op = getattr(longtail, function)
    expected = op(torch.from_numpy(table.first), torch.from_numpy(table.second))
    np.testing.assert_array_equal(ufunc(table.first, table.second), expected.numpy())


def by_grid(
    table: tables.Table, result: np.ndarray
) -> Iterator[tuple[str, tables.Table, np.ndarray]]:
    """The rows of each grid, with their results."""
    for grid in GRIDS:
        rows = table.grid == grid
        yield grid, tables.Table(*(part[rows] for part in table)), result[rows]
