"""Orders and arguments near the ends of double: their sums, squares and reciprocals overflow."""

from __future__ import annotations

import mpmath as mp
import pytest
import torch

import longtail

from . import oracle

POINTS = [
    (1e300, 1e-80),
    (1e308, 1e308),
    (1e200, 0.6627e200),
    (1e160, 1e150),
    (1e160, 1e-140),
    (3.0, 1e308),
]


def _phase(v: float, x: float) -> mp.mpf:
    """w - v asinh(v/x), beside which everything else in log I and log K is below an ulp."""
    a, b = mp.mpf(v), mp.mpf(x)
    return mp.sqrt(a * a + b * b) - a * mp.asinh(a / b)


def _value(function: str, first: float, second: float) -> float:
    arguments = (torch.tensor(each, dtype=torch.float64) for each in (first, second))
    return float(getattr(longtail, function)(*arguments))


@pytest.mark.parametrize(("v", "x"), POINTS)
def test_logarithms_of_the_far_end(v: float, x: float) -> None:
    """log I = phi, log K = -phi, their scaled forms and both ratios, to a few ulp."""
    with mp.workdps(700):
        phi = _phase(v, x)
        ratio = x / (v + mp.sqrt(mp.mpf(v) ** 2 + mp.mpf(x) ** 2))
        exact = {
            "log_bessel_i": phi,
            "log_bessel_k": -phi,
            "bessel_i_ratio": ratio,
            "bessel_k_ratio": 1 / ratio,
        }
        if v > 1e10:  # at v = 3 the logarithm of x is not small beside phi - x
            exact |= {"log_bessel_ie": phi - x, "log_bessel_ke": x - phi}
        for function, value in exact.items():
            assert _value(function, v, x) == pytest.approx(float(value), rel=1e-15, abs=0), function


@pytest.mark.parametrize(
    ("b", "z", "exact"),
    [
        (1e200, 1.0, 1e-200),  # log 0F1 = z/b for z << b
        (1e308, 1e308, 1.0),
        (2.0, 1e308, 2e154),  # 2 sqrt(z)
        (0.5, 1e308, 2e154),
    ],
)
def test_log_hyp0f1_of_the_far_end(b: float, z: float, exact: float) -> None:
    """0F1 in both limits."""
    assert _value("log_hyp0f1", b, z) == pytest.approx(exact, rel=1e-15, abs=0)


@pytest.mark.parametrize("r", [1e-5, 0.5, 2.0])
def test_matern_of_a_huge_order(r: float) -> None:
    """Its limit is the Gaussian."""
    assert _value("matern", 1e200, r) == pytest.approx(
        float(mp.exp(-(mp.mpf(r) ** 2) / 2)), rel=4e-16
    )


@pytest.mark.parametrize("nu", [0.3, 1.5, 100.0, 1e20, 5.6e141, 1e150, 1e300])
def test_matern_of_huge_distances(nu: float) -> None:
    """0, with derivatives of 0, also where sqrt(2 nu) r overflows."""
    for distance in (1e160, 3e284, 1.7e308):
        order = torch.tensor(nu, dtype=torch.float64, requires_grad=True)
        r = torch.tensor(distance, dtype=torch.float64, requires_grad=True)
        value = longtail.matern(order, r)
        gradients = torch.autograd.grad(value, (order, r), create_graph=True)
        second = torch.autograd.grad(gradients[1], r)
        assert not any(map(torch.Tensor.item, (value, *gradients, *second))), distance


@pytest.mark.parametrize("v", [0.0, 1e-3, 0.4, 2.625, 7.0, 100.0])
def test_k_ratio_of_tiny_arguments(v: float) -> None:
    """Up to where it overflows, against mpmath: parts of its products did before."""
    for power in range(-323, -280, 2):
        x = 10.0**power
        with mp.workdps(40):
            exact = float(mp.besselk(mp.mpf(v) + 1, x) / mp.besselk(v, x))
        assert _value("bessel_k_ratio", v, x) == pytest.approx(exact, rel=1e-15), (v, x)


@pytest.mark.parametrize("v", [0.3, 0.5, 1.0, 5.0, 20.0, 100.0])
def test_log_i_of_tiny_arguments(v: float) -> None:
    """Down to the smallest double, halves and quotients of which are 0 or have few digits: log I
    and its first two derivatives in v, which are those of v log(x/2) - log Gamma(v + 1)."""
    order = torch.tensor(v, dtype=torch.float64, requires_grad=True)
    for x in (5e-324, 1e-323, 1.5e-323, 1e-322, 1e-320, 1e-310, 1e-300, 1e-90):
        value = longtail.log_bessel_i(order, torch.tensor(x, dtype=torch.float64))
        (slope,) = torch.autograd.grad(value, order, create_graph=True)
        (curvature,) = torch.autograd.grad(slope, order)
        log_half = mp.log(mp.mpf(x) / 2)
        exact = (
            v * log_half - mp.loggamma(v + 1),
            log_half - mp.digamma(v + 1),
            -mp.polygamma(1, v + 1),
        )
        for got, expected in zip((value, slope, curvature), exact, strict=True):
            assert got.item() == pytest.approx(float(expected), rel=2e-15), x


