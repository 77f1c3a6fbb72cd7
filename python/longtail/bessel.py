"""Logarithms and ratios of modified Bessel functions, differentiable in order and argument.

Every function takes two tensors (or one tensor and one number), broadcasts and promotes them as
torch does, and differentiates twice in both arguments. The order comes first.

The stated errors are those of ``csrc/bessel/contract.json``, which the accuracy tests hold the code
to: eps is 2^-52, L the exact result, d an exact derivative, and float16, bfloat16 and float32 are
within 1 ulp of their own.

Sources: NIST Digital Library of Mathematical Functions (DLMF), chapters 10 and 16; Plesner,
Sorensen, Hauberg, "Accurate Computation of the Logarithm of Modified Bessel Functions on GPUs",
2024.
"""

from __future__ import annotations

from torch import Tensor

from longtail import _library  # noqa: F401  (loads the raw ops)
from longtail._elementwise import binary_function

__all__ = [
    "bessel_i_ratio",
    "bessel_k_ratio",
    "log_bessel_i",
    "log_bessel_ie",
    "log_bessel_k",
    "log_bessel_ke",
    "log_hyp0f1",
    "matern",
]

_log_bessel_i = binary_function("log_bessel_i", "v", "x")
_log_bessel_k = binary_function("log_bessel_k", "v", "x")
_log_bessel_ie = binary_function("log_bessel_ie", "v", "x")
_log_bessel_ke = binary_function("log_bessel_ke", "v", "x")
_bessel_i_ratio = binary_function("bessel_i_ratio", "v", "x")
_bessel_k_ratio = binary_function("bessel_k_ratio", "v", "x")
_log_hyp0f1 = binary_function("log_hyp0f1", "b", "z")
_matern = binary_function("matern", "nu", "r")


def log_bessel_i(v: Tensor | float, x: Tensor | float, *, out: Tensor | None = None) -> Tensor:
    """Logarithm of the modified Bessel function of the first kind, ``log I_v(x)``.

    ``I_v(x) = (x/2)^v sum_k (x^2/4)^k / (k! Gamma(v + k + 1))`` (DLMF 10.25.2).

    Args:
        v: order, ``v >= 0``; at an integer ``v < 0`` the value is that of ``-v`` and the gradient
            in ``v`` is nan; nan at other ``v < 0``.
        x: argument, ``x >= 0``; nan below 0. ``log I_0(0) = 0``, ``log I_v(0) = -inf`` for
            ``v > 0``, ``log I_v(inf) = inf``; nan where ``v`` and ``x`` are both inf.
        out: where to write the result (no gradient then).

    Returns:
        Tensor of the broadcast shape, contiguous; dtype by torch's promotion, integers as the
        default dtype. float16, bfloat16, float32 and float64; the first three are computed in
        float64 and rounded once. Under autocast half precision becomes float32.

    Gradients: in ``v`` and ``x``, to total order 2 (also forward mode and ``torch.func``).

    Error: at most ``4 eps max(1, |L|)``; of the derivative in ``x``, 8 ulp; in ``v``, ``1e-12
    max(|d|, asinh(v/x), 1e-3)``; second derivatives 1e-9 in the latter sense. For orders to 1e8 and
    ``x`` from 1e-300 to 1e300.

    Raises:
        TypeError: complex, quantised or 8-bit floating dtypes, or no tensor at all.
        ValueError: shapes that do not broadcast, or tensors on different devices.
        NotImplementedError: a sparse tensor, or a third derivative.
    """
    return _log_bessel_i(v, x, out)


def log_bessel_k(v: Tensor | float, x: Tensor | float, *, out: Tensor | None = None) -> Tensor:
    """Logarithm of the modified Bessel function of the second kind, ``log K_v(x)``.

    ``K_v(x) = int_0^inf exp(-x cosh t) cosh(v t) dt`` (DLMF 10.32.9).

    Args:
        v: order, any real number; K is even in ``v``.
        x: argument, ``x >= 0``; nan below 0. ``log K_v(0) = inf``, ``log K_v(inf) = -inf``.
        out: where to write the result (no gradient then).

    Returns:
        Tensor of the broadcast shape; shapes, dtypes and autocast as :func:`log_bessel_i`.

    Gradients: in ``v`` and ``x``, to total order 2 (also forward mode and ``torch.func``).

    Error: at most ``4 eps max(1, |L|)``; of the derivative in ``x``, 8 ulp; in ``v``, ``1e-12
    max(|d|, asinh(v/x), 1e-3)``; second derivatives 1e-9 in the latter sense. For orders to 1e8 and
    ``x`` from 1e-300 to 1e300.

    Raises:
        TypeError, ValueError, NotImplementedError: as :func:`log_bessel_i`.
    """
    return _log_bessel_k(v, x, out)


