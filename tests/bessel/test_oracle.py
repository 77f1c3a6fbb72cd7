"""The oracle against closed forms, mpmath, series in the order and itself."""

from __future__ import annotations

import math
from collections.abc import Iterator

import mpmath
import numpy as np
import pytest
from flint import acb, acb_series, arb, ctx

from . import grids, oracle, tables


@pytest.fixture(autouse=True)
def wide() -> Iterator[None]:
    """Comparisons at 1200 bits."""
    ctx.prec, before = 1200, ctx.prec
    yield
    ctx.prec = before


def agrees(ball: arb, expected: object, digits: float = 25) -> bool:
    """Whether a ball lies within a relative 10^-digits of a number of mpmath or Arb."""
    number = expected if isinstance(expected, arb) else arb(mpmath.nstr(expected, 60))
    return bool(abs(ball - number) <= abs(number) * arb(10) ** -digits)


def test_point_that_broke_stan() -> None:
    """The notable value of the literature: log K at v = 37634, x = 4236."""
    value = oracle.value("log_bessel_k", 37634.0, 4236.0)
    assert agrees(value, arb("70531.3573385249910109"), 20)


@pytest.mark.parametrize("x", [1e-3, 0.7, 19.0, 350.0])
def test_half_integers(x: float) -> None:
    with mpmath.workdps(60):
        mp_x = mpmath.mpf(x)
        i = oracle.jet("log_bessel_i", 0.5, x)
        assert agrees(i.value, mpmath.log(mpmath.sqrt(2 / (mpmath.pi * mp_x)) * mpmath.sinh(mp_x)))
        assert agrees(i.second, mpmath.coth(mp_x) - 1 / (2 * mp_x))
        k = oracle.jet("log_bessel_k", 0.5, x)
        assert agrees(k.value, mpmath.log(mpmath.pi / (2 * mp_x)) / 2 - mp_x)
        assert agrees(k.second_second, 1 / (2 * mp_x**2))
        # d log K_v / dv at v = 1/2 is e^(2x) E_1(2x) (DLMF 10.38.7).
        assert agrees(k.first, mpmath.exp(2 * mp_x) * mpmath.e1(2 * mp_x))
        assert agrees(oracle.value("matern", 0.5, x), mpmath.exp(-mp_x))


def log_hyp0f1(b: mpmath.mpf, z: mpmath.mpf) -> mpmath.mpf:
    return mpmath.log(mpmath.hyp0f1(b, z))


@pytest.mark.parametrize("v, x", [(0.3, 0.02), (1.0, 2.5), (7.25, 3.0), (12.0, 30.0), (40.5, 9.0)])
def test_against_mpmath(v: float, x: float) -> None:
    with mpmath.workdps(60):
        i, k = oracle.jet("log_bessel_i", v, x), oracle.jet("log_bessel_k", v, x)
        for jet, log in (
            (i, lambda a, b: mpmath.log(mpmath.besseli(a, b))),
            (k, lambda a, b: mpmath.log(mpmath.besselk(a, b))),
        ):
            for partial, ball in zip(oracle.PARTIALS, jet, strict=True):
                expected = mpmath.diff(log, (v, x), partial) if any(partial) else log(v, x)
                assert agrees(ball, expected, 15), partial
        b, z, one = v + 1, x * x / 4, mpmath.mpf(1)
        ratio = oracle.jet("bessel_k_ratio", v, x)
        assert agrees(ratio.value, mpmath.besselk(v + one, x) / mpmath.besselk(v, x))
        hyp0f1 = oracle.jet("log_hyp0f1", b, z)
        for partial, ball in zip(oracle.PARTIALS, hyp0f1, strict=True):
            expected = (
                mpmath.diff(log_hyp0f1, (b, z), partial) if any(partial) else log_hyp0f1(b, z)
            )
            assert agrees(ball, expected, 15), partial


@pytest.mark.parametrize("nu, r", [(0.4, 0.3), (1.5, 2.0), (20.0, 1.1)])
def test_matern_against_mpmath(nu: float, r: float) -> None:
    def matern(a: mpmath.mpf, b: mpmath.mpf) -> mpmath.mpf:
        s = mpmath.sqrt(2 * a) * b
        return 2 ** (1 - a) / mpmath.gamma(a) * s**a * mpmath.besselk(a, s)

    with mpmath.workdps(60):
        for partial, ball in zip(oracle.PARTIALS, oracle.jet("matern", nu, r), strict=True):
            expected = mpmath.diff(matern, (nu, r), partial) if any(partial) else matern(nu, r)
            assert agrees(ball, expected, 15), partial


