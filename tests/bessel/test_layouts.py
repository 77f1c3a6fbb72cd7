"""Values, dtypes, layouts, shapes, threads and CPU levels of the log-Bessel functions."""

from kit import LayoutChecks, LevelChecks

from bessel.ops import SPECS


class TestLayouts(LayoutChecks):
    specs = SPECS


class TestLevels(LevelChecks):
    specs_in = "bessel.ops"
