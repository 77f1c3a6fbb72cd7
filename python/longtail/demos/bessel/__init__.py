"""The demo of the log-Bessel family: von Mises-Fisher fits and a Matern process, on real data."""

from longtail.demos import Part
from longtail.demos.bessel import against_scipy, images, mixture, smoothness, words

TITLE = "Directions in hundreds of dimensions"
PROBLEM = (
    "Embeddings of words and images are directions. The bell curve of directions, von "
    "Mises-Fisher, contains a Bessel function whose order is half the dimension: from some 200 "
    "dimensions on it underflows, and with it what is fitted. The same functions say how rough a "
    "random curve is, if only there were a gradient in their order."
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
