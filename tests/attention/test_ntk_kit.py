"""ntk_attention and pattention in the test kit: gradients, compile, export."""

import pytest

from attention.ntk_ops import SPECS
from kit import AutogradChecks, CompileChecks, ExportChecks

pytestmark = pytest.mark.usefixtures("one_thread")


class TestAutograd(AutogradChecks):
    specs = SPECS


class TestCompile(CompileChecks):
    specs = SPECS


class TestExport(ExportChecks):
    specs = SPECS
