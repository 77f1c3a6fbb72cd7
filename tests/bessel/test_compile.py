"""The log-Bessel functions under torch.compile, torch.export and AOTInductor."""

from bessel.ops import SPECS
from kit import CompileChecks, ExportChecks


class TestCompile(CompileChecks):
    specs = SPECS


class TestExport(ExportChecks):
    specs = SPECS
