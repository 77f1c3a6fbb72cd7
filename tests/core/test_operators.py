"""Raw operators: what they refuse, and with which words. Values and layouts: tests/bessel."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from torch.autograd import forward_ad

from longtail import _operators

ops = torch.ops.longtail


def pair(*shape: int, dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    first = torch.rand(*shape, dtype=torch.float64, generator=generator) + 0.5
    second = torch.rand(*shape, dtype=torch.float64, generator=generator) + 0.5
    return first.to(dtype), second.to(dtype)


@pytest.mark.parametrize("name", _operators.ELEMENTWISE)
def test_every_function_has_its_three_operators(name):
    operator = getattr(ops, name)
    v, x = pair(5)
    value = operator(v, x)
    out = torch.empty_like(v)
    assert operator.out(v, x, out=out) is None
    assert torch.equal(value, out)
    assert getattr(ops, f"{name}_derivative")(v, x, 1, 0).shape == (5,)


def test_every_operator_is_in_a_test():
    """By name; gradients and derivatives by the name of their function."""
    schemas = [each.name for each in torch._C._jit_get_all_schemas()]
    names = {
        re.sub("^longtail::|_backward$|_derivative$", "", name)
        for name in schemas
        if name.startswith("longtail::")
    }
    assert len(names) > 40
    tests = Path(__file__).parents[1].rglob("*.py")
    text = "".join(path.read_text() for path in tests if path != Path(__file__))
    assert not {name for name in names if not re.search(rf"\b{name}\b", text)}


def test_results_are_contiguous():
    v, x = pair(7, 5)
    v, x = v.t(), x.t()
    for result in (ops.matern(v, x), ops.matern_derivative(v, x, 0, 1)):
        assert result.is_contiguous()
    assert torch.equal(ops.matern(v, x), ops.matern(v.contiguous(), x.contiguous()))


REFUSED = {
    "shape": (lambda v, x: ops.log_bessel_i(v, x[:2]), "`x`.*shape.*2.*shape of v.*3"),
    "dtypes": (lambda v, x: ops.log_bessel_i(v, x.float()), "`x`.*Float.*dtype of v.*Double"),
    "integers": (lambda v, x: ops.log_hyp0f1(v.int(), x.int()), "log_hyp0f1.*`b`.*Int.*float64"),
    "complex": (lambda v, x: ops.matern(v + 0j, x + 0j), "matern.*`nu`.*Complex"),
    "devices": (lambda v, x: ops.log_bessel_i(v, x.to("meta")), "device meta.*cpu"),
    "order 3": (lambda v, x: ops.matern_derivative(v, x, 2, 1), r"order.*\(2, 1\).*sum 1 or 2"),
    "order 0": (lambda v, x: ops.matern_derivative(v, x, 0, 0), r"order.*\(0, 0\)"),
    "negative": (lambda v, x: ops.matern_derivative(v, x, -1, 2), r"order.*\(-1, 2\)"),
    "huge order": (lambda v, x: ops.matern_derivative(v, x, 2**40, 2**40), "order"),
    "out shape": (lambda v, x: ops.matern.out(v, x, out=v.new_empty(4)), "`out`.*4.*nu.*3"),
    "out dtype": (
        lambda v, x: ops.matern.out(v, x, out=torch.empty(3, dtype=torch.int64)),
        "`out`.*Long",
    ),
    "out expanded": (
        lambda v, x: ops.matern.out(v, x, out=v.new_empty(1).expand(3)),
        "`out`.*share memory",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_arguments_are_named(case):
    call, message = REFUSED[case]
    with pytest.raises(ValueError, match=f"(?s){message}"):
        call(*pair(3))


@pytest.mark.parametrize(
    ("read", "written"),
    [
        (slice(1, None), slice(None, -1)),
        (slice(None, -1), slice(1, None)),
        (slice(None, None), slice(None, None)),
        (slice(None, None, 2), slice(1, None, 2)),
    ],
)
def test_out_may_share_memory_with_an_input(read, written):
    memory = torch.rand(5000, dtype=torch.float64) + 1
    v = torch.linspace(1, 9, memory[read].numel(), dtype=torch.float64)
    expected = ops.log_bessel_k(v, memory[read])
    ops.log_bessel_k.out(v, memory[read], out=memory[written])
    assert torch.equal(memory[written], expected)


def test_out_counts_as_a_change():
    v, x = pair(3)
    out = torch.empty_like(v)
    before = out._version
    ops.log_bessel_k.out(v, x, out=out)
    assert out._version == before + 1
    with torch.inference_mode():
        ops.log_bessel_k.out(v, x, out=torch.empty_like(v))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_out_of_another_float_type_is_rounded_once(dtype):
    v, x = pair(100)
    out = torch.empty(100, dtype=dtype)
    ops.log_bessel_k.out(v, x, out=out)
    assert torch.equal(out, ops.log_bessel_k(v, x).to(dtype))


class TestForwardOnly:
    """An input that needs a gradient is refused by name of the public function."""

    refused = pytest.raises(NotImplementedError, match="forward-only.*longtail.log_bessel_i")

    def test_reverse_mode(self):
        v, x = pair(3)
        x.requires_grad_()
        with self.refused:
            ops.log_bessel_i(v, x)
        with self.refused:
            ops.log_bessel_i_derivative(v, x, 0, 1)
        with self.refused:
            ops.log_bessel_i.out(v, x.detach(), out=torch.empty(3, dtype=x.dtype).requires_grad_())

    def test_forward_mode(self):
        v, x = pair(3)
        with forward_ad.dual_level(), self.refused:
            ops.log_bessel_i(v, forward_ad.make_dual(x, torch.ones_like(x)))

    def test_function_transforms(self):
        v, x = pair(3)
        with self.refused:
            torch.func.grad(lambda t: ops.log_bessel_i(v, t).sum())(x)
        with self.refused:
            torch.func.jvp(lambda t: ops.log_bessel_i(v, t), (x,), (torch.ones_like(x),))

    def test_without_gradient_mode_all_is_well(self):
        v, x = pair(3)
        expected = ops.log_bessel_i(v, x)
        x.requires_grad_()
        with torch.no_grad():
            assert torch.equal(ops.log_bessel_i(v, x), expected)
        with torch.inference_mode():
            assert torch.equal(ops.log_bessel_i(v, x), expected)
        assert torch.equal(ops.log_bessel_i(v, x.detach()), expected)


def test_operators_trace_on_meta_tensors():
    v, x = (tensor.to("meta") for tensor in pair(3, 4))
    assert ops.log_bessel_i(v.t(), x.t()).stride() == (3, 1)


def test_absent_cuda_library_is_explained():
    kernel = _operators._absent(ops.matern.default, "this build has no CUDA library")
    with pytest.raises(NotImplementedError, match="matern.*no CUDA library.*longtail doctor"):
        kernel()
