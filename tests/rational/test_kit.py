"""Rationals and polynomials in the test kit: registration, gradients, compile, export."""

from kit import AutogradChecks, CompileChecks, ExportChecks, RegistrationChecks
from rational.ops import POLY_SPECS, SPECS


class TestRegistration(RegistrationChecks):
    specs = (*SPECS, *POLY_SPECS)


class TestAutograd(AutogradChecks):
    specs = (*SPECS, *POLY_SPECS)


class TestCompile(CompileChecks):
    specs = (*SPECS, *POLY_SPECS)


class TestExport(ExportChecks):
    specs = (*SPECS, *POLY_SPECS)
