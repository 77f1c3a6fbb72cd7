"""The log-Bessel functions on DTensors."""

from kit import DistributedChecks

from bessel.ops import SPECS


class TestDistributed(DistributedChecks):
    specs = SPECS
    specs_in = "bessel.ops"
