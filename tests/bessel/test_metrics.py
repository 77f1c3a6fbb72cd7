"""The measures themselves: right results pass, and each kind of wrong result is seen."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import special

from . import metrics, tables
from .grids import to_dtype
from .oracle import FUNCTIONS, PARTIALS
from .report import summarise

BOUNDS = metrics.bounds("log_bessel_i", (0, 0))


@pytest.fixture(scope="module")
def log_i() -> tables.Table:
    """Committed values of log I."""
    return tables.load("values").column(0)


def test_nearest_doubles_are_perfect(log_i: tables.Table) -> None:
    row = summarise("log_bessel_i", "all", "float64", "-", "committed", log_i, log_i.hi, BOUNDS)
    assert row.max_e1 <= 0.5 and row.worst <= row.bound


def test_neighbours_are_one_ulp_away(log_i: tables.Table) -> None:
    for direction in (-np.inf, np.inf):
        ulps = metrics.errors(np.nextafter(log_i.hi, direction), log_i) / metrics.ulp(log_i.hi)
        assert np.all((ulps > 0.24) & (ulps < 1.51))


def test_scipy_fails_in_the_zero_strip_only(log_i: tables.Table) -> None:
    """SciPy as the implementation: fine on grid B, and the contract sees where it is not."""
    with np.errstate(divide="ignore"):
        scipy = np.log(special.ive(log_i.first, log_i.second)) + log_i.second
    e1 = metrics.e1(metrics.errors(scipy, log_i), log_i.hi)
    finite = np.isfinite(scipy)
    assert np.median(e1[finite & (log_i.grid == "B")]) < 4
    assert np.max(e1[finite & (log_i.grid == "strip")]) > 100
    assert np.all(e1[~finite] == np.inf)


def test_nan_and_wrong_infinities_are_errors() -> None:
    table = tables.Table(
        np.array(["A"] * 4), np.ones(4), np.ones(4), np.array([1.0, np.inf, np.inf, -np.inf]),
        np.zeros(4), np.zeros(4),
    )  # fmt: skip
    error = metrics.errors(np.array([np.nan, np.inf, 1.0, np.inf]), table)
    assert error[0] == np.inf and error[1] == 0 and error[2] > 1e300 and error[3] == np.inf


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
def test_ulp_is_the_distance_to_the_next_number(dtype: str) -> None:
    kind = getattr(torch, dtype)
    numbers = torch.tensor([1.0, 1.5, 3.0, 1e-3, 6e-5, 1e-7, 300.0, 6e4], dtype=kind)
    above = torch.nextafter(numbers, torch.full_like(numbers, torch.inf))
    distance = above.double() - numbers.double()
    np.testing.assert_array_equal(metrics.ulp(numbers.double().numpy(), dtype), distance.numpy())


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_rounding_once(dtype: str) -> None:
    """Numbers of the dtype stay, halves go to even, and a hair above a half goes up."""
    kind = getattr(torch, dtype)
    numbers = torch.tensor([1.0, -1.5, 6e-5, 1e-7, 6e4], dtype=kind)
    below = numbers.double().numpy()
    gap = metrics.ulp(below, dtype)
    np.testing.assert_array_equal(to_dtype(below, dtype), below)
    up = below + np.copysign(gap * (0.5 + 2.0**-20), below)
    np.testing.assert_array_equal(to_dtype(up, dtype), below + np.copysign(gap, below))
    assert to_dtype(np.array([1 + gap[0] / 2]), dtype) == 1
    assert to_dtype(np.array([-1e40]), dtype) == -np.inf


def test_overflow_below_float64() -> None:
    table = tables.Table(*(np.array([each]) for each in ("A", 1.0, 1.0, 7e4, 0.0, 0.0)))
    assert metrics.errors(np.array([np.inf]), table, "float16") == 0
    assert metrics.errors(np.array([65504.0]), table, "float16") == 0
    assert metrics.errors(np.array([-np.inf]), table, "float16") == np.inf
    assert metrics.errors(np.array([60000.0]), table, "float16") > 5000


def test_every_function_and_derivative_has_a_bound() -> None:
    for function in FUNCTIONS:
        point = metrics.Point(function, np.ones(1), np.ones(1), np.full(1, 0.5))
        for partial in PARTIALS:
            bounds = metrics.bounds(function, partial)
            assert bounds
            for name in bounds.keys() - {"median_E1"}:
                assert metrics.measure(name, np.zeros(1), np.ones(1), point) == 0
                assert metrics.measure(name, np.ones(1), np.ones(1), point) > 0.1
    with pytest.raises(ValueError, match="unknown measure"):
        metrics.measure("E3", np.zeros(1), np.ones(1), point)
