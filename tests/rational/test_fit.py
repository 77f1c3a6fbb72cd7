"""Coefficient tables and fits."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

import longtail
from kit import BadInput, Raises
from kit.bad_input import check, parametrize
from longtail import rationals
from longtail._rational_tables import TABLES, VARIANCE_GAIN
from rational.ops import VERSIONS

# Largest errors on [-3, 3] that the docstring and the table state, rounded up.
LARGEST_ERROR = {
    "identity": (0, 0),
    "silu": (1e-6, 1e-6),
    "gelu": (2.1e-3, 5e-4),
    "relu": (0.015, 0.016),
    "leaky_relu": (0.018, 0.016),
    "tanh": (1.5e-6, 1.5e-6),
    "sigmoid": (2e-9, 2e-9),
    "geglu": (1.6e-3, 1e-3),
    "swishglu": (8e-5, 5e-5),
}


def _error(function, numerator: Tensor, denominator: Tensor, version: str, interval) -> float:
    x = torch.linspace(*interval, 10_001, dtype=torch.float64).unsqueeze(-1)
    return float((longtail.rational(x, numerator, denominator, version) - function(x)).abs().max())


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", TABLES)
def test_tables(name: str, version: str) -> None:
    """Each table belongs to its version: in the other one it is another function."""
    numerator, denominator = longtail.fit_rational(name, version)
    assert numerator.shape == (1, 6) and denominator.shape == (1, 4)
    error = _error(rationals.NAMED_FUNCTIONS[name], numerator, denominator, version, (-3, 3))
    assert error <= LARGEST_ERROR[name][VERSIONS.index(version)]


@pytest.mark.parametrize("name", TABLES)
def test_variance_gain(name: str) -> None:
    """1/E[F(z)^2] of function and fit agree as far as the fit does; known numbers."""
    known = {"gelu": 2.351716, "silu": 2.810761, "relu": 2.0, "identity": 1.0}
    if name in known:
        assert VARIANCE_GAIN[name] == pytest.approx(known[name], rel=1e-6)
    z = torch.linspace(-8, 8, 40_001, dtype=torch.float64)
    density = torch.exp(-z * z / 2) / math.sqrt(2 * math.pi) * (z[1] - z[0])
    for version in VERSIONS:
        y = longtail.rational(z[:, None], *longtail.fit_rational(name, version), version)[:, 0]
        gain = float(1 / (y * y * density).sum())
        assert gain == pytest.approx(VARIANCE_GAIN[name], rel=0.02)


@pytest.mark.parametrize("version", VERSIONS)
def test_any_function_on_any_interval(version: str) -> None:
    """And other orders; the same coefficients every time."""
    interval = (-1.0, 4.0)
    fitted = longtail.fit_rational(torch.atan, version, interval, orders=(4, 3))
    again = longtail.fit_rational(torch.atan, version, interval, orders=(4, 3))
    assert all(map(torch.equal, fitted, again))
    assert fitted[0].shape == (1, 5) and fitted[1].shape == (1, 3)
    assert _error(torch.atan, *fitted, version, interval) < 3e-3


def test_identity_is_exact() -> None:
    """Whatever the orders and the interval: most rationals start as one."""
    x = torch.tensor([[-3e38], [-0.1], [0.0], [1e-30], [7.0]])
    for orders in ((7, 6), (1, 1)):
        fitted = longtail.fit_rational("identity", "B", (-40, 2), orders=orders)
        assert torch.equal(longtail.rational(x, *(each.float() for each in fitted), "B"), x)


@pytest.mark.parametrize("version", VERSIONS)
def test_wide_intervals(version: str) -> None:
    """Where random starts alone err by 3.5e-2: the sample of replace_activations leads there."""
    for interval, orders, largest in (((-6, 6), (7, 6), 6e-4), ((-9, 9), (5, 4), 8e-3)):
        fitted = longtail.fit_rational("gelu", version, interval, orders=orders)
        assert _error(torch.nn.functional.gelu, *fitted, version, interval) < largest


@pytest.mark.parametrize("name, largest", [("silu", 3e-5), ("tanh", 3e-5), ("relu", 1.4e-2)])
def test_what_replace_activations_promises(name: str, largest: float) -> None:
    """Of the intervals in its docstring, where each of these is worst."""
    interval = (-6, 6) if name == "relu" else (-6, 12)
    fitted = longtail.fit_rational(name, "A", interval, orders=(7, 6))
    error = _error(rationals.NAMED_FUNCTIONS[name], *fitted, "A", interval)
    assert 0.4 * largest < error < 1.05 * largest


def _fit(label: str, words: tuple[str, ...], *arguments, **keywords) -> BadInput:
    return BadInput(
        f"fit_rational({label})",
        lambda: longtail.fit_rational(*arguments, **keywords),
        Raises(ValueError, "fit_rational", *words),
    )


CASES = [
    _fit("'swish'", ("'swish'", "silu"), "swish"),
    _fit("version='C'", ("version", "'C'"), "gelu", "C"),
    _fit("interval=(1, 1)", ("interval", "(1, 1)"), "gelu", "A", (1, 1)),
    _fit("interval=(0, inf)", ("interval", "inf"), "gelu", "A", (0, math.inf)),
    _fit("orders=(8, 4)", ("orders", "(8, 4)"), "gelu", orders=(8, 4)),
    _fit("orders=(5, 0)", ("orders", "(5, 0)"), "gelu", orders=(5, 0)),
    _fit("log on (-1, 1)", ("finite",), torch.log, "A", (-1, 1)),
    _fit("sum", ("shape",), torch.sum),
]


@parametrize(CASES)
def test_bad_input(case: BadInput) -> None:
    check(case)
