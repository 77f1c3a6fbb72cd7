"""The family's ops in the test kit: compile and export."""

from attention.ops import SPECS
from kit import CompileChecks, ExportChecks


class TestCompile(CompileChecks):
    specs = SPECS


class TestExport(ExportChecks):
    specs = SPECS
