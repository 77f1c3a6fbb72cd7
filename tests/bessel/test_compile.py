"""The log-Bessel functions under torch.compile, torch.export and AOTInductor."""

from kit import CompileChecks, ExportChecks

from bessel.ops import SPECS


class TestCompile(CompileChecks):
    specs = SPECS


class TestExport(ExportChecks):
    specs = SPECS
