"""Gradients of the log-Bessel functions, in order and argument."""

from kit import AutogradChecks

from bessel.ops import SPECS


class TestAutograd(AutogradChecks):
    specs = SPECS
