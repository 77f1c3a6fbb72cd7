"""The family's ops in the test kit: gradients, compile, export."""

from kit import AutogradChecks, CompileChecks, ExportChecks
from longconv.conv_ops import SPECS


class TestAutograd(AutogradChecks):
    specs = SPECS


class TestCompile(CompileChecks):
    specs = SPECS


class TestExport(ExportChecks):
    specs = SPECS
