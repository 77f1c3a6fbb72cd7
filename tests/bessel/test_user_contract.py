"""What torch's own functions promise, of the log-Bessel functions."""

from bessel.ops import SPECS
from kit import ContractChecks


class TestContract(ContractChecks):
    specs = SPECS
