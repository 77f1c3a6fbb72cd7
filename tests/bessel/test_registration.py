"""The raw log-Bessel ops as torch sees them."""

from bessel.ops import SPECS
from kit import RegistrationChecks


class TestRegistration(RegistrationChecks):
    specs = SPECS
