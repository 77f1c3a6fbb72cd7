"""Values, dtypes, layouts, shapes, threads and CPU levels of the log-Bessel functions."""

from bessel.ops import SPECS
from kit import LayoutChecks, LevelChecks


class TestLayouts(LayoutChecks):
    specs = SPECS


class TestLevels(LevelChecks):
    specs_in = "bessel.ops"