def log_bessel_ie(v: Tensor | float, x: Tensor | float, *, out: Tensor | None = None) -> Tensor:
    """Logarithm of the scaled function of the first kind, ``log(I_v(x) exp(-x))``.

    Where ``log I_v(x)`` is close to ``x`` the difference loses its digits; this function does not
    form it. (DLMF 10.25.2; the scaling is that of ``scipy.special.ive``.)

    Args:
        v: order, as in :func:`log_bessel_i`.
        x: argument, ``x >= 0``; nan below 0. ``-inf`` at ``x = inf``.
        out: where to write the result (no gradient then).

    Returns:
        Tensor of the broadcast shape; shapes, dtypes and autocast as :func:`log_bessel_i`.

    Gradients: in ``v`` and ``x``, to total order 2 (also forward mode and ``torch.func``).

    Error: at most ``4 eps max(1, |L|)``; of the derivative in ``x``, 8 ulp (where it does not cross
    zero); in ``v``, ``1e-12 max(|d|, asinh(v/x), 1e-3)``; second derivatives 1e-9 in the latter
    sense.

    Raises:
        TypeError, ValueError, NotImplementedError: as :func:`log_bessel_i`.
    """
    return _log_bessel_ie(v, x, out)


def log_bessel_ke(v: Tensor | float, x: Tensor | float, *, out: Tensor | None = None) -> Tensor:
    """Logarithm of the scaled function of the second kind, ``log(K_v(x) exp(x))``.

    Formed without the cancellation of ``log K_v(x) + x``. (DLMF 10.32.9; the scaling is that of
    ``scipy.special.kve``.)

    Args:
        v: order, any real number; K is even in ``v``.
        x: argument, ``x >= 0``; nan below 0. ``inf`` at ``x = 0``, ``-inf`` at ``x = inf``.
        out: where to write the result (no gradient then).

    Returns:
        Tensor of the broadcast shape; shapes, dtypes and autocast as :func:`log_bessel_i`.

    Gradients: in ``v`` and ``x``, to total order 2 (also forward mode and ``torch.func``).

    Error: at most ``4 eps max(1, |L|)``; of the derivative in ``x``, 8 ulp; in ``v``, ``1e-12
    max(|d|, asinh(v/x), 1e-3)``; second derivatives 1e-9 in the latter sense.

    Raises:
        TypeError, ValueError, NotImplementedError: as :func:`log_bessel_i`.
    """
    return _log_bessel_ke(v, x, out)


def bessel_i_ratio(v: Tensor | float, x: Tensor | float, *, out: Tensor | None = None) -> Tensor:
    """Ratio of modified Bessel functions of the first kind, ``I_{v+1}(x) / I_v(x)``.

    With ``v = p/2 - 1`` it is the mean resultant length A_p of a von Mises-Fisher distribution
    of concentration ``x`` in ``p`` dimensions. (DLMF 10.33.1 gives its continued fraction.)

    Args:
        v: order, ``v >= 0``; at an integer ``v < 0`` by ``I_{-n} = I_n``, with a gradient of nan in
            ``v``; nan at other ``v < 0``.
        x: argument, ``x >= 0``; nan below 0. For ``v >= 0``: 0 at ``x = 0``, 1 at ``x = inf``.
        out: where to write the result (no gradient then).

    Returns:
        Tensor of the broadcast shape (values in [0, 1] for ``v >= 0``); shapes, dtypes and autocast
        as :func:`log_bessel_i`.

    Gradients: in ``v`` and ``x``, to total order 2 (also forward mode and ``torch.func``).

    Error: at most 4 ulp; of the derivative in ``x``, 16 ulp; in ``v``, ``1e-12 max(|d|, |L|
    max(asinh(v/x), 1e-3))``; second derivatives 1e-9 in the latter sense.

    Raises:
        TypeError, ValueError, NotImplementedError: as :func:`log_bessel_i`.
    """
    return _bessel_i_ratio(v, x, out)


