"""Which levels of a multigrid hierarchy lie in slabs, and where they are cut.

A slab with a few rows of its neighbours around is a box of its own: a smoother, a transfer and the
next coarser operator there are those of the whole box, but for some rows next to the ends that were
cut. That asks for coarse points, and on the finest level colours, to lie in a slab as in the whole,
so cuts go down from the coarsest level in slabs, each between a coarse point and the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from longtail._domain_rows import Cut, Halo
from longtail._grid_geometry import Geometry
from longtail._grid_plan import GridPlan, plan_of

#: Rows of neighbours: a sweep spoils two at each end, whatever the number of colours, as they come
#: sorted by rows; a sweep before, the correction and a sweep behind, four.
_HALO = 4
#: With one more where coarse points ask for it, and so many does a slab have for its neighbour.
_LEAST_ROWS = _HALO + 1
#: A level of so few points is not worth the messages.
_FEW_POINTS = 1 << 11


@dataclass(frozen=True)
class SlabPlan:
    """A level in slabs, as one process has it.

    Attributes:
        cut: whose rows are whose.
        halos: what each process has around its own.
        plan: my rows with the halo, as a box.
        odd: the first of them is an odd one of the whole.
        coarse_halos: that box has, on the next level, so many rows around what it owns there.
    """

    cut: Cut
    halos: tuple[Halo, ...]
    plan: GridPlan
    odd: bool
    coarse_halos: tuple[Halo, ...]

    @property
    def halo(self) -> Halo:
        """Mine."""
        return self.halos[self.cut.rank]


@dataclass(frozen=True)
class DomainPlan:
    """All levels.

    Attributes:
        slabs: those in slabs, finest first; none if the box is too thin for as many processes.
        coarse: the next one, which every process has whole.
        coarse_cut: what of it comes out of whose slab.
    """

    slabs: tuple[SlabPlan, ...]
    coarse: GridPlan
    coarse_cut: Cut


def split_axis(plan: GridPlan) -> int:
    """Of the three axes the one that is cut, the callers' first."""
    return 1 if plan.flat else 0


def domain_plan(geometry: Geometry, rank: int, count: int, group: Any) -> DomainPlan:
    """With as many levels in slabs as there can be."""
    levels = plan_of(geometry).levels()
    whole = DomainPlan((), levels[0], Cut(group, rank, _even(geometry.sizes[0], count)))
    if count == 1:
        return whole
    best = whole
    for depth in range(1, len(levels)):
        fine = levels[depth - 1]
        axis = split_axis(fine)
        if fine.points <= _FEW_POINTS or (fine.periodic[axis] and fine.sizes[axis] % 2):
            break  # the seam of an odd ring: no slab beside it is like a box
        candidate = _with_depth(levels, depth, rank, count, group)
        if candidate is not None:
            best = candidate
    return best


def _even(rows: int, count: int) -> tuple[int, ...]:
    return tuple((2 * rank * rows + count) // (2 * count) for rank in range(count + 1))


def _with_depth(
    levels: Sequence[GridPlan], depth: int, rank: int, count: int, group: Any
) -> DomainPlan | None:
    """None where a slab would be too thin."""
    axis = split_axis(levels[0])
    starts = _even(levels[depth].sizes[axis], count)
    coarse_cut = Cut(group, rank, starts)
    slabs: list[SlabPlan] = []
    for level in reversed(range(depth)):
        fine = levels[level]
        halved = (fine.halved() or (False,) * 3)[axis]
        next_cut = Cut(group, rank, starts)
        # Coarse point c is point 2 c + first.
        first = 0 if fine.periodic[axis] else 1
        if halved:
            starts = (0, *(2 * each + first - 1 for each in starts[1:-1]), fine.sizes[axis])
        cut = Cut(group, rank, starts)
        if min(cut.sizes()) < _LEAST_ROWS:
            return None
        slab = _slab(fine, cut, next_cut, halved, first)
        if slab is None:
            return None
        slabs.append(slab)
    return DomainPlan(tuple(reversed(slabs)), levels[depth], coarse_cut)


def _slab(fine: GridPlan, cut: Cut, next_cut: Cut, halved: bool, first: int) -> SlabPlan | None:
    ring = fine.periodic[split_axis(fine)]
    odd = halved and first == 0
    halos, coarse_halos, boxes = [], [], []
    for rank, rows in enumerate(cut.sizes()):
        start = cut.starts[rank]
        before = 0 if rank == 0 and not ring else _HALO + (start - _HALO - odd) % 2
        behind = 0 if rank == cut.count - 1 and not ring else _HALO
        rows += before + behind
        begin, coarse_rows = start - before, rows
        if halved:
            begin, coarse_rows = (begin + 1 - first) // 2, rows // 2
        halos.append(Halo(before, behind))
        coarse_halos.append(
            Halo(next_cut.starts[rank] - begin, begin + coarse_rows - next_cut.starts[rank + 1])
        )
        boxes.append(_box(fine, rows))
    if any(box.halved() != fine.halved() for box in boxes):
        return None
    return SlabPlan(cut, tuple(halos), boxes[cut.rank], odd, tuple(coarse_halos))


def _box(fine: GridPlan, rows: int) -> GridPlan:
    """So many rows of a level; nothing wraps around where it is cut."""
    axis = split_axis(fine)
    sizes, periodic = list(fine.sizes), list(fine.periodic)
    sizes[axis], periodic[axis] = rows, False
    return replace(
        fine, sizes=(sizes[0], sizes[1], sizes[2]), periodic=(periodic[0], periodic[1], periodic[2])
    )
