"""The demo of the long-convolution family: long series are classified, and a hall is heard."""

from longtail.demos import Part
from longtail.demos.longconv import reverberation, series

TITLE = "Filters as long as the signal"
PROBLEM = (
    "A concert hall answers for more than a second, a layer that reads a long series looks back to "
    "its start: both are convolutions with tens of thousands of taps. Frameworks are made for taps "
    "by the dozen, and an FFT written by hand is slow on a stream that arrives in chunks."
)

#: Seconds on two cores: whole, quick.
BUDGET = (60.0, 12.0)

PARTS = (
    Part("Sound that streams through a hall", reverberation.run),
    Part("Long series, and what their kernels learn", series.run),
)
