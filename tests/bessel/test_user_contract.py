"""What torch's own functions promise, of the log-Bessel functions."""

from kit import ContractChecks

from bessel.ops import SPECS


class TestContract(ContractChecks):
    specs = SPECS
