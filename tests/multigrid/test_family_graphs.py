"""What every function of the family is asked of compiled and exported code."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor

from kit.functions import floats
from kit.graphs import Together, called, count_graphs, exported, packaged
from multigrid.family import MAIN, ROWS, of_batches, same

GRAPHS = [name for name in MAIN if ROWS[name].compiles]


@pytest.mark.usefixtures("fresh_dynamo")
@pytest.mark.parametrize("name", GRAPHS)
def test_one_compile_serves_all_batches(name: str) -> None:
    """Whole graphs, no recompilation. (A grid of another size is another graph: its spacings and
    levels are numbers.)"""
    row = ROWS[name]
    several = of_batches(row, (11, 17, 2), row.dtypes[-1])
    assert count_graphs(row.call, several, partial(same, row)) == 1


def together(names: list[str]) -> Together:
    return Together((ROWS[name].call, len(ROWS[name].kinds)) for name in names)


@pytest.mark.usefixtures("fresh_dynamo")
@pytest.mark.parametrize(
    ("backend", "dynamic"),
    [
        ("aot_eager", False),
        pytest.param("aot_eager", True, marks=pytest.mark.full),
        pytest.param("inductor", False, marks=pytest.mark.full),
        pytest.param("inductor", True, marks=pytest.mark.full),
    ],
)
def test_all_in_one_graph(backend: str, dynamic: bool) -> None:
    """With gradients."""
    names = [name for name in GRAPHS if name != "poisson_solve, dst"]  # complex numbers: a warning
    tensors = [x for name in names for x in ROWS[name].inputs(dtype=ROWS[name].dtypes[-1])]
    eager = together(names)
    compiled = torch.compile(eager, fullgraph=True, dynamic=dynamic, backend=backend)
    both = []
    for function in (compiled, eager):
        leaves = [each.clone().requires_grad_() for each in tensors]
        got = function(*leaves)
        loss = sum((each.square().sum() for each in floats(got)), torch.zeros(()))
        gradients = torch.autograd.grad(loss, leaves, allow_unused=True)
        both.append([*got, *(torch.zeros(()) if g is None else g for g in gradients)])
    for mine, theirs in zip(*both, strict=True):
        if not mine.dtype.is_floating_point:
            assert torch.equal(mine, theirs)
        elif mine.dtype == torch.float32:  # not what is said of a solution
            assert (mine - theirs).norm() <= 1e-4 * theirs.norm()


#: A function of torch operations exports without us.
PACKAGED = [name for name in GRAPHS if not ROWS[name].of_torch]


@pytest.mark.usefixtures("fresh_dynamo")
def test_package(tmp_path: Path) -> None:
    """torch.export with a dynamic batch, and a package of AOTInductor that is loaded again."""
    calls = [list(of_batches(ROWS[name], (6, 37, 2), ROWS[name].dtypes[-1])) for name in PACKAGED]
    eager = together(PACKAGED)

    def inputs(n: int) -> tuple[Tensor, ...]:
        return tuple(each for made in calls for each in made[n])

    program = exported(eager, inputs(0), [x.shape[0] == 6 for made in calls for x in made[0]])
    wanted = ("poisson_solve", "diffusion_solve", "diffusion_hierarchy", "diffusion_apply",
              "grid_smooth", "grid_cycle", "grid_restrict", "grid_prolong", "grid_conv",
              "grid_down", "grid_up")  # fmt: skip
    assert {f"longtail.{op}.default" for op in wanted} <= called(program)
    loaded = packaged(program, tmp_path)
    for n in range(3):
        for got, expected in zip(loaded(*inputs(n)), eager(*inputs(n)), strict=True):
            assert got.shape == expected.shape
            if got.dtype == torch.float32:
                assert (got - expected).norm() <= 1e-4 * expected.norm()
