"""The log-Bessel functions on DTensors."""

from bessel.ops import SPECS
from kit import DistributedChecks


class TestDistributed(DistributedChecks):
    specs = SPECS
    specs_in = "bessel.ops"
