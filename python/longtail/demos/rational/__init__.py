"""The demo of the rational family: networks whose activations are learnt, on real digits."""

from longtail.demos import Part
from longtail.demos.rational import cost, mnist, transformer

TITLE = "Activations that learn their shape"
PROBLEM = (
    "A network chooses its weights but not its activation: somebody picked GELU. A quotient of two "
    "polynomials can take its shape, and Kolmogorov-Arnold networks are made of such functions; "
    "but written in torch one costs dozens of passes over memory, forward and backward."
)

#: Seconds on two cores: whole, quick.
BUDGET = (60.0, 12.0)

PARTS = (
    Part("What a learnt activation costs", cost.run),
    Part("From a linear network to one that is not", mnist.run),
    Part("A Kolmogorov-Arnold transformer", transformer.run),
)
