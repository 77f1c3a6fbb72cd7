"""The demo of the long-convolution family: long series are classified, and a hall is heard."""

from longtail.demos import Part
from longtail.demos.longconv import reverberation, series

TITLE = "Long convolutions"
SUMMARY = (
    "Convolutions as long as their input: layers that learn what kind of appliance drew a long "
    "series of power readings, and a concert hall through which sound streams without end."
)

#: Seconds on two cores: whole, quick.
BUDGET = (60.0, 12.0)

PARTS = (
    Part("Long series, and what their kernels learn", series.run),
    Part("Sound that streams through a hall", reverberation.run),
)
