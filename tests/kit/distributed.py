"""DTensor: sharded arguments give sharded results, and no data moves."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from kit.processes import environment, run_script
from kit.spec import OpSpec
from kit.tensors import same_bits


def without_moving(
    call: Callable[..., Any], tensors: Sequence[Tensor], places: Sequence[Any]
) -> tuple[Any, Sequence[Any]]:
    """``call`` of DTensors that lie so on a line of four fake processes, and the gradients of them
    all for ones: no data move, and the result is what the local parts give, to the bit."""
    from torch.distributed.tensor import distribute_tensor, init_device_mesh
    from torch.distributed.tensor.debug import CommDebugMode

    mesh = init_device_mesh("cpu", (4,))
    leaves = [
        distribute_tensor(each, mesh, [place]).requires_grad_()
        for each, place in zip(tensors, places, strict=True)
    ]
    with CommDebugMode() as communication:
        y = call(*leaves)
        gradients = torch.autograd.grad(y, leaves, torch.ones_like(y))
    assert communication.get_total_counts() == 0, communication.get_comm_counts()
    local = call(*(each.detach().to_local() for each in leaves))
    assert same_bits(y.detach().to_local(), local)
    return y, gradients


class DistributedChecks:
    """Subclass with ``specs = [...]`` and ``specs_in = "module"`` that has them as ``SPECS``."""

    specs: Sequence[OpSpec] = ()
    specs_in = ""

    @pytest.mark.parametrize("mesh_shape", [(4,), (2, 2)], ids=["line", "square"])
    def test_no_collectives(
        self, spec: OpSpec, mesh_shape: tuple[int, ...], fake_processes: int
    ) -> None:
        """Every dimension sharded over every mesh dimension: values, first and second
        derivatives stay where they are."""
        from torch.distributed.tensor import Shard, distribute_tensor, init_device_mesh
        from torch.distributed.tensor.debug import CommDebugMode

        mesh = init_device_mesh("cpu", mesh_shape)
        full = spec.inputs((8, 4, 12))
        for first_dim in range(3):
            placements = [Shard((first_dim + k) % 3) for k in range(len(mesh_shape))]
            tensors = [distribute_tensor(t, mesh, placements).requires_grad_() for t in full]
            with CommDebugMode() as communication:
                result = spec.function(*tensors)
                assert list(result.placements) == placements
                ones = torch.ones_like(result)
                first = torch.autograd.grad(result, tensors, ones, create_graph=True)
                second = torch.autograd.grad(first, tensors, [ones] * len(first))
                assert all(list(each.placements) == placements for each in (*first, *second))
            assert communication.get_total_counts() == 0, communication.get_comm_counts()
            local = spec.function(*(tensor.detach().to_local() for tensor in tensors))
            assert torch.equal(result.detach().to_local(), local)

    def test_broadcast_and_numbers(self, spec: OpSpec, fake_processes: int) -> None:
        """A replicated row, a sharded row and a number meet a sharded matrix without moving."""
        from torch.distributed.tensor import Replicate, Shard, distribute_tensor, init_device_mesh
        from torch.distributed.tensor.debug import CommDebugMode

        mesh = init_device_mesh("cpu", (2, 2))
        first, second = spec.inputs((8, 4))
        matrix = distribute_tensor(second, mesh, [Shard(0), Shard(1)])
        for placements in ([Replicate(), Shard(0)], [Replicate(), Replicate()]):
            row = distribute_tensor(first[0], mesh, placements)
            with CommDebugMode() as communication:
                result = spec.function(row, matrix)
            assert list(result.placements) == [Shard(0), Shard(1)]
            assert communication.get_total_counts() == 0
        with CommDebugMode() as communication:
            result = spec.function(2.0, matrix)
        assert list(result.placements) == [Shard(0), Shard(1)]
        assert communication.get_total_counts() == 0

    def test_out_and_compile(self, spec: OpSpec, fake_processes: int) -> None:
        from torch.distributed.tensor import DTensor, Shard, distribute_tensor, init_device_mesh

        mesh = init_device_mesh("cpu", (4,))
        tensors = [distribute_tensor(t, mesh, [Shard(0)]) for t in spec.inputs((8, 3))]
        expected = spec.function(*tensors)
        out = distribute_tensor(torch.zeros(8, 3, dtype=torch.float64), mesh, [Shard(0)])
        assert spec.function(*tensors, out=out) is out
        torch._dynamo.reset()
        graphs = _Graphs()
        compiled = torch.compile(spec.function, fullgraph=True, backend=graphs.backend())
        for result in (out, compiled(*tensors)):
            assert isinstance(result, DTensor) and result.placements == expected.placements
            assert torch.equal(result.to_local(), expected.to_local())
        assert graphs.targets and not any("c10d" in target for target in graphs.targets)

    def test_two_gloo_processes(self) -> None:
        """Real processes: sharded results and gradients equal those of one process."""
        run_script("kit.two_processes", self.specs_in)

    def test_rules_are_registered_late(self) -> None:
        """longtail alone never imports torch.distributed.tensor or Dynamo (seconds each)."""
        code = (
            "import sys, torch, longtail\n"
            "longtail.log_bessel_i(torch.ones(2), 1.0)\n"
            "late = ['torch.distributed.tensor', 'torch._dynamo']\n"
            "print([name for name in late if name in sys.modules])\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment(), capture_output=True, text=True
        )
        assert done.stdout.strip() == "[]", done.stdout + done.stderr

    def test_raw_ops_after_registering(self, spec: OpSpec, fake_processes: int) -> None:
        """A program that calls raw ops on DTensors asks for the rules itself."""
        from torch.distributed.tensor import Shard, distribute_tensor, init_device_mesh

        from longtail.distributed import register_sharding_rules

        register_sharding_rules()
        mesh = init_device_mesh("cpu", (4,))
        tensors = [distribute_tensor(t, mesh, [Shard(1)]) for t in spec.inputs((3, 8))]
        for raw in spec.raw:
            assert raw(*tensors).placements == (Shard(1),)


class _Graphs:
    """Collects the ops of the graphs that AOTAutograd hands to the compiler."""

    def __init__(self) -> None:
        self.targets: list[str] = []

    def backend(self) -> Any:
        from torch._dynamo.backends.common import aot_autograd
        from torch._functorch.aot_autograd import make_boxed_func

        def compiler(graph: torch.fx.GraphModule, inputs: list[Any]) -> Any:
            self.targets += [str(n.target) for n in graph.graph.nodes if n.op == "call_function"]
            return make_boxed_func(graph.forward)

        return aot_autograd(fw_compiler=compiler)
