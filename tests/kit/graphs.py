"""Compiled and exported code: graphs counted, functions side by side, packages loaded again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kit.tensors import Same, results


class CountGraphs:
    """A backend that runs graphs as they are and counts them."""

    def __init__(self) -> None:
        self.graphs = 0

    def __call__(self, graph: torch.fx.GraphModule, inputs: list[Any]) -> Callable[..., Any]:
        self.graphs += 1
        return graph.forward


def count_graphs(
    call: Callable[..., Any],
    several: Iterable[Sequence[Tensor]],
    same: Same,
) -> int:
    """How many whole graphs it takes to serve all of these with the results of eager mode."""
    counter = CountGraphs()
    compiled = torch.compile(call, fullgraph=True, dynamic=True, backend=counter)
    for tensors in several:
        expected = results(call, *tensors)  # first: what is made once is made outside of graphs
        assert same(results(compiled, *tensors), expected)
    return counter.graphs


class Together(torch.nn.Module):
    """Functions side by side, each with how many of the tensors are its own."""

    def __init__(self, calls: Iterable[tuple[Callable[..., Any], int]]) -> None:
        super().__init__()
        self.calls = list(calls)

    def forward(self, *tensors: Tensor) -> list[Tensor]:
        given = []
        for call, count in self.calls:
            given += results(call, *tensors[:count])
            tensors = tensors[count:]
        return given


def exported(
    module: torch.nn.Module, tensors: tuple[Tensor, ...], grows: Sequence[bool]
) -> torch.export.ExportedProgram:
    """With a first dimension of any size in those tensors that grow with it."""
    size = torch.export.Dim("size", min=2, max=4096)
    dynamic = tuple({0: size} if each else {} for each in grows)
    return torch.export.export(module, tensors, dynamic_shapes=(dynamic,))


def called(program: torch.export.ExportedProgram) -> set[str]:
    """The operators of an exported program."""
    return {str(node.target) for node in program.graph.nodes if node.op == "call_function"}


def packaged(program: torch.export.ExportedProgram, folder: Path) -> Callable[..., Any]:
    """Compiled by AOTInductor to a package, and loaded again."""
    package = torch._inductor.aoti_compile_and_package(
        program, package_path=str(folder / "package.pt2")
    )
    loaded: Callable[..., Any] = torch._inductor.aoti_load_package(package)
    return loaded
