"""The demo of the attention family: sentences read with 4 bits, and a long cache of 4 bits."""

from longtail.demos import Part
from longtail.demos.attention import decode, encoder

TITLE = "Attention with 4 and 8 bits"
SUMMARY = (
    "Queries, keys and values in 4 or 8 bits instead of 16 or 32: what becomes of real sentences, "
    "and what a long cache of keys and values costs in time and memory."
)

#: Seconds on two cores: whole, quick.
BUDGET = (60.0, 12.0)

PARTS = (
    Part("Sentences read with 4 bits", encoder.run),
    Part("A long cache of keys and values", decode.run),
)