def bessel_k_ratio(v: Tensor | float, x: Tensor | float, *, out: Tensor | None = None) -> Tensor:
    """Ratio of modified Bessel functions of the second kind, ``K_{v+1}(x) / K_v(x)``.

    Args:
        v: order, any real number; K is even in ``v``.
        x: argument, ``x >= 0``; nan below 0. For ``v >= 0``: ``inf`` at ``x = 0``, 1 at
            ``x = inf``.
        out: where to write the result (no gradient then).

    Returns:
        Tensor of the broadcast shape (values of at least 1 for ``v >= -1/2``); shapes, dtypes and
        autocast as :func:`log_bessel_i`.

    Gradients: in ``v`` and ``x``, to total order 2 (also forward mode and ``torch.func``).

    Error: at most 4 ulp; of the derivative in ``x``, 16 ulp; in ``v``, ``1e-12 max(|d|, |L|
    max(asinh(v/x), 1e-3))``; second derivatives 1e-9 in the latter sense.

    Raises:
        TypeError, ValueError, NotImplementedError: as :func:`log_bessel_i`.
    """
    return _bessel_k_ratio(v, x, out)


def log_hyp0f1(b: Tensor | float, z: Tensor | float, *, out: Tensor | None = None) -> Tensor:
    """Logarithm of the confluent hypergeometric limit function, ``log 0F1(; b; z)``.

    ``0F1(; b; z) = sum_k z^k / ((b)_k k!)`` (DLMF 16.2.1), so that ``I_v(x) = (x/2)^v / Gamma(v+1)
    0F1(; v+1; x^2/4)`` (DLMF 10.39.9): the well-conditioned part of a von Mises-Fisher normaliser.

    Args:
        b: parameter, ``b > 0``; nan otherwise.
        z: argument, ``z >= 0``; nan below 0. 0 at ``z = 0``.
        out: where to write the result (no gradient then).

    Returns:
        Tensor of the broadcast shape; shapes, dtypes and autocast as :func:`log_bessel_i`.

    Gradients: in ``b`` and ``z``, to total order 2 (also forward mode and ``torch.func``).

    Error: at most ``4 eps max(1, |L|)``; of the derivative in ``z``, 8 ulp; in ``b``, ``1e-12
    max(|d|, max(asinh(v/x), 1e-3) + 1/b)``, v = b and x = 2 sqrt z; second derivatives 1e-9 in the
    latter sense.

    Raises:
        TypeError, ValueError, NotImplementedError: as :func:`log_bessel_i`.
    """
    return _log_hyp0f1(b, z, out)


def matern(nu: Tensor | float, r: Tensor | float, *, out: Tensor | None = None) -> Tensor:
    """Matern correlation of smoothness ``nu`` at distance ``r`` (in length scales).

    ``2^(1 - nu) / Gamma(nu) s^nu K_nu(s)`` with ``s = sqrt(2 nu) r`` (Rasmussen and Williams,
    "Gaussian Processes for Machine Learning", 2006, equation 4.14): ``exp(-r)`` at nu = 1/2,
    ``exp(-r^2/2)`` as nu grows.

    Args:
        nu: smoothness, ``nu > 0``; nan otherwise. It can be learned: the gradient in ``nu`` is
            exact.
        r: distance, ``r >= 0``; nan below 0. At ``r = 0`` the value is 1, the gradient in ``nu`` 0
            and that in ``r`` 0 (-1 at ``nu = 1/2``; below 1/2 the true slope is -inf, 0 is what
            training can use). 0 at inf.
        out: where to write the result (no gradient then).

    Returns:
        Tensor of the broadcast shape, values in [0, 1]; shapes, dtypes and autocast as
        :func:`log_bessel_i`.

    Gradients: in ``nu`` and ``r``, to total order 2 (also forward mode and ``torch.func``).

    Error: at most ``8 eps |L| max(1, |log L|)``; of the derivative in ``r``, ``16 eps |d| max(1,
    |log L|)``; in ``nu``, ``1e-12 max(|d|, |L| max(1, |log L|) max(asinh(v/x), 1e-3))``, v = nu and
    x = sqrt(2 nu) r; second derivatives 1e-9 in the latter sense.

    Raises:
        TypeError, ValueError, NotImplementedError: as :func:`log_bessel_i`.
    """
    return _matern(nu, r, out)
