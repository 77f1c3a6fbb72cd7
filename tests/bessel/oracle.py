"""Proven values and derivatives of the eight Bessel functions, by Arb ball arithmetic.

Every number here is a ball: a midpoint and a radius that provably holds the exact result.

*Orders.* Each function is built from g(v) = I_v(x), K_v(x) or the regularised 0F1(; v; x), all of
which are entire in the order v. `_taylor` takes g, g' and g''/2 from central differences with a
step h far below double precision, at a working precision that pays for the cancellation, and adds
Cauchy's bound on the remainder (M = max |g| on the disc |w - v| <= 2r, h < r):

    |(g(v+h) - g(v-h)) / 2h - g'|           <= h^2 M / r^3
    |(g(v+h) - 2 g(v) + g(v-h)) / 2h^2 - g''/2| <= h^2 M / r^4

M comes from one more value: |K_{a+ib}(x)| <= K_a(x) (integral representation, DLMF 10.32.9), and
|I_{a+ib}(x)| <= 2 I_a(x), |0F1~(; a+ib; z)| <= 2 0F1~(; a; z) for |b| <= 1/2 and order above -1/2
(b <= a for 0F1~), since Gamma(a) / |Gamma(a+ib)| falls with a.

*Arguments.* Recurrences give the derivatives in x from g at v and v + 1 alone (DLMF 10.29), so all
that follows is exact algebra on power series in the order.

The precision is doubled until every result is known to `TARGET_BITS` bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from flint import arb, arb_series, ctx

Result = TypeVar("Result")

FUNCTIONS = (
    "log_bessel_i",
    "log_bessel_k",
    "log_bessel_ie",
    "log_bessel_ke",
    "bessel_i_ratio",
    "bessel_k_ratio",
    "log_hyp0f1",
    "matern",
)

# The partial derivatives in the order in which tables store them: (times in first, in second).
PARTIALS = ((0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2))

TARGET_BITS = 100
START_BITS = 384
VALUE_BITS = 192
MAX_BITS = 24576

# Results that pass through zero count as known once their radius is 2^-100 of this.
ZERO_FLOOR = 1e-10


class Jet(NamedTuple):
    """A function's value and partial derivatives up to total order 2, as balls."""

    value: arb
    first: arb
    second: arb
    first_first: arb
    first_second: arb
    second_second: arb


class NotResolvedError(ArithmeticError):
    """The balls at this working precision are too wide."""


# ------------------------------------------------------------------ entire functions of the order


def _scaled_i(order: arb, x: arb) -> arb:
    """I_v(x) e^-x."""
    return x.bessel_i(order, scaled=True)


def _scaled_k(order: arb, x: arb) -> arb:
    """K_v(x) e^x."""
    value = x.bessel_k(order, scaled=True)
    if value.rel_accuracy_bits() > 0:
        return value
    return _small_argument_k(order, x)  # Arb gives up where x is tiny beside a large order


def _small_argument_k(order: arb, x: arb) -> arb:
    """K_v(x) e^x = e^x (1/2) Gamma(v) (x/2)^-v E[exp(-y/u)], y = x^2/4, u ~ Gamma(v), y << v.

    The Taylor sums of exp(-t) lie below and above it in turn and E[u^-k] = 1/((v-1)...(v-k)), so
    the expectation lies between each two successive sums.
    """
    y = x * x / 4
    if not (order > 100 and y < order / 4):
        raise NotResolvedError
    total, term = arb(1), arb(1)
    for k in range(1, 90):
        term = -term * y / (k * (order - k))
        before, total = total, total + term
        if abs(term) < arb(2) ** -ctx.prec:
            leading = order.lgamma() - order * (x / 2).log() - arb(2).log() + x
            return leading.exp() * total.union(before)
    raise NotResolvedError


def _scaled_0f1(b: arb, z: arb) -> arb:
    """Regularised 0F1(; b; z) e^(-2 sqrt z) = z^((1-b)/2) I_{b-1}(2 sqrt z) e^(-2 sqrt z)."""
    root = z.sqrt()
    return ((1 - b) * root.log()).exp() * (2 * root).bessel_i(b - 1, scaled=True)


