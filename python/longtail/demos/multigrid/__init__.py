"""The demo of the multigrid family: flow solved, its medium recovered, an operator learnt."""

from longtail.demos import Part
from longtail.demos.multigrid import darcy, mgno, recovery

TITLE = "Flow through a medium, forwards and backwards"
PROBLEM = (
    "Water seeps through rock, heat through a wall: one equation in as many unknowns as there are "
    "grid points. Solvers of sparse matrices take long, stand outside autograd, and so cannot say "
    "what the rock is from what was read in a few wells."
)

#: Seconds on two cores: whole, quick.
BUDGET = (60.0, 12.0)

PARTS = (
    Part("Flow through a medium of two phases", darcy.run),
    Part("What the medium is, from a few readings", recovery.run),
    Part("An operator that learns V-cycles", mgno.run),
)