FUNCTIONS = [
    "log_bessel_i",
    "log_bessel_ie",
    "log_bessel_k",
    "log_bessel_ke",
    "bessel_i_ratio",
    "bessel_k_ratio",
    "log_hyp0f1",
    "matern",
]
SMALL = [5e-324, 1e-320, 1e-312, 2e-308, 1e-304, 1e-300, 1e-250, 1e-200, 1e-160, 1e-150, 1e-95]
SMALL += [1e-85, 1e-60, 1e-40, 1e-27, 1e-23, 1e-16, 1e-8, 1e-4, 0.3, 0.4999, 0.5, 0.7, 1.0]
LARGE = [1.5, 3.0, 10.0, 400.0, 1e4, 1e7, 1e10, 1e18, 1e40, 1e100, 1e154, 1e200, 1e300, 1.7e308]


def _derivatives(function: str, first: torch.Tensor, second: torch.Tensor) -> list[torch.Tensor]:
    """The value and its partial derivatives, in the order of oracle.PARTIALS."""
    a, b = first.clone().requires_grad_(), second.clone().requires_grad_()
    value = getattr(longtail, function)(a, b)
    by_a, by_b = torch.autograd.grad(value.sum(), (a, b), create_graph=True)
    by_aa, by_ab = torch.autograd.grad(by_a.sum(), (a, b), retain_graph=True)
    (by_bb,) = torch.autograd.grad(by_b.sum(), b)
    return [each.detach() for each in (value, by_a, by_b, by_aa, by_ab, by_bb)]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_number_is_lost(function: str) -> None:
    """Neither the function nor a derivative is nan, wherever its arguments lie."""
    first = torch.tensor(SMALL + [each for each in LARGE if each <= 1e8], dtype=torch.float64)
    second = torch.tensor(SMALL + LARGE, dtype=torch.float64)
    a, b = torch.meshgrid(first, second, indexing="ij")
    for partial, result in zip(oracle.PARTIALS, _derivatives(function, a, b), strict=True):
        lost = result.isnan().nonzero().tolist()
        assert not lost, (partial, [(float(first[i]), float(second[j])) for i, j in lost[:5]])


NEAR_ZERO = [
    (v, x)
    for v in (1e-30, 0.003, 0.45, 0.5, 3.0, 20.0, 1e5)
    for x in (5e-324, 1e-312, 1e-306, 1e-200, 1e-91)
]
SHORT = [
    (nu, r)
    for nu in (1e-310, 1e-200, 1e-90, 1e-25, 1e-12, 0.01, 0.3, 0.4999, 0.5, 0.6, 1.5, 2.25)
    for r in (5e-324, 1e-309, 1e-200, 1e-100)
    if nu < 0.6 or r > 5e-324  # s has no digits there
]
LOW_ORDERS = [
    (nu, s / (2 * nu) ** 0.5) for nu in (1e-160, 1e-90, 1e-26) for s in (1e-60, 0.01, 1.7, 6.0)
]
EXTREMES = [(f, *at) for f in FUNCTIONS if f.startswith(("log_b", "bessel_")) for at in NEAR_ZERO]
EXTREMES += [("matern", *at) for at in SHORT + LOW_ORDERS]
EXTREMES += [
    ("log_hyp0f1", b, z) for b in (1e-310, 1e-200, 1e-90) for z in (1e-300, 1e-90, 0.5, 9.0)
]


@pytest.mark.parametrize(("function", "first", "second"), EXTREMES)
def test_derivatives_near_zero(function: str, first: float, second: float) -> None:
    """Against Arb, where s, 1/x or what stands between leaves the range of numbers. What is
    beyond the largest double is infinite. For x = 5e-324 the K ratio's x R has no more digits than
    x; the Matern correlation is 1 - O(s) from order 1/2 on."""
    at = (torch.tensor(each, dtype=torch.float64) for each in (first, second))
    balls = oracle.jet(function, first, second)
    for partial, got, ball in zip(oracle.PARTIALS, _derivatives(function, *at), balls, strict=True):
        floor = float(ball.rad()) + 1e-307
        if function == "bessel_k_ratio":
            floor += 5e-324 / second
        if function == "matern" and first >= 0.5 and partial in [(1, 0), (2, 0)]:
            floor = 1e-90
        assert got.item() == pytest.approx(float(ball.mid()), rel=1e-13, abs=floor), partial
