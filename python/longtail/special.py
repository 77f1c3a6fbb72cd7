"""The log-Bessel functions as NumPy ufuncs, without torch.

The names, argument order and values are those of the functions of :mod:`longtail` on tensors.
These are real ufuncs: ``out=``, ``where=``, ``dtype=``, ``casting=``, broadcasting, ``.outer`` and
``.at`` work as they do for ``numpy.add``. float16, float32 and float64 stay what they are (computed
in float64, rounded once); bool and integers give float64. They run on one thread with the GIL
released, and give nan outside the domain without a warning.

>>> from longtail import special
>>> special.log_bessel_i(1000.0, [1.0, 1000.0])
"""

from __future__ import annotations

from ._native import (
    bessel_i_ratio,
    bessel_k_ratio,
    log_bessel_i,
    log_bessel_ie,
    log_bessel_k,
    log_bessel_ke,
    log_hyp0f1,
    matern,
)

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