def _taylor(
    g: Callable[[arb], arb], order: arb, reach: float, towards: int, excess: int
) -> arb_series:
    """g(order + e) to second order in e; |g| <= excess * g(order + towards * 2 * reach) on the
    disc of radius 2 * reach."""
    step = arb(2) ** -(ctx.prec // 8 + 48)
    left, mid, right = g(order - step), g(order), g(order + step)
    largest = excess * abs(g(order + towards * 2 * arb(reach)))
    slip = step**2 * largest / arb(reach) ** 3
    slope = (right - left) / (2 * step) + _interval(slip)
    curve = (right - 2 * mid + left) / (2 * step**2) + _interval(slip / arb(reach))
    return arb_series([mid, slope, curve], 3)


def _interval(bound: arb) -> arb:
    """The ball [-bound, bound]."""
    return arb(0, bound.abs_upper())


def _reach(v: float, x: float) -> float:
    """A disc radius within which g changes by a small factor only: g falls or grows like
    exp(asinh(v/x) dv)."""
    x = max(x, 1e-320)
    slope = math.log(v + math.hypot(v, x)) - math.log(x) if v > 0 or x > 0 else 0.0
    return 0.23 / max(1.0, abs(slope), abs(math.log(x)) if x < 1 else 0.0)


# ------------------------------------------------------------------ logarithms and ratios


class _Family(NamedTuple):
    """log I or log K (scaled) with its ratio, as series in the order: r = g_{v+1} / g_v."""

    log: arb_series
    log_x: arb_series
    log_xx: arb_series
    ratio: arb_series
    ratio_x: arb_series
    ratio_xx: arb_series


def _family(v: arb, x: arb, kind: str) -> _Family:
    sign, g = (1, _scaled_i) if kind == "i" else (-1, _scaled_k)
    reach = _reach(float(v.mid()), float(x.mid()))
    towards, excess = (-1, 2) if kind == "i" else (1, 1)
    here = _taylor(lambda order: g(order, x), v, reach, towards, excess)
    above = _taylor(lambda order: g(order, x), v + 1, reach, towards, excess)
    return _from_neighbours(here, above, v, x, sign)


def _from_neighbours(here: arb_series, above: arb_series, v: arb, x: arb, sign: int) -> _Family:
    """I' = I_{v+1} + (v/x) I and I_{v+1}' = I_v - ((v+1)/x) I_{v+1}; for K both with -."""
    order = arb_series([v, 1], 3)
    twice = (2 * order + 1) / x
    ratio = above / here
    ratio_x = sign - twice * ratio - sign * ratio * ratio
    ratio_xx = twice * ratio / x - twice * ratio_x - 2 * sign * ratio * ratio_x
    return _Family(
        log=here.log(),
        log_x=order / x + sign * ratio,
        log_xx=sign * ratio_x - order / (x * x),
        ratio=ratio,
        ratio_x=ratio_x,
        ratio_xx=ratio_xx,
    )


def _jet(value: arb_series, value_x: arb_series, value_xx: arb_series, shift: arb) -> Jet:
    return Jet(value[0] + shift, value[1], value_x[0], 2 * value[2], value_x[1], value_xx[0])


def _log_jet(v: arb, x: arb, kind: str, scaled: bool) -> Jet:
    family = _family(v, x, kind)
    exponent = 1 if kind == "i" else -1
    jet = _jet(family.log, family.log_x, family.log_xx, arb(0) if scaled else exponent * x)
    return jet._replace(second=jet.second - exponent) if scaled else jet


def _ratio_jet(v: arb, x: arb, kind: str) -> Jet:
    family = _family(v, x, kind)
    return _jet(family.ratio, family.ratio_x, family.ratio_xx, arb(0))


def _hyp0f1_jet(b: arb, z: arb) -> Jet:
    """log 0F1(; b; z) = log Gamma(b) + log 0F1~(; b; z); (log)' = w, w' = (1 - b w) / z - w^2
    with w = 0F1~(; b+1; z) / 0F1~(; b; z) (DLMF 16.3: z F'' + b F' = F)."""
    reach = min(_reach(float(b.mid()), 2 * math.sqrt(float(z.mid()))), float(b.mid()) / 4)
    here = _taylor(lambda order: _scaled_0f1(order, z), b, reach, -1, 2)
    above = _taylor(lambda order: _scaled_0f1(order, z), b + 1, reach, -1, 2)
    order = arb_series([b, 1], 3)
    slope = above / here
    curve = (1 - order * slope) / z - slope * slope
    return _jet(here.log() + order.lgamma(), slope, curve, 2 * z.sqrt())


def _matern_jet(nu: arb, r: arb) -> Jet:
    """M = exp l, l = (1 - nu) ln 2 - lgamma(nu) + nu ln s + log K_nu(s), s = sqrt(2 nu) r."""
    s = (2 * nu).sqrt() * r
    k = _log_jet(nu, s, "k", scaled=False)
    gamma = arb_series([nu, 1], 3).lgamma()
    s_nu, s_r, s_nunu, s_nur = s / (2 * nu), s / r, -s / (4 * nu * nu), s / (2 * nu * r)
    # w(nu, s) = log K + nu ln s and its partials, then the chain rule through s(nu, r).
    w_nu, w_s = k.first + s.log(), k.second + nu / s
    w_nunu, w_nus, w_ss = k.first_first, k.first_second + 1 / s, k.second_second - nu / (s * s)
    value = (1 - nu) * arb(2).log() - gamma[0] + nu * s.log() + k.value
    l_nu = -arb(2).log() - gamma[1] + w_nu + w_s * s_nu
    l_r = w_s * s_r
    l_nunu = -2 * gamma[2] + w_nunu + 2 * w_nus * s_nu + w_ss * s_nu**2 + w_s * s_nunu
    l_nur = w_nus * s_r + w_ss * s_nu * s_r + w_s * s_nur
    l_rr = w_ss * s_r**2
    m = value.exp()
    return Jet(
        m,
        m * l_nu,
        m * l_r,
        m * (l_nunu + l_nu**2),
        m * (l_nur + l_nu * l_r),
        m * (l_rr + l_r**2),
    )


_JETS: dict[str, Callable[[arb, arb], Jet]] = {
    "log_bessel_i": lambda v, x: _log_jet(v, x, "i", scaled=False),
    "log_bessel_k": lambda v, x: _log_jet(v, x, "k", scaled=False),
    "log_bessel_ie": lambda v, x: _log_jet(v, x, "i", scaled=True),
    "log_bessel_ke": lambda v, x: _log_jet(v, x, "k", scaled=True),
    "bessel_i_ratio": lambda v, x: _ratio_jet(v, x, "i"),
    "bessel_k_ratio": lambda v, x: _ratio_jet(v, x, "k"),
    "log_hyp0f1": _hyp0f1_jet,
    "matern": _matern_jet,
}


def _matern_value(nu: arb, r: arb) -> arb:
    s = (2 * nu).sqrt() * r
    log_m = (1 - nu) * arb(2).log() - nu.lgamma() + nu * s.log() + _scaled_k(nu, s).log() - s
    return log_m.exp()


_VALUES: dict[str, Callable[[arb, arb], arb]] = {
    "log_bessel_i": lambda v, x: _scaled_i(v, x).log() + x,
    "log_bessel_k": lambda v, x: _scaled_k(v, x).log() - x,
    "log_bessel_ie": lambda v, x: _scaled_i(v, x).log(),
    "log_bessel_ke": lambda v, x: _scaled_k(v, x).log(),
    "bessel_i_ratio": lambda v, x: _scaled_i(v + 1, x) / _scaled_i(v, x),
    "bessel_k_ratio": lambda v, x: _scaled_k(v + 1, x) / _scaled_k(v, x),
    "log_hyp0f1": lambda b, z: _scaled_0f1(b, z).log() + b.lgamma() + 2 * z.sqrt(),
    "matern": _matern_value,
}


# ------------------------------------------------------------------ precision


def _known(ball: arb, floor: float) -> bool:
    if not ball.is_finite():
        return False
    allowed = max(abs(ball.mid()), arb(floor)) * arb(2) ** -TARGET_BITS
    return bool(ball.rad() <= allowed)


def _start(bits: int, x: float) -> int:
    """Bits to begin with for K, whose power series cancels exp(2x): where more than half of the
    bits would go, Arb turns to a quadrature of seconds. The asymptotic series needs none."""
    return bits if x > 0.55 * bits else max(bits, int(8 * x) + 128)


def _resolve(
    compute: Callable[[], Result], known: Callable[[Result], bool], precision: int
) -> Result:
    """The result at the first of the doubled precisions at which it is known."""
    saved = ctx.prec
    try:
        while precision <= MAX_BITS:
            ctx.prec = precision
            try:
                result = compute()
                if known(result):
                    return result
            except (NotResolvedError, ZeroDivisionError, ValueError):
                pass
            precision *= 2
    finally:
        ctx.prec = saved
    raise NotResolvedError("no precision up to MAX_BITS bits resolves this point")


def _floors(name: str) -> tuple[float, ...]:
    """Which results may be zero: logarithms and the derivatives in the order, scaled slopes too.
    The rest have one sign and are held to relative accuracy."""
    log = ZERO_FLOOR if name.startswith("log_") else 0.0
    return (log, ZERO_FLOOR, log if name.endswith("e") else 0.0, *(ZERO_FLOOR,) * 2, 0.0)


def value(name: str, first: float, second: float) -> arb:
    """f(first, second) as a ball of relative radius below 2^-TARGET_BITS (see ZERO_FLOOR)."""
    floor = _floors(name)[0]
    return _resolve(
        lambda: _VALUES[name](arb(first), arb(second)),
        lambda ball: _known(ball, floor),
        _start(VALUE_BITS, second) if "k" in name or name == "matern" else VALUE_BITS,
    )


def jet(name: str, first: float, second: float) -> Jet:
    """f and its partial derivatives up to total order 2 at (first, second), as balls."""
    floors = _floors(name)
    return _resolve(
        lambda: _JETS[name](arb(first), arb(second)),
        lambda balls: all(map(_known, balls, floors)),
        _start(START_BITS, second) if "k" in name or name == "matern" else START_BITS,
    )


def split(ball: arb) -> tuple[float, float, float]:
    """(hi, lo, radius): the exact result lies within `radius` of hi + lo, hi the nearest double."""
    mid = ball.mid()
    hi = float(mid)
    if not math.isfinite(hi):
        return hi, 0.0, 0.0
    rest = mid - arb(hi)
    lo = float(rest)
    return hi, lo, float((ball.rad() + abs(rest - arb(lo))).abs_upper())
