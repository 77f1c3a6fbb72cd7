"""The demo of the log-Bessel family: von Mises-Fisher fits and a Matern process, on real data."""

from longtail.demos import Part
from longtail.demos.bessel import against_scipy, images, mixture, smoothness, words

TITLE = "Log-Bessel functions and von Mises-Fisher distributions"
SUMMARY = (
    "Directions in hundreds to tens of thousands of dimensions, and a random function whose "
    "roughness is learned: both need Bessel functions that SciPy underflows and that torch does "
    "not have."
)

#: Seconds on two cores: whole, quick.
BUDGET = (60.0, 12.0)

PARTS = (
    Part("One direction for 32000 words", words.run),
    Part("A mixture, and what its components mean", mixture.run),
    Part("Photographs at 1280, 5120 and 20480 dimensions", images.run),
    Part("How rough is a curve?", smoothness.run),
    Part("Speed and accuracy beside SciPy", against_scipy.run),
)
