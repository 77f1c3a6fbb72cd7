"""The family's ops in the test kit: registration, gradients, compile, export."""

from kit import AutogradChecks, CompileChecks, ExportChecks, RegistrationChecks
from rational.kan_ops import KAN_SPECS, SPLINES
from rational.ops import POLY_SPECS, SPECS

ALL = (*SPECS, *POLY_SPECS, *KAN_SPECS)


class TestRegistration(RegistrationChecks):
    specs = ALL


class TestAutograd(AutogradChecks):
    specs = (*ALL, SPLINES)


class TestCompile(CompileChecks):
    specs = ALL


class TestExport(ExportChecks):
    specs = ALL
