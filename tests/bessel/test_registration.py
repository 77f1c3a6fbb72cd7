"""The raw log-Bessel ops as torch sees them."""

from kit import RegistrationChecks

from bessel.ops import SPECS


class TestRegistration(RegistrationChecks):
    specs = SPECS
