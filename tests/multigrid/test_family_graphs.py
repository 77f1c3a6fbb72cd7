"""What every function of the family is asked of compiled and exported code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from multigrid.family import MAIN, ROWS, floats, of_batches, results, same

GRAPHS = [name for name in MAIN if ROWS[name].compiles]


@pytest.mark.usefixtures("fresh_dynamo")
@pytest.mark.parametrize("name", GRAPHS)
def test_one_compile_serves_all_batches(name: str) -> None:
    """Whole graphs, no recompilation. (A grid of another size is another graph: its spacings and
    levels are numbers.)"""
    row, graphs = ROWS[name], 0

    def backend(graph: torch.fx.GraphModule, inputs: list[Any]) -> Callable[..., Any]:
        nonlocal graphs
        graphs += 1
        return graph.forward

    compiled = torch.compile(row.call, fullgraph=True, dynamic=True, backend=backend)
    for tensors in of_batches(row, (11, 17, 2), row.dtypes[-1]):
        assert same(row, results(compiled, *tensors), results(row.call, *tensors))
    assert graphs == 1


class Together(torch.nn.Module):
    """Functions side by side, on tensors of their own."""

    def __init__(self, names: list[str]) -> None:
        super().__init__()
        self.calls = [(ROWS[name].call, len(ROWS[name].kinds)) for name in names]

    def forward(self, *tensors: Tensor) -> list[Tensor]:
        given = []
        for call, count in self.calls:
            given += results(call, *tensors[:count])
            tensors = tensors[count:]
        return given


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
    together = Together(names)
    compiled = torch.compile(together, fullgraph=True, dynamic=dynamic, backend=backend)
    both = []
    for function in (compiled, together):
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
    size = torch.export.Dim("size", min=2, max=4096)
    dynamic = tuple({0: size} if x.shape[0] == 6 else {} for made in calls for x in made[0])
    together = Together(PACKAGED)

    def inputs(n: int) -> tuple[Tensor, ...]:
        return tuple(each for made in calls for each in made[n])

    program = torch.export.export(together, inputs(0), dynamic_shapes=(dynamic,))
    called = {str(node.target) for node in program.graph.nodes if node.op == "call_function"}
    wanted = ("poisson_solve", "diffusion_solve", "diffusion_hierarchy", "diffusion_apply",
              "grid_smooth", "grid_cycle", "grid_restrict", "grid_prolong", "grid_conv",
              "grid_down", "grid_up")  # fmt: skip
    assert {f"longtail.{op}.default" for op in wanted} <= called
    package = torch._inductor.aoti_compile_and_package(
        program, package_path=str(tmp_path / "a.pt2")
    )
    loaded = torch._inductor.aoti_load_package(package)
    for n in range(3):
        for got, expected in zip(loaded(*inputs(n)), together(*inputs(n)), strict=True):
            assert got.shape == expected.shape
            if got.dtype == torch.float32:
                assert (got - expected).norm() <= 1e-4 * expected.norm()