@pytest.mark.parametrize("v, x", [(0.0, 0.5), (3.0, 1e-3), (25.25, 40.0), (300.5, 90.0)])
def test_order_derivatives_against_power_series(v: float, x: float) -> None:
    """Arb's 0F1 with a power series as its parameter needs no differences at all."""
    jet = oracle.jet("log_bessel_i", v, x)
    ctx.cap, before = 3, ctx.cap
    try:
        order = acb_series([acb(v), acb(1)])
        half = acb_series([acb(x) / 2])
        tail = acb_series.hypgeom([], [order + 1], half * half)
        series = tail.log() + order * half.log() - (order + 1).lgamma()
        assert agrees(jet.first, series[1].real)
        assert agrees(jet.first_first, 2 * series[2].real)
    finally:
        ctx.cap = before


def test_large_orders_against_debye() -> None:
    """Five terms of DLMF 10.41.3 at v = 1e6: the sixth is below 1e-36."""
    u = [
        lambda t: 1,
        lambda t: (3 * t - 5 * t**3) / 24,
        lambda t: (81 * t**2 - 462 * t**4 + 385 * t**6) / 1152,
        lambda t: (30375 * t**3 - 369603 * t**5 + 765765 * t**7 - 425425 * t**9) / 414720,
    ]
    for x in (1e3, 6.6e5, 1e7):
        with mpmath.workdps(60):
            v, z = mpmath.mpf(10) ** 6, mpmath.mpf(x) / 10**6
            root = mpmath.sqrt(1 + z * z)
            eta = root + mpmath.log(z / (1 + root))
            total = sum(term(1 / root) / v**k for k, term in enumerate(u))
            expected = v * eta - mpmath.log(2 * mpmath.pi * v * root) / 2 + mpmath.log(total)
            assert agrees(oracle.value("log_bessel_i", 1e6, x), expected, 22)


@pytest.mark.parametrize("grid", grids.GRIDS)
def test_wronskian(grid: str) -> None:
    """I_v K_{v+1} + I_{v+1} K_v = 1/x (DLMF 10.28.2) at every kind of point."""
    for v, x in zip(*grids.points(grid, 6, seed=3), strict=True):
        i, k = (oracle.value(f"log_bessel_{kind}", v, x) for kind in "ik")
        r, q = (oracle.value(f"bessel_{kind}_ratio", v, x) for kind in "ik")
        defect = (i + k).exp() * (r + q) * arb(float(x)) - 1
        assert defect.contains(0)
        assert abs(defect) < 1e-15 or x > 1e15  # log I to 100 bits says nothing of I there


def test_symmetry_in_the_order() -> None:
    """K is even in v: its first and mixed derivatives vanish at v = 0."""
    jet = oracle.jet("log_bessel_k", 0.0, 2.0)
    assert abs(jet.first) < 1e-40
    assert abs(jet.first_second) < 1e-40


def test_split_keeps_twice_the_digits() -> None:
    hi, lo, radius = oracle.split(oracle.value("log_bessel_i", 2047.0, 2048.0))
    assert hi == pytest.approx(1087.2341, rel=1e-6)
    assert 0 < abs(lo) <= math.ulp(hi) / 2
    assert radius < 1e-28 * hi


@pytest.mark.parametrize("name", tables.names())
def test_committed_tables_hold_what_the_oracle_says(name: str) -> None:
    table = tables.load(name)
    for row in np.random.default_rng(5).integers(0, len(table.first), 6):
        first, second = float(table.first[row]), float(table.second[row])
        if name == "values":
            balls = [oracle.value(f, first, second) for f in tables.LOGARITHMS]
        elif name.startswith("jets_"):
            balls = list(oracle.jet(name.removeprefix("jets_"), first, second))
        else:
            balls = [oracle.value(name.split("_", 1)[1], first, second)]
        for column, ball in enumerate(balls):
            hi, lo, radius = (part[row, column] for part in (table.hi, table.lo, table.radius))
            if math.isfinite(hi):
                assert abs(ball - arb(hi) - arb(lo)) <= arb(radius) + ball.rad()
                assert radius <= max(2.0**-76 * abs(hi), 2.0**-100, 2.0**-1073)


def test_tables_are_large_enough() -> None:
    """What the contract asks for: 20,000 points of the logarithms, 2,000 of every derivative."""
    assert len(tables.load("values").first) >= 20_000
    for function in oracle.FUNCTIONS:
        assert len(tables.load(f"jets_{function}").first) >= 2_000
    sizes = [path.stat().st_size for path in tables.FOLDER.glob("*.npz")]
    assert max(sizes) < 2**20 and sum(sizes) < 2**22
