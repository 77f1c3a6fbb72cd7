"""How far a result is from the exact one, in the measures of csrc/bessel/contract.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .grids import FORMATS
from .oracle import PARTIALS
from .tables import Table

Array = NDArray[np.float64]

EPS = 2.0**-52
CONTRACT: dict[str, Any] = json.loads(
    Path(__file__).parents[2].joinpath("csrc/bessel/contract.json").read_text()
)


class Point(NamedTuple):
    """What a measure may ask for beside the exact result itself."""

    function: str
    v: Array
    x: Array
    value: Array


def errors(result: Array, exact: Table, dtype: str = "float64") -> Array:
    """|result - exact|; 0 for the right infinity, inf for nan and for a wrong one.

    A result beyond the largest number of `dtype` may be that number or inf.
    """
    largest = FORMATS[dtype][2]
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.abs((result - exact.hi) - exact.lo)
        beyond = np.abs(exact.hi) >= largest
        rounded = np.sign(exact.hi) * largest
        right = beyond & (np.sign(result) == np.sign(exact.hi)) & (np.abs(result) >= largest)
        error[beyond] = np.where(right, 0.0, np.abs(result - rounded))[beyond]
    return np.where(np.isnan(error), np.inf, error)


def ulp(exact: Array, dtype: str = "float64") -> Array:
    """The unit in the last place of `dtype` at the exact result."""
    bits, smallest, largest = FORMATS[dtype]
    exponent = np.frexp(np.clip(np.abs(exact), 0, largest))[1].astype(np.int64)
    exponent = np.where(exact == 0, smallest, exponent - 1)
    return np.ldexp(1.0, np.maximum(exponent, smallest) - (bits - 1))


def narrow_ulps(error: Array, exact: Array, dtype: str) -> Array:
    """Errors below float64 in ulps of `dtype`, beyond what float64 itself may err: near a zero of
    a logarithm that is more than an ulp of the narrow result."""
    allowed = 4 * EPS * np.maximum(1, np.abs(exact))
    beyond = np.maximum(error - np.where(np.isfinite(allowed), allowed, 0), 0)
    return _over(beyond, ulp(exact, dtype))


def argument(function: str, first: Array, second: Array) -> tuple[Array, Array]:
    """Order and argument (v, x) of the Bessel function behind."""
    if function == "log_hyp0f1":
        return first, 2 * np.sqrt(second)
    if function == "matern":
        return first, np.sqrt(2 * first) * second
    return first, second


def e1(error: Array, exact: Array, eps: float = EPS) -> Array:
    """err / (eps max(1, |L|))."""
    return _over(error, eps * np.maximum(1, np.abs(exact)))


def e2(error: Array, exact: Array, v: Array, x: Array, eps: float = EPS) -> Array:
    """err / (eps max(1, |L|, sqrt(v^2 + x^2)))."""
    return _over(error, eps * np.maximum(np.maximum(1, np.abs(exact)), np.hypot(v, x)))


def measure(name: str, error: Array, exact: Array, point: Point) -> Array:
    """One measure of the contract, by its name there."""
    size = np.abs(exact)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        if name == "E1":
            return e1(error, exact)
        if name == "E2":
            return e2(error, exact, point.v, point.x)
        if name == "ulp":
            return _over(error, ulp(exact))
        if name == "log_relative":
            logarithm = np.maximum(_magnitude(point.value), _magnitude(exact))
            return _over(error, EPS * size * logarithm)
        if name == "order":
            return _over(error, np.maximum(size, _order_scale(point) * _multiplier(point)))
        if name == "second":
            multiplier = np.maximum(1, _multiplier(point))
            return _over(error, np.maximum(size, _order_scale(point) * multiplier))
        if name == "slope":
            w = np.hypot(point.v, point.x)
            return _over(error, EPS * np.maximum(size, point.v / (point.x + w) * point.v / point.x))
    raise ValueError(f"contract.json: unknown measure {name!r}")


def _order_scale(point: Point) -> Array:
    scale = np.maximum(np.arcsinh(point.v / point.x), 1e-3)
    return scale + 1 / point.v if point.function == "log_hyp0f1" else scale


def _multiplier(point: Point) -> Array:
    """What a relative error of the function's own parts is multiplied by: |f|, 1 for a log."""
    if point.function.startswith("log_"):
        return np.ones_like(point.value)
    if point.function == "matern":
        return np.abs(point.value) * _magnitude(point.value)
    return np.abs(point.value)


def _magnitude(value: Array) -> Array:
    """max(1, |log value|): an exponential multiplies relative errors by this."""
    with np.errstate(divide="ignore"):
        return np.maximum(1, np.abs(np.log(np.abs(value))))


def _over(error: Array, scale: Array) -> Array:
    """error / scale; an error of 0 is 0 even beside a scale of 0 or inf."""
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        quotient = np.where(error == 0, 0.0, error / scale)
    return np.where(np.isnan(quotient), np.inf, quotient)


def point_of(function: str, table: Table) -> Point:
    """The point of every row; `table` holds the function's value in column 0."""
    v, x = argument(function, table.first, table.second)
    return Point(function, v, x, table.hi if table.hi.ndim == 1 else table.hi[:, 0])


def bounds(function: str, partial: tuple[int, int], dtype: str = "float64") -> dict[str, float]:
    """The contract of a function or of one of its partial derivatives."""
    if dtype != "float64":
        return dict(CONTRACT["narrow"])
    if partial == PARTIALS[0]:
        return dict(CONTRACT["values"][function])
    return dict(CONTRACT["derivatives"][function][f"{partial[0]},{partial[1]}"])
