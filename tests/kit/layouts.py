"""Values, dtypes and layouts: the same element gives the same bits, wherever and however it
stands, on any number of threads."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import hypothesis
import pytest
import torch
from hypothesis import strategies
from torch import Tensor

from kit.spec import OpSpec, RawOp
from kit.tensors import MATRIX, Same, all_bits, results, round_once, same_bits, short

Layout = Callable[[Tensor], Tensor]


class LayoutChecks:
    """Subclass with ``specs = [...]``."""

    specs: Sequence[OpSpec] = ()
    default_dtypes = ("float64", "float32", "bfloat16", "float16")

    def test_values(self, spec: OpSpec, dtype: torch.dtype, device: str) -> None:
        """A few elements of the working range, against the reference."""
        inputs = spec.inputs((24,), dtype)
        result = spec.function(*(tensor.to(device) for tensor in inputs)).cpu()
        assert result.dtype == dtype
        check_values(spec, inputs, result)

    def test_edges(self, spec: OpSpec, dtype: torch.dtype, device: str) -> None:
        """Arguments at and beyond the border of the domain give what the contract says."""
        columns = zip(*spec.edges, strict=True)
        inputs = [torch.tensor(column, dtype=dtype, device=device) for column in columns]
        result = spec.function(*inputs).cpu()
        expected = torch.tensor(list(spec.edges.values()), dtype=dtype)
        wrong = ~torch.isclose(result, expected, rtol=0, atol=0, equal_nan=True)
        given = list(spec.edges)
        assert not wrong.any(), [
            (given[k], "gives", result[k].item(), "not", expected[k].item())
            for k in wrong.nonzero().flatten().tolist()
        ]

    def test_layout(self, spec: OpSpec, dtype: torch.dtype, layout: Layout, device: str) -> None:
        """Every layout of one argument or of all gives the bits of contiguous arguments, in a
        contiguous result, and leaves the arguments alone."""
        inputs = tuple(tensor.to(device) for tensor in spec.inputs(MATRIX, dtype))
        expected = spec.function(*inputs)
        laid_out = tuple(map(layout, inputs))
        mixtures = [laid_out]
        for k in range(len(inputs)):
            mixtures.append((*inputs[:k], laid_out[k], *inputs[k + 1 :]))
        for mixture in mixtures:
            before = [tensor.clone() for tensor in mixture]
            result = spec.function(*mixture)
            assert result.is_contiguous()
            assert same_bits(result, expected)
            assert all(map(same_bits, mixture, before)), "the function changed its argument"

    def test_shape(self, spec: OpSpec, dtype: torch.dtype, shape: Sequence[int]) -> None:
        """Every shape gives the bits of its elements in one row."""
        inputs = spec.inputs(shape, dtype)
        result = spec.function(*inputs)
        assert result.shape == torch.Size(shape) and result.dtype == dtype
        flat = spec.function(*(tensor.reshape(-1) for tensor in inputs))
        assert same_bits(result.reshape(-1), flat)

    def test_broadcast(self, spec: OpSpec, dtype: torch.dtype) -> None:
        """A broadcast argument gives the bits of the argument written out."""
        inputs = spec.inputs(MATRIX, dtype)
        for k in range(len(inputs)):
            for narrow in (inputs[k][:1], inputs[k][:, :1], inputs[k][0], inputs[k][2, 3]):
                written_out = narrow.expand(MATRIX).contiguous()
                expected = spec.function(*inputs[:k], written_out, *inputs[k + 1 :])
                result = spec.function(*inputs[:k], narrow, *inputs[k + 1 :])
                assert result.is_contiguous()
                assert same_bits(result, expected)

    def test_position(self, spec: OpSpec, dtype: torch.dtype) -> None:
        """An element's bits do not depend on where it stands, nor on its neighbours."""
        inputs = _with_edges(spec, spec.inputs((1500,), dtype))
        result = spec.function(*inputs)
        order = torch.randperm(result.numel(), generator=torch.Generator().manual_seed(1))
        moved = spec.function(*(tensor[order] for tensor in inputs))
        assert same_bits(moved, result[order])
        for k in (0, 1, 17, 1023, 1024, 1499, result.numel() - 1):
            alone = spec.function(*(tensor[k] for tensor in inputs))
            assert same_bits(alone, result[k])

    def test_threads_and_repeats(self, spec: OpSpec, dtype: torch.dtype) -> None:
        """Bit-equal on 1 and 2 threads, and again, also with deterministic algorithms."""
        inputs = _with_edges(spec, spec.inputs((40_000,), dtype))
        with threads(1):
            expected = spec.function(*inputs)
        with threads(2), deterministic():
            assert same_bits(spec.function(*inputs), expected)
            assert same_bits(spec.function(*inputs), expected)

    def test_narrow_dtypes_round_once(
        self, spec: OpSpec, raw: RawOp, dtype: torch.dtype, device: str
    ) -> None:
        """Values and derivatives of narrow arguments are those of float64, rounded once."""
        if not spec.rounds_once:
            pytest.skip("the op computes in the dtype of its arguments")
        inputs = tuple(tensor.to(device) for tensor in spec.inputs((500,), dtype))
        wide = raw(*(tensor.double() for tensor in inputs)).cpu()
        assert same_bits(raw(*inputs).cpu(), round_once(wide, dtype))

    def test_random_layouts(self, spec: OpSpec, dtype: torch.dtype) -> None:
        """Shapes, strides and offsets that nobody thought of."""

        def draw(data: strategies.DataObject) -> Sequence[Tensor]:
            shape = data.draw(strategies.lists(strategies.integers(0, 6), max_size=4))
            return spec.inputs(shape, dtype)

        check_views(spec.function, draw, 40)


