"""The demo of the rational family: networks whose activations are learnt, on real digits."""

from longtail.demos import Part
from longtail.demos.rational import mnist, transformer

TITLE = "Learnable rational activations"
SUMMARY = (
    "Activations that are learnt start as the identity here, so that a network without them is "
    "linear: what it gains over that is what they learnt."
)

#: Seconds on two cores: whole, quick.
BUDGET = (60.0, 12.0)

PARTS = (
    Part("From a linear network to one that is not", mnist.run),
    Part("A Kolmogorov-Arnold transformer", transformer.run),
)
