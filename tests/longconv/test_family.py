"""What every function of the family is asked, one row of the matrix after another.

Values, gradients and bad input have files of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import torch
from hypothesis import strategies
from torch import Tensor
from torch.func import grad, hessian, jacfwd, jacrev, jvp, vmap

from kit.layouts import deterministic, draw_view, threads
from kit.tensors import same_bits
from kit.twins import DTYPES
from longconv.family import ROWS, Row, Sizes, drawn_dtype, drawn_sizes, of_batches, results
from longtail import s4d, s4d_kernel

#: Forms that differ from another in arguments only are left to the full product.
FORMS = ("long_conv, float32 taps", "s4d, auto")
MAIN = [name for name in ROWS if name not in FORMS]
every_row = pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
rows = pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, marks=[pytest.mark.full] if name in FORMS else [])
        for name, row in ROWS.items()
    ],
    ids=ROWS,
)
dtypes = pytest.mark.parametrize("dtype", DTYPES, ids=str)


def bits(left: Tensor, right: Tensor) -> bool:
    """Of complex numbers too."""
    pair = [torch.view_as_real(x.resolve_conj()) if x.is_complex() else x for x in (left, right)]
    return same_bits(*pair)


def all_bits(left: list[Tensor], right: list[Tensor]) -> bool:
    return len(left) == len(right) and all(map(bits, left, right))


@every_row
def test_any_view(row: Row) -> None:
    """Shapes, strides, offsets and dtypes that nobody thought of give the bits of contiguous
    tensors, in contiguous results, and no argument is written to."""

    @hypothesis.settings(deadline=None, derandomize=True, max_examples=25, database=None)
    @hypothesis.given(strategies.data())
    def check(data: strategies.DataObject) -> None:
        tensors = row.inputs(drawn_sizes(data), drawn_dtype(data))
        views = [draw_view(data, each) for each in tensors]
        before = [each.clone() for each in views]
        got = results(row.call, *views)
        assert all(each.is_contiguous() for each in got)
        assert all_bits(got, results(row.call, *tensors))
        assert all_bits(views, before)

    if row is ROWS["butterfly_conv"]:  # a matmul of torch's needs rows and factors
        pytest.skip("torch's matmul has other bits for other strides; see test_butterfly.py")
    check()


@rows
def test_threads_and_repeats(row: Row) -> None:
    """Results and gradients of one thread, on two, twice, with deterministic algorithms."""
    tensors = row.inputs(Sizes(8, 16, 1100, 40, 6), torch.float32)

    def run() -> list[Tensor]:
        leaves = [each.clone().requires_grad_() for each in tensors]
        got = results(row.call, *leaves)
        loss = sum((each.abs().square().sum() for each in got), torch.zeros(()))
        return [*(each.detach() for each in got), *torch.autograd.grad(loss, leaves)]

    with threads(1):
        expected = run()
    with threads(2), deterministic():
        for _ in range(2):
            assert all_bits(run(), expected)


@rows
@dtypes
def test_meta(row: Row, dtype: torch.dtype) -> None:
    """Shapes, dtypes and strides without data, of permuted tensors too."""
    tensors = row.inputs(Sizes(3, 4, 600, outputs=None), dtype)
    views = [each.mT.contiguous().mT if each.dim() > 1 else each for each in tensors]
    for real, fake in zip(
        results(row.call, *views), results(row.call, *(v.to("meta") for v in views)), strict=True
    ):
        assert fake.is_meta
        assert (fake.shape, fake.dtype, fake.stride()) == (real.shape, real.dtype, real.stride())


@rows
def test_inference_mode(row: Row) -> None:
    """The same bits inside, from tensors made there, and of those outside."""
    tensors = row.inputs(Sizes(), torch.float32)
    expected = results(row.call, *tensors)
    with torch.inference_mode():
        inside = results(row.call, *tensors)
        made_here = [each.clone() for each in tensors]
        again = results(row.call, *made_here)
    assert all(each.is_inference() for each in inside)
    assert all(all_bits(each, expected) for each in (inside, again, results(row.call, *made_here)))


@rows
@pytest.mark.parametrize("narrow", [torch.bfloat16, torch.float16], ids=str)
def test_autocast_changes_nothing(row: Row, narrow: torch.dtype) -> None:
    """Dtypes, bits and gradients of rows of either width."""
    for dtype in (torch.float32, narrow):
        tensors = row.inputs(Sizes(), dtype)
        inside, outside = ([each.clone().requires_grad_() for each in tensors] for _ in range(2))
        with torch.autocast("cpu", dtype=narrow):
            got = results(row.call, *inside)
        expected = results(row.call, *outside)
        assert all_bits([each.detach() for each in got], [each.detach() for each in expected])
        ones = [torch.ones_like(each) for each in got]
        assert all_bits(
            list(torch.autograd.grad(got, inside, ones)),
            list(torch.autograd.grad(expected, outside, ones)),
        )


@pytest.mark.parametrize("name", MAIN)
def test_transforms(name: str) -> None:
    """torch.func in each argument: grad, vmap(grad), jacrev, jvp and three ways to a Hessian."""
    row = ROWS[name]
    tensors = row.inputs(Sizes(1, 1, 3, 2, 2), torch.float64)
    for k, tensor in enumerate(tensors):
        real = torch.view_as_real(tensor) if tensor.is_complex() else tensor

        def loss(x: Tensor, k: int = k, is_complex: bool = tensor.is_complex()) -> Tensor:
            given = [*tensors]
            given[k] = torch.view_as_complex(x) if is_complex else x
            got = results(row.call, *given)
            return torch.stack([each.abs().square().sum() for each in got]).sum()

        leaf = real.clone().requires_grad_()
        (expected,) = torch.autograd.grad(loss(leaf), leaf)
        assert expected.abs().sum() > 0
        for way in (grad(loss), jacrev(loss)):
            torch.testing.assert_close(way(real), expected)
        along = jvp(loss, (real,), (torch.ones_like(real),))[1]
        torch.testing.assert_close(along, expected.sum())
        batch = torch.stack([real, 2 * real])
        torch.testing.assert_close(vmap(grad(loss))(batch)[1], grad(loss)(2 * real))
        second = jacrev(jacrev(loss))(real)
        assert second.abs().sum() > 0
        for way in (hessian(loss), jacrev(jacfwd(loss))):
            torch.testing.assert_close(way(real), second)


def _count_graphs(call: Callable[..., Any], several: list[list[Tensor]]) -> int:
    """How many it takes to serve all of these, with the bits of eager mode."""
    graphs = 0

    def backend(graph: torch.fx.GraphModule, inputs: list[Any]) -> Callable[..., Any]:
        nonlocal graphs
        graphs += 1
        return graph.forward

    compiled = torch.compile(call, fullgraph=True, dynamic=True, backend=backend)
    for tensors in several:
        assert all_bits(results(compiled, *tensors), results(call, *tensors))
    return graphs


#: What has one graph for all lengths. s4d by chunks does not: it has a loop over them, and their
#: states are multiplied by a power that Python works out; so are states in mode="conv".
ONE_GRAPH = [name for name in MAIN if name not in ("s4d_kernel", "s4d, chunked")]


@pytest.mark.usefixtures("fresh_dynamo")
@pytest.mark.parametrize("name", ONE_GRAPH)
def test_one_compile_serves_all_sizes(name: str) -> None:
    """Batches and lengths; whole graphs, no recompilation."""
    row, call = ROWS[name], ROWS[name].call
    if name == "s4d, conv":

        def call(u: Tensor, state: Tensor, *system: Tensor) -> Any:
            return s4d(u, *system, mode="conv")

    # A butterfly with one row of its first factor is another graph.
    lengths = (90, 127, 133) if name == "butterfly_conv" else (50, 127, 33)
    several = [
        row.inputs(Sizes(batch, length=length), torch.float32)
        for batch, length in zip((5, 7, 3), lengths, strict=True)
    ]
    if name == "butterfly_conv":
        several = [[*tensors[:2], *several[-1][2:]] for tensors in several]
    assert _count_graphs(call, several) == 1


@pytest.mark.usefixtures("fresh_dynamo")
def test_one_compile_serves_all_kernel_lengths() -> None:
    """L as a symbol."""
    system = ROWS["s4d_kernel"].inputs(Sizes(), torch.float32)
    several = [[torch.empty(length), *system] for length in (50, 127, 33)]
    assert _count_graphs(lambda u, *system: s4d_kernel(*system, len(u)), several) == 1


class Together(torch.nn.Module):
    """Functions side by side, on tensors of their own."""

    def __init__(self, names: list[str]) -> None:
        super().__init__()
        self.calls = [
            (ROWS[name].call, len(ROWS[name].inputs(Sizes(), torch.float32))) for name in names
        ]

    def forward(self, *tensors: Tensor) -> list[Tensor]:
        given = []
        for call, count in self.calls:
            given += results(call, *tensors[:count])
            tensors = tensors[count:]
        return given


#: What has no cell in the kit's packages. s4d's modes have none: AOTInductor of torch 2.13 knows no
#: complex operations with numbers, which their discretisation is made of; the step is one raw op.
PACKAGED = ["s4d_step", "short_conv_step", "butterfly_conv"]


@pytest.mark.usefixtures("fresh_dynamo")
def test_package(tmp_path: Path) -> None:
    """torch.export with a dynamic batch, and a package of AOTInductor that is loaded again."""
    calls = [list(of_batches(ROWS[name], (6, 127, 2), Sizes())) for name in PACKAGED]
    size = torch.export.Dim("size", min=2, max=4096)
    dynamic = tuple(
        {0: size} if k < ROWS[name].batched else {}
        for name, made in zip(PACKAGED, calls, strict=True)
        for k in range(len(made[0]))
    )
    together = Together(PACKAGED)

    def inputs(n: int) -> tuple[Tensor, ...]:
        return tuple(each for made in calls for each in made[n])

    program = torch.export.export(together, inputs(0), dynamic_shapes=(dynamic,))
    package = torch._inductor.aoti_compile_and_package(
        program, package_path=str(tmp_path / "a.pt2")
    )
    loaded = torch._inductor.aoti_load_package(package)
    for n in range(3):
        for got, expected in zip(loaded(*inputs(n)), together(*inputs(n)), strict=True):
            torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("sharded", [0, 1], ids=["batch", "heads"])
@pytest.mark.parametrize("name", MAIN)
def test_no_collectives(name: str, sharded: int, fake_processes: int) -> None:
    """Batches or heads are cut: results, states, and gradients of what is cut stay where they
    are."""
    from torch.distributed.tensor import Replicate, Shard, distribute_tensor, init_device_mesh
    from torch.distributed.tensor.debug import CommDebugMode

    row, mesh = ROWS[name], init_device_mesh("cpu", (4,))
    if row.batched == 0 and sharded == 0:
        pytest.skip("has no batch")
    tensors = row.inputs(Sizes(4, 8, 600), torch.float32)
    if name == "butterfly_conv" and sharded:  # one for each head, or every process has all
        tensors[2:] = [each.expand(8, -1, -1).contiguous() for each in tensors[2:]]
    cut = [sharded if k < row.batched else 0 for k in range(len(tensors))]
    cut_here = [sharded == 1 or k < row.batched for k in range(len(tensors))]
    places = [Shard(dim) if here else Replicate() for dim, here in zip(cut, cut_here, strict=True)]
    given = [
        distribute_tensor(each, mesh, [place]).requires_grad_(here)
        for each, place, here in zip(tensors, places, cut_here, strict=True)
    ]
    asked = [each for each, here in zip(given, cut_here, strict=True) if here]
    with CommDebugMode() as communication:
        got = results(row.call, *given)
        gradients = torch.autograd.grad(got, asked, [torch.ones_like(each) for each in got])
    assert communication.get_total_counts() == 0, communication.get_comm_counts()
    of_results = Shard(sharded if row.batched else 0)
    assert all(each.placements == (of_results,) for each in got)
    local = [each.detach().to_local() for each in given]
    assert all_bits([each.detach().to_local() for each in got], results(row.call, *local))
    leaves = [each.requires_grad_(here) for each, here in zip(local, cut_here, strict=True)]
    expected = results(row.call, *leaves)
    own = torch.autograd.grad(
        expected, [e for e in leaves if e.requires_grad], [torch.ones_like(e) for e in expected]
    )
    for mine, theirs in zip(gradients, own, strict=True):
        torch.testing.assert_close(mine.to_local(), theirs)