def check_values(spec: OpSpec, inputs: Sequence[Tensor], result: Tensor) -> None:
    """Compare with the reference at the arguments as the op saw them, in their own dtype."""
    assert spec.reference is not None and spec.error_bound is not None
    rows = zip(*(tensor.double().flatten().tolist() for tensor in inputs), strict=True)
    for row, got in zip(rows, result.double().flatten().tolist(), strict=True):
        expected = spec.reference(*row)
        bound = spec.error_bound(expected, result.dtype)
        assert abs(got - expected) <= bound, (
            f"{spec.name}{row} in {short(result.dtype)} gives {got!r}, expected {expected!r}: "
            f"{abs(got - expected) / bound:.3g} times the bound"
        )


def _with_edges(spec: OpSpec, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The elements with those of the border strewn in."""
    if not spec.edges:
        return tuple(inputs)
    edges = zip(*spec.edges, strict=True)
    columns = [
        torch.cat([tensor, torch.tensor(edge, dtype=tensor.dtype)])
        for tensor, edge in zip(inputs, edges, strict=True)
    ]
    order = torch.randperm(columns[0].numel(), generator=torch.Generator().manual_seed(2))
    return tuple(column[order] for column in columns)


def draw_view(data: strategies.DataObject, tensor: Tensor) -> Tensor:
    """The same elements in memory of drawn order, steps and offset."""
    dims = tensor.dim()
    order = data.draw(strategies.permutations(range(dims)))
    steps = data.draw(strategies.lists(strategies.integers(1, 3), min_size=dims, max_size=dims))
    offset = data.draw(strategies.integers(0, 3))
    strides, size = [0] * dims, 1
    for dim in order:
        strides[dim] = size * steps[dim]
        size = strides[dim] * max(tensor.shape[dim], 1)
    memory = tensor.new_zeros(offset + size)
    view = memory.as_strided(tensor.shape, strides, offset)
    view.copy_(tensor)
    return view


@contextmanager
def threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def deterministic() -> Iterator[None]:
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


def ulp_bound(value: float, dtype: torch.dtype, ulps: float = 1.0) -> float:
    """``ulps`` units in the last place of ``value`` in ``dtype``."""
    info = torch.finfo(dtype)
    if not math.isfinite(value):
        return 0.0
    exponent = math.frexp(max(abs(value), info.tiny))[1]
    return ulps * info.eps * 2.0 ** (exponent - 1)


def check_views(
    call: Callable[..., Any],
    draw: Callable[[strategies.DataObject], Sequence[Tensor]],
    examples: int,
    same: Same = all_bits,
) -> None:
    """Shapes, strides, offsets and dtypes that nobody thought of give the results of contiguous
    tensors, in contiguous results, and no argument is written to."""

    @hypothesis.settings(deadline=None, derandomize=True, max_examples=examples, database=None)
    @hypothesis.given(strategies.data())
    def check(data: strategies.DataObject) -> None:
        tensors = draw(data)
        views = [draw_view(data, each) for each in tensors]
        before = [each.clone() for each in views]
        got = results(call, *views)
        assert all(each.is_contiguous() for each in got)
        assert same(got, results(call, *tensors))
        assert all_bits(views, before)

    check()


def check_any_view(spec: OpSpec, longest: int, dims: int, examples: int) -> None:
    """Of up to so many dimensions and elements along each."""

    def draw(data: strategies.DataObject) -> Sequence[Tensor]:
        side = strategies.integers(0, longest)
        shape = data.draw(strategies.lists(side, min_size=1, max_size=dims))
        return spec.inputs(shape, data.draw(strategies.sampled_from(spec.dtypes)))

    check_views(spec.function, draw, examples)
