"""A V-cycle of one box whose fine levels lie in slabs on several processes.

It is the symmetric V(1,1)-cycle of ``diffusion_solve``, to rounding: slabs know enough of their
neighbours for a level down and up again (``_domain_plan``), so that each level sends halos of the
right-hand side on the way down and of the correction on the way up, and no more. The levels behind
are on every process whole, which computes them redundantly.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from longtail._domain_plan import DomainPlan, SlabPlan
from longtail._domain_rows import gathered, widen
from longtail._grid_ops import LEVEL_OPS, Method, Where, hierarchy_of, iterate
from longtail._grid_plan import CENTRE, GridPlan, layout_of, places_of

_CYCLE = Method("rbgs", 1, 1, 1.0, False, True)


class _Level(NamedTuple):
    slab: SlabPlan
    hierarchy: Tensor


def _sweep(reverse: bool) -> Method:
    return Method("rbgs", 1, None, 1.0, reverse, False)


def _next_entries(hierarchy: Tensor, plan: GridPlan) -> Tensor:
    """``[systems, rows, entries, ...]`` of level 1 of a float64 hierarchy, as ``stencil_hierarchy``
    takes them but with rows in front."""
    coarse = plan.levels()[1]
    layout = layout_of(coarse, torch.float64)
    places = places_of(plan, torch.float64).weights[1]
    steps = (layout.plane_stride, layout.row_stride, 1)[3 - plan.dims :]
    packed = hierarchy.contiguous()
    strides, shape = (packed.stride(0), *steps), (packed.shape[0], *coarse.shape)
    offsets = (*coarse.before, CENTRE)
    return torch.stack([packed.as_strided(shape, strides, places[o]) for o in offsets], 2)


def _of_entries(entries: Tensor, plan: GridPlan, singular: bool, dtype: torch.dtype) -> Tensor:
    bits = plan.periodic_bits & 7  # the op knows that its finest level is full
    result: Tensor = torch.ops.longtail.stencil_hierarchy(
        entries.transpose(1, 2), *plan.spacings, bits, singular, dtype == torch.float32
    )
    return result


class DomainCycle:
    """The cycle of an operator that is given by the weights of faces.

    Args:
        domain: with one level in slabs at least.
        faces: as of ``diffusion_hierarchy``, float64 ``[systems, ...]``, of my rows and the halo of
            the first slab.
        singular: whether constants are in its null space.
    """

    def __init__(self, domain: DomainPlan, faces: list[Tensor], singular: bool) -> None:
        self._cut = domain.coarse_cut
        self._coarse_plan = domain.coarse
        self._levels: list[_Level] = []
        entries = faces[0]
        for index, slab in enumerate(domain.slabs):
            if index == 0:
                wide, narrow = (
                    hierarchy_of(faces, slab.plan, dtype, False)
                    for dtype in (torch.float64, torch.float32)
                )
            else:
                around = widen(entries, slab.cut, slab.halos)
                wide, narrow = (
                    _of_entries(around, slab.plan, False, dtype)
                    for dtype in (torch.float64, torch.float32)
                )
            self._levels.append(_Level(slab, narrow))
            entries = self._own(_next_entries(wide, slab.plan), slab)
        whole = gathered(entries, self._cut)
        self._coarse = _of_entries(whole, self._coarse_plan, singular, torch.float32)

    def __call__(self, f: Tensor) -> Tensor:
        """What it makes of 0 towards ``f [batch, my rows, ...]``, float32."""
        return self._cycle(0, f)

    @staticmethod
    def _own(coarse: Tensor, slab: SlabPlan) -> Tensor:
        """My rows of what a slab has on the next level."""
        halo = slab.coarse_halos[slab.cut.rank]
        return coarse.narrow(1, halo.before, coarse.shape[1] - sum(halo)).contiguous()

    def _cycle(self, index: int, f: Tensor) -> Tensor:
        slab, hierarchy = self._levels[index]
        here = Where(slab.plan, 0)
        halo, rows = slab.halos[slab.cut.rank], f.shape[1]
        f = widen(f, slab.cut, slab.halos)
        # On the finest level red is where the sum of indices of the whole box is even. On coarse
        # ones any order of colours does that is the same on all processes.
        reverse = slab.odd and index == 0
        u = iterate(hierarchy, None, f, _sweep(reverse), here)
        r = f - LEVEL_OPS["op"](hierarchy, u, here)
        coarse = self._own(LEVEL_OPS["restrict"](hierarchy, r, here), slab)
        if index + 1 < len(self._levels):
            cut = self._levels[index + 1].slab.cut
            e = widen(self._cycle(index + 1, coarse), cut, slab.coarse_halos)
        else:
            e = self._whole(coarse, slab)
        u = u + LEVEL_OPS["prolong"](hierarchy, e, here)
        u = iterate(hierarchy, u, f, _sweep(not reverse), here)
        return u.narrow(1, halo.before, rows)

    def _whole(self, f: Tensor, slab: SlabPlan) -> Tensor:
        """From the first level that everybody has, what this slab reads of it."""
        where = Where(self._coarse_plan, 0)
        u = iterate(self._coarse, None, gathered(f, self._cut), _CYCLE, where)
        halo = slab.coarse_halos[slab.cut.rank]
        first, last = self._cut.start - halo.before, self._cut.start + self._cut.rows + halo.behind
        rows = torch.arange(first, last, device=u.device).remainder(u.shape[1])
        return u.index_select(1, rows)
