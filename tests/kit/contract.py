"""What torch's own functions of several tensors promise: promotion, broadcasting, out=, autocast,
meta, inference mode."""

from __future__ import annotations

import copy
import itertools
import pickle
import warnings
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from kit.spec import OpSpec
from kit.tensors import MATRIX, same_bits

_MIXED = (
    *(torch.float64, torch.float32, torch.bfloat16, torch.float16),
    *(torch.int64, torch.int32, torch.int8, torch.uint8, torch.bool),
)


class ContractChecks:
    """Subclass with ``specs = [...]``."""

    specs: Sequence[OpSpec] = ()
    default_dtypes = ("float64", "float32", "bfloat16", "float16")

    def test_promotion(self, spec: OpSpec) -> None:
        """Result dtypes are those of torch.true_divide, for every pair of dtypes, with and
        without dimensions."""
        for left, right in itertools.product(_MIXED, _MIXED):
            for left_shape, right_shape in itertools.product(((), (2,)), repeat=2):
                a = torch.ones(left_shape, dtype=left)
                b = torch.ones(right_shape, dtype=right)
                expected = torch.true_divide(a, b).dtype
                assert spec.function(a, b).dtype == expected, (a, b)

    @pytest.mark.parametrize("default", [torch.float64, torch.float32])
    def test_integers_and_default_dtype(self, spec: OpSpec, default: torch.dtype) -> None:
        integers = torch.tensor([1, 2, 3])
        before = torch.get_default_dtype()
        torch.set_default_dtype(default)
        try:
            result = spec.function(integers, integers)
            with_number = spec.function(integers, 2)
        finally:
            torch.set_default_dtype(before)
        assert result.dtype == with_number.dtype == default
        assert same_bits(result, spec.function(integers.to(default), integers.to(default)))

    def test_numbers(self, spec: OpSpec, dtype: torch.dtype) -> None:
        """A plain number is a tensor without dimensions that does not promote."""
        first, second = spec.inputs((5,), dtype)
        for number in (2, 2.5, True):
            as_tensor = torch.full((5,), float(number), dtype=dtype)
            assert same_bits(spec.function(number, second), spec.function(as_tensor, second))
            assert same_bits(spec.function(first, number), spec.function(first, as_tensor))

    def test_autocast(self, spec: OpSpec) -> None:
        for dtype in (torch.bfloat16, torch.float16):
            inputs = spec.inputs((5,), dtype)
            wide = torch.float32 if spec.autocast else dtype
            with torch.autocast("cpu", dtype=torch.bfloat16):
                result = spec.function(*inputs)
            assert same_bits(result, spec.function(*(tensor.to(wide) for tensor in inputs)))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert spec.function(*spec.inputs((5,), torch.float64)).dtype == torch.float64

    def test_autocast_gradient(self, spec: OpSpec) -> None:
        """Gradients come back in the dtype of the arguments."""
        inputs = [tensor.requires_grad_() for tensor in spec.inputs((5,), torch.bfloat16)]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            result = spec.function(*inputs)
        for gradient in torch.autograd.grad(result.sum(), inputs):
            assert gradient.dtype == torch.bfloat16

    def test_meta(self, spec: OpSpec, dtype: torch.dtype) -> None:
        inputs = [tensor.t().to("meta") for tensor in spec.inputs(MATRIX, dtype)]
        result = spec.function(*inputs)
        assert result.is_meta and result.dtype == dtype and result.is_contiguous()
        assert result.shape == inputs[0].shape
        number = spec.function(inputs[0], 2.0)
        assert number.is_meta and number.dtype == dtype

    def test_inference_mode(self, spec: OpSpec) -> None:
        inputs = [tensor.requires_grad_() for tensor in spec.inputs((5,))]
        with torch.inference_mode():
            result = spec.function(*inputs)
        assert result.is_inference() and not result.requires_grad
        with torch.no_grad():
            assert same_bits(spec.function(*inputs), result)

    def test_pickle_and_deepcopy(self, spec: OpSpec) -> None:
        """Modules hold functions: they must survive being copied and sent to another process."""
        assert pickle.loads(pickle.dumps(spec.function)) is spec.function
        assert copy.deepcopy(spec.function) is spec.function

    def test_parameter_and_requires_grad(self, spec: OpSpec) -> None:
        """nn.Parameter works, and only what requires a gradient asks for one."""
        inputs = spec.inputs((5,))
        assert not spec.function(*inputs).requires_grad
        for k in range(len(inputs)):
            parameter = torch.nn.Parameter(inputs[k].clone())
            result = spec.function(*inputs[:k], parameter, *inputs[k + 1 :])
            assert result.requires_grad and type(result) is Tensor
            result.sum().backward()
            assert parameter.grad is not None

    def test_out(self, spec: OpSpec, dtype: torch.dtype) -> None:
        """Right shape, to be resized, other strides, other dtypes, one of the arguments itself."""
        if not spec.out:
            pytest.skip("the function has no out=")
        inputs = spec.inputs(MATRIX, dtype)
        expected = spec.function(*inputs)
        columns = torch.zeros(MATRIX[0], 2 * MATRIX[1], dtype=dtype)
        for out in (
            torch.empty(MATRIX, dtype=dtype),
            torch.empty(0, dtype=dtype),
            torch.empty(MATRIX[::-1], dtype=dtype).t(),
            columns[:, 1::2],
        ):
            assert spec.function(*inputs, out=out) is out
            assert same_bits(out, expected)
        assert not columns[:, ::2].any(), "wrote between the elements of out"
        for other in (torch.float64, torch.float32, torch.bfloat16, torch.complex64):
            out = torch.empty(MATRIX, dtype=other)
            torch.testing.assert_close(
                spec.function(*inputs, out=out), expected.to(other), rtol=0, atol=0, equal_nan=True
            )
        for k in range(len(inputs)):
            arguments = [tensor.clone() for tensor in inputs]
            spec.function(*arguments, out=arguments[k])
            assert same_bits(arguments[k], expected)

    def test_out_that_overlaps_an_argument(self, spec: OpSpec) -> None:
        """A view that shares memory with an argument, shifted by one element."""
        if not spec.out:
            pytest.skip("the function has no out=")
        first, second = spec.inputs((50,))
        expected = spec.function(first, second)
        memory = torch.cat([first, first.new_zeros(1)])
        spec.function(memory[:-1], second, out=memory[1:])
        assert same_bits(memory[1:], expected)

    def test_out_warns_when_it_resizes(self, spec: OpSpec) -> None:
        if not spec.out:
            pytest.skip("the function has no out=")
        inputs = spec.inputs((5,))
        out = torch.empty(3, dtype=torch.float64)
        with pytest.warns(UserWarning, match="resized"):
            spec.function(*inputs, out=out)
        assert same_bits(out, spec.function(*inputs))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            spec.function(*inputs, out=out)

    def test_out_does_not_differentiate(self, spec: OpSpec) -> None:
        """torch's own words, for a gradient on either side."""
        if not spec.out:
            pytest.skip("the function has no out=")
        inputs = spec.inputs((5,))
        out = torch.empty(5, dtype=torch.float64)
        tracked = [tensor.clone().requires_grad_() for tensor in inputs]
        for arguments, target in ((tracked, out), (inputs, out.clone().requires_grad_())):
            with pytest.raises(RuntimeError, match="don't support automatic differentiation"):
                spec.function(*arguments, out=target)
        with torch.no_grad():
            spec.function(*tracked, out=out)
        assert same_bits(out, spec.function(*inputs))
