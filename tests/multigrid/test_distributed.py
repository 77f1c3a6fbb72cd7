"""The family over several processes: boxes in slabs, patches, batches as DTensors, training."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import longtail
from kit.processes import run_script
from longtail._domain_plan import domain_plan
from longtail._grid_geometry import Geometry
from longtail._grid_plan import plan_of

from .batch_cases import CASES, SIZES


@pytest.mark.parametrize("count", [2, 4])
def test_several_processes(count: int) -> None:
    """All of domain_checks and model_checks."""
    assert "agree" in run_script("multigrid.several_processes", str(count))


def test_without_processes() -> None:
    f = torch.ones(3, 4)
    patching = longtail.nn.MultigridPatching2d()
    for call in (
        lambda: longtail.distributed.poisson_solve(f),
        lambda: longtail.distributed.diffusion_solve(f, f),
        lambda: longtail.distributed.patch_parallel(patching, f[None, None]),
    ):
        with pytest.raises(RuntimeError, match="init_process_group"):
            call()


@pytest.mark.parametrize("name", CASES)
def test_no_collectives(name: str, fake_processes: int) -> None:
    """Batches over a line and over a square of processes: values and gradients stay where they
    are, and those of what all have alike are shares of a sum."""
    from torch.distributed.tensor import (
        DTensor,
        Partial,
        Replicate,
        Shard,
        distribute_tensor,
        init_device_mesh,
    )
    from torch.distributed.tensor.debug import CommDebugMode

    case = CASES[name]
    for shape in ((4,), (2, 2)):
        mesh = init_device_mesh("cpu", shape)
        cut: list[Any] = [Shard(0)] * len(shape)
        tensors = [
            distribute_tensor(
                each, mesh, cut if k < case.batched else [Replicate()] * len(shape)
            ).requires_grad_()
            for k, each in enumerate(case.tensors(8))
        ]
        with CommDebugMode() as communication:
            y = case.call(*tensors)
            assert isinstance(y, DTensor) and list(y.placements) == cut
            y.backward(torch.ones_like(y))
        assert communication.get_total_counts() == 0, communication.get_comm_counts()
        for k, each in enumerate(tensors):
            assert isinstance(each.grad, DTensor)
            expected = cut if k < case.batched else [Partial()] * len(shape)
            assert list(each.grad.placements) == expected, k
        local = case.call(*(each.detach().to_local() for each in tensors))
        torch.testing.assert_close(y.detach().to_local(), local, rtol=1e-6, atol=1e-9)


def test_raw_operators(fake_processes: int) -> None:
    """Each of them by itself on sharded batches: their local results, and nothing moves."""
    from torch.distributed.tensor import Partial, Replicate, Shard, distribute_tensor
    from torch.distributed.tensor import init_device_mesh as mesh_of
    from torch.distributed.tensor.debug import CommDebugMode

    from longtail.distributed import register_sharding_rules

    register_sharding_rules()
    raw, mesh = torch.ops.longtail, mesh_of("cpu", (4,))
    (rows, points), none = SIZES, torch.empty(0, dtype=torch.float64)
    row_faces, point_faces = (
        torch.rand(8, rows + 1, points) + 1,
        torch.rand(8, rows, points + 1) + 1,
    )
    faces = (none, row_faces.double(), point_faces.double())
    f, u = torch.rand(2, 8, rows, points, dtype=torch.float64)
    hierarchy = raw.diffusion_hierarchy(*faces, 1.0, 1.0, 1.0, 0, False)
    grid = (0, rows, points, 1.0, 1.0, 1.0, 0, 0)
    coarse = raw.grid_restrict(hierarchy, f, *grid)
    entries = torch.rand(8, 5, rows, points, dtype=torch.float64) / 9
    entries[:, 4] = 1
    x, weight = torch.rand(8, rows, points, 3), torch.rand(4, 3, 3, 3)
    y, bias, up = torch.rand(8, rows, points, 4), torch.rand(4), torch.rand(3, 2, 4, 4)
    small, empty = torch.rand(8, (rows + 1) // 2, (points + 1) // 2, 3), torch.empty(0)
    first: Any = Shard(0)
    calls: list[tuple[Any, tuple[Any, ...], set[int], Any]] = [
        (raw.poisson_solve, (f, none, 1.0, 0.1, 0.1, 4, 0, 0, False, 1e-8, 50), {0}, first),
        (raw.poisson_solve, (f, u, 1.0, 0.1, 0.1, 4, 0, 0, True, 1e-8, 50), {0, 1}, first),
        (raw.diffusion_hierarchy, (*faces, 1.0, 1.0, 1.0, 0, True), {1, 2}, first),
        (raw.diffusion_hierarchy, (*faces, 1.0, 0.1, 1.0, 0, True), {1, 2}, first),
        (raw.stencil_hierarchy, (entries, 1.0, 1.0, 1.0, 0, False, True), {0}, first),
        (raw.diffusion_apply, (*faces, u, 0), {1, 2, 3}, first),
        (raw.grid_apply, (hierarchy, u, *grid), {0, 1}, first),
        (raw.grid_apply, (hierarchy[:1], u, *grid), {1}, first),
        (raw.grid_restrict, (hierarchy, f, *grid), {0, 1}, first),
        (raw.grid_prolong, (hierarchy, coarse, *grid), {0, 1}, first),
        (raw.grid_smooth, (hierarchy, u, f, 0, 1, 1.0, False, *grid), {0, 1, 2}, first),
        (raw.grid_cycle, (hierarchy[:1], none, f, 0, 1, 1, 1.0, False, True, *grid), {2}, first),
        (raw.grid_conv, (x, weight, y, bias, False), {0, 2}, first),
        (raw.grid_conv, (y, weight, empty, empty, True), {0}, first),
        (raw.grid_up, (small, up, empty, empty, rows, points), {0}, first),
        (raw.grid_down, (x, weight), {0}, first),
        (raw.grid_conv_weight, (y, x), {0, 1}, Partial()),
        (raw.grid_transfer_weight, (small, x, 4), {0, 1}, Partial()),
    ]
    solve = (*faces, f, none, none, 1.0, 1.0, 1.0, 0, 1e-8, 50)
    calls.append((raw.diffusion_solve, solve, {1, 2, 3}, first))
    one_system = (none, row_faces[:1].double(), point_faces[:1].double(), *solve[3:])
    calls.append((raw.diffusion_solve, one_system, {3}, first))
    for op, inputs, cut, expected in calls:
        given = [
            distribute_tensor(each, mesh, [first if k in cut else Replicate()])
            if isinstance(each, torch.Tensor)
            else each
            for k, each in enumerate(inputs)
        ]
        with CommDebugMode() as communication:
            found = op(*given)
        assert communication.get_total_counts() == 0, op
        local = op(*(e.to_local() if isinstance(e, torch.Tensor) else e for e in given))
        found, local = ((e,) if isinstance(e, torch.Tensor) else e for e in (found, local))
        for ours, theirs in zip(found, local, strict=True):
            assert ours.placements == (expected,), op
            assert torch.equal(ours.to_local(), theirs), op


def test_cuts() -> None:
    """Whatever the sizes: rows are all somebody's, slabs thick enough for what their neighbours and
    the next level ask of them, coarse points where those of the whole box are."""
    deepest = 0
    for rows in (2, 9, 33, 40, 64, 65, 127, 130):
        for sides in (("dirichlet", "neumann"), ("periodic", "periodic")):
            for h in ((0.1, 0.1), (0.1, 0.3), (0.3, 0.1)):
                geometry = Geometry((rows, 300), h, (sides, sides), True)
                for count in (1, 2, 3, 5):
                    plans = [domain_plan(geometry, rank, count, None) for rank in range(count)]
                    _check_cut(geometry, plans)
                    deepest = max(deepest, len(plans[0].slabs))
    assert deepest >= 4


def _check_cut(geometry: Geometry, plans: list[Any]) -> None:
    levels = plan_of(geometry).levels()
    count, depth = len(plans), len(plans[0].slabs)
    assert plans[0].coarse == levels[depth]
    for index in range(depth):
        cut = plans[0].slabs[index].cut
        size = levels[index].sizes[1]
        assert cut.starts[0] == 0 and cut.starts[-1] == size
        following = plans[0].slabs[index + 1].cut if index + 1 < depth else plans[0].coarse_cut
        for rank, plan in enumerate(plans):
            slab = plan.slabs[index]
            assert slab.cut.starts == cut.starts and slab.halos == plans[0].slabs[index].halos
            halo, coarse_halo = slab.halos[rank], slab.coarse_halos[rank]
            assert min(cut.sizes()) >= 5 >= max(halo) and min(halo) >= 0
            begin = cut.starts[rank] - halo.before
            assert slab.plan.sizes[1] == cut.sizes()[rank] + sum(halo)
            assert min(coarse_halo) >= 0 and max(coarse_halo) <= min(following.sizes())
            halved = levels[index].halved()
            assert halved is not None and slab.plan.halved() == halved
            # Where the box of this slab has its first coarse point.
            first = 0 if levels[index].periodic[1] else 1
            own = following.starts[rank] - coarse_halo.before
            assert begin + 1 == 2 * own + first if halved[1] else begin == own
            coarse = slab.plan.levels()[1].sizes[1]
            assert own + coarse == following.starts[rank + 1] + coarse_halo.behind
            if not levels[index].periodic[1]:
                assert (halo.before == 0) == (rank == 0)
                assert (halo.behind == 0) == (rank == count - 1)
