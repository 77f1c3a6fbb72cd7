"""The group rational in the test kit: registration, gradients, compile, export."""

from kit import AutogradChecks, CompileChecks, ExportChecks, RegistrationChecks
from rational.ops import SPECS


class TestRegistration(RegistrationChecks):
    specs = SPECS


class TestAutograd(AutogradChecks):
    specs = SPECS


class TestCompile(CompileChecks):
    specs = SPECS


class TestExport(ExportChecks):
    specs = SPECS
