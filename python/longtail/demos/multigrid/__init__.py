"""The demo of the multigrid family: flow solved, its medium recovered, an operator learnt."""

from longtail.demos import Part
from longtail.demos.multigrid import darcy, mgno, recovery

TITLE = "Multigrid"
SUMMARY = (
    "Flow through random media: solved by multigrid beside other solvers, the medium recovered "
    "from a few readings by gradients through the solver, and an operator learnt that is made of "
    "V-cycles."
)

#: Seconds on two cores: whole, quick.
BUDGET = (60.0, 12.0)

PARTS = (
    Part("Flow through a medium of two phases", darcy.run),
    Part("What the medium is, from a few readings", recovery.run),
    Part("An operator that learns V-cycles", mgno.run),
)
