"""short_conv in the test kit: gradients, compile, export."""

from kit import AutogradChecks, CompileChecks, ExportChecks
from longconv.short_conv_ops import SPECS


class TestAutograd(AutogradChecks):
    specs = SPECS


class TestCompile(CompileChecks):
    specs = SPECS


class TestExport(ExportChecks):
    specs = SPECS
