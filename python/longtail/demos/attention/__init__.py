"""The demo of the attention family: sentences read with 4 bits, and a long cache of 4 bits."""

from longtail.demos import Part
from longtail.demos.attention import decode, encoder

TITLE = "Long contexts in 4 bits"
PROBLEM = (
    "A model that writes its next token looks at keys and values of all tokens before it: reading "
    "them from memory is what a long context costs. In 4 bits there is less to read, if the codes "
    "are used as they lie instead of being unpacked first, and if sentences still mean the same."
)

#: Seconds on two cores: whole, quick.
BUDGET = (60.0, 12.0)

PARTS = (
    Part("A long cache of keys and values", decode.run),
    Part("Sentences read with 4 bits", encoder.run),
)
