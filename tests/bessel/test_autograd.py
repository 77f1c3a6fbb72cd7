"""Gradients of the log-Bessel functions, in order and argument."""

from bessel.ops import SPECS
from kit import AutogradChecks


class TestAutograd(AutogradChecks):
    specs = SPECS
