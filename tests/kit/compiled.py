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

from kit.spec import OpSpec


@pytest.mark.usefixtures("fresh_dynamo")
class CompileChecks:
    """Subclass with ``specs = [...]``. ``fullgraph=True`` everywhere: no graph break passes."""

    specs: Sequence[OpSpec] = ()
    default_dtypes = ("float32",)

    def test_static_and_dynamic(self, spec: OpSpec, dtype: torch.dtype) -> None:
        """Bits of eager mode from torch.compile with Inductor, forward and backward."""
        tensors = spec.inputs((6, 5), dtype)
        expected = _value_and_gradients(spec.function, tensors)
        for dynamic in (False, True):
            torch._dynamo.reset()
            compiled = torch.compile(spec.function, fullgraph=True, dynamic=dynamic)
            _assert_equal(_value_and_gradients(compiled, tensors), expected)

    def test_one_compile_serves_all_sizes(self, spec: OpSpec) -> None:
        counter = _CompileCounter()
        compiled = torch.compile(spec.function, fullgraph=True, dynamic=True, backend=counter)
        for shape in ((6, 5), (127, 2), (3, 193), (8, 8)):
            tensors = spec.inputs(shape, torch.float32)
            assert torch.equal(compiled(*tensors), spec.function(*tensors))
        assert counter.graphs == 1

    def test_numbers_and_mixed_dtypes(self, spec: OpSpec) -> None:
        """Promotion, broadcasting and plain numbers inside a graph."""
        tensors = spec.inputs((4,))
        for k in range(len(tensors)):
            for other in (2, 2.5, tensors[k][0].item(), tensors[k].float(), tensors[k][:, None]):
                arguments = (*tensors[:k], other, *tensors[k + 1 :])
                torch._dynamo.reset()
                compiled = torch.compile(spec.function, fullgraph=True, backend="aot_eager")
                _assert_equal([compiled(*arguments)], [spec.function(*arguments)])

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
        third = torch.compile(
            grad(grad(grad(spec.function))), fullgraph=True, backend="aot_eager"
        )
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

    def test_export_and_aotinductor(self, spec: OpSpec, tmp_path: Path) -> None:
        """torch.export with a dynamic dimension, compiled by AOTInductor to a package that is
        loaded again and serves several sizes."""
        inputs = spec.inputs((6,), torch.float32)
        size = torch.export.Dim("size", min=2, max=4096)
        dynamic = tuple({0: size} for _ in inputs)
        program = torch.export.export(_Call(spec.function), inputs, dynamic_shapes=(dynamic,))
        called = {str(node.target) for node in program.graph.nodes if node.op == "call_function"}
        assert spec.raw[0].overload.name().replace("::", ".") + ".default" in called
        package = torch._inductor.aoti_compile_and_package(
            program, package_path=str(tmp_path / "op.pt2")
        )
        loaded = torch._inductor.aoti_load_package(package)
        for count in (6, 127, 2):
            tensors = spec.inputs((count,), torch.float32)
            assert torch.equal(loaded(*tensors), spec.function(*tensors))

    def test_export_strict(self, spec: OpSpec) -> None:
        """The path of torch.export through Dynamo."""
        inputs = spec.inputs((6,), torch.float32)
        program = torch.export.export(_Call(spec.function), inputs, strict=True)
        lowered = program.run_decompositions()
        assert torch.equal(lowered.module()(*inputs), spec.function(*inputs))


class _CompileCounter:
    """A backend that runs graphs as they are and counts them."""

    def __init__(self) -> None:
        self.graphs = 0

    def __call__(self, graph: torch.fx.GraphModule, inputs: list[Any]) -> Callable[..., Any]:
        self.graphs += 1
        return graph.forward


class _Call(torch.nn.Module):
    """A function as torch.export wants it."""

    def __init__(self, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *arguments: Tensor) -> Tensor:
        return self.function(*arguments)


def _value_and_gradients(
    function: Callable[..., Tensor], tensors: Sequence[Tensor]
) -> list[Tensor]:
    tracked = [tensor.clone().requires_grad_() for tensor in tensors]
    result = function(*tracked)
    return [result.detach(), *torch.autograd.grad(result.sum(), tracked)]


def _assert_equal(left: Sequence[Tensor], right: Sequence[Tensor]) -> None:
    assert len(left) == len(right)
    for a, b in zip(left, right, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0, equal_nan=True)
