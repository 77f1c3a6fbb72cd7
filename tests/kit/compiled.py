"""torch.compile, torch.export and AOTInductor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.func import grad, hessian, jacfwd, jacrev, jvp, vmap
from torch.utils._pytree import tree_leaves

from kit.graphs import CountGraphs, Together, called, exported, packaged
from kit.spec import OpSpec


@pytest.mark.usefixtures("fresh_dynamo")
class CompileChecks:
    """Subclass with ``specs = [...]``. ``fullgraph=True`` everywhere: no graph break passes."""

    specs: Sequence[OpSpec] = ()
    default_dtypes = ("float32",)
    first_op_only = ("func_transforms", "numbers_and_mixed_dtypes")

    @pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
    def test_all_ops_in_one_graph(self, dynamic: bool) -> None:
        """Inductor gives the bits of eager mode, forward and backward."""
        inputs = [tensor for spec in self.specs for tensor in spec.inputs((6, 5), torch.float32)]
        together = _side_by_side(self.specs)
        compiled = torch.compile(together, fullgraph=True, dynamic=dynamic)
        _assert_equal(
            _values_and_gradients(compiled, inputs), _values_and_gradients(together, inputs)
        )

    @pytest.mark.full
    @pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
    def test_inductor(self, spec: OpSpec, dtype: torch.dtype, dynamic: bool) -> None:
        """The same op by op, in every dtype; torch's own operations around the op round as in eager
        mode, where inductor would keep more digits between them."""
        inputs = spec.inputs((6, 5), dtype)
        together = _side_by_side([spec])
        with torch._inductor.config.patch(emulate_precision_casts=True):
            compiled = torch.compile(together, fullgraph=True, dynamic=dynamic)
            got = _values_and_gradients(compiled, inputs)
        _assert_equal(got, _values_and_gradients(together, inputs))

    def test_one_compile_serves_all_sizes(self, spec: OpSpec) -> None:
        counter = CountGraphs()
        compiled = torch.compile(spec.function, fullgraph=True, dynamic=True, backend=counter)
        for shape in ((11, 5), (127, 2), (3, 193), (8, 8)):
            tensors = spec.inputs(shape, torch.float32)
            assert torch.equal(compiled(*tensors), spec.function(*tensors))
        assert counter.graphs == 1

    def test_numbers_and_mixed_dtypes(self, spec: OpSpec) -> None:
        """Promotion, broadcasting and plain numbers, from outside and inside of the graph."""
        tensors = spec.inputs((4,))

        def calls(number: float, integer: int) -> list[Tensor]:
            results = []
            for k in range(len(tensors)):
                others = (
                    number,
                    integer,
                    2.5,
                    2,
                    tensors[k].float(),
                    tensors[k][0],
                    tensors[k][:, None],
                )
                for other in others:
                    results.append(spec.function(*tensors[:k], other, *tensors[k + 1 :]))
            return results

        compiled = torch.compile(calls, fullgraph=True, backend="aot_eager")
        for number, integer in ((1.5, 3), (0.25, 5)):
            _assert_equal(compiled(number, integer), calls(number, integer))

    def test_func_transforms(self, spec: OpSpec) -> None:
        """Transforms of torch.func inside the graph. A Function without jvp that Dynamo inlines
        gives silent zeros here."""
        inputs = tuple(tensor.detach() for tensor in spec.smooth_inputs((3,)))
        every = tuple(range(len(inputs)))

        def total(*arguments: Tensor) -> Tensor:
            return spec.function(*arguments).sum()

        def transforms(*arguments: Tensor) -> list[Any]:
            return [
                grad(total, every)(*arguments),
                vmap(grad(spec.function, every))(*arguments),
                jacrev(spec.function, every)(*arguments),
                jacfwd(spec.function, every)(*arguments),
                jvp(spec.function, arguments, arguments),
                hessian(total, every)(*arguments),
            ]

        expected = tree_leaves(transforms(*inputs))
        assert all(each.abs().sum() > 0 for each in expected)
        compiled = torch.compile(transforms, fullgraph=True, backend="aot_eager")
        _assert_equal(tree_leaves(compiled(*inputs)), expected)

    def test_third_derivative_raises(self, spec: OpSpec) -> None:
        inputs = tuple(tensor.detach()[0] for tensor in spec.smooth_inputs((1,)))
        third = torch.compile(grad(grad(grad(spec.function))), fullgraph=True, backend="aot_eager")
        with pytest.raises(Exception, match=f"{spec.name}.* order 3"):
            third(*inputs)

    def test_out(self, spec: OpSpec) -> None:
        if not spec.out:
            pytest.skip("the function has no out=")
        tensors = spec.inputs((5,))
        compiled = torch.compile(spec.function, fullgraph=True, backend="aot_eager")
        out = torch.empty(5, dtype=torch.float64)
        result = compiled(*tensors, out=out)
        assert torch.equal(out, spec.function(*tensors)) and torch.equal(result, out)

    def test_autocast(self, spec: OpSpec) -> None:
        """Autocast inside a graph acts as outside."""

        def region(*arguments: Tensor) -> Tensor:
            with torch.autocast("cpu", dtype=torch.bfloat16):
                return spec.function(*arguments)

        tensors = spec.inputs((5,), torch.bfloat16)
        compiled = torch.compile(region, fullgraph=True, backend="aot_eager")
        _assert_equal([compiled(*tensors)], [region(*tensors)])


class ExportChecks:
    """Subclass with ``specs = [...]``."""

    specs: Sequence[OpSpec] = ()

    def test_all_ops_in_one_package(self, tmp_path: Path) -> None:
        """torch.export with a dynamic dimension, compiled by AOTInductor to a package that is
        loaded again and serves several sizes."""
        _check_package(self.specs, tmp_path)

    @pytest.mark.full
    def test_package(self, spec: OpSpec, tmp_path: Path) -> None:
        """The same op by op."""
        _check_package([spec], tmp_path)

    def test_export_strict(self) -> None:
        """The path of torch.export through Dynamo."""
        inputs = tuple(t for spec in self.specs for t in spec.inputs((6,), torch.float32))
        together = _side_by_side(self.specs)
        program = torch.export.export(together, inputs, strict=True).run_decompositions()
        _assert_equal(program.module()(*inputs), together(*inputs))


def _side_by_side(specs: Sequence[OpSpec]) -> Together:
    return Together((spec.function, len(spec.arguments)) for spec in specs)


def _check_package(specs: Sequence[OpSpec], folder: Path) -> None:
    def inputs(count: int) -> tuple[Tensor, ...]:
        return tuple(t for spec in specs for t in spec.inputs((count,), torch.float32))

    together = _side_by_side(specs)
    grows = [
        k < len(spec.arguments) - spec.parameters
        for spec in specs
        for k in range(len(spec.arguments))
    ]
    program = exported(together, inputs(6), grows)
    for spec in specs:
        assert spec.raw[0].overload.name().replace("::", ".") + ".default" in called(program)
    loaded = packaged(program, folder)
    for count in (6, 127, 2):
        _assert_equal(loaded(*inputs(count)), together(*inputs(count)))


def _values_and_gradients(
    function: Callable[..., list[Tensor]], inputs: Sequence[Tensor]
) -> list[Tensor]:
    tracked = [tensor.clone().requires_grad_() for tensor in inputs]
    results = function(*tracked)
    ones = [torch.ones_like(result) for result in results]
    return [*(r.detach() for r in results), *torch.autograd.grad(results, tracked, ones)]


def _assert_equal(left: Sequence[Tensor], right: Sequence[Tensor]) -> None:
    assert len(left) == len(right)
    for a, b in zip(left, right, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0, equal_nan=True)
