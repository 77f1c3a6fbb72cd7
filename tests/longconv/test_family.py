"""What every function of the family is asked, one row of the matrix after another.

Values, gradients and bad input have files of their own.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from kit.functions import (
    check_inference_mode,
    check_meta,
    check_threads_and_repeats,
    check_transforms,
)
from kit.graphs import Together, count_graphs, exported, packaged
from kit.layouts import check_views
from kit.tensors import all_bits, results
from kit.twins import DTYPES
from longconv.family import ROWS, Row, Sizes, drawn_dtype, drawn_sizes, of_batches
from longtail import s4d_kernel

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


@every_row
def test_any_view(row: Row) -> None:
    """To the bit, in contiguous results."""
    if row is ROWS["butterfly_conv"]:  # a matmul of torch's needs rows and factors
        pytest.skip("torch's matmul has other bits for other strides; see test_butterfly.py")
    check_views(row.call, lambda data: row.inputs(drawn_sizes(data), drawn_dtype(data)), 25)


@rows
def test_threads_and_repeats(row: Row) -> None:
    inputs = row.inputs(Sizes(8, 16, 1100, 40, 6), torch.float32)
    check_threads_and_repeats(row.call, inputs, row.same)


@rows
@dtypes
def test_meta(row: Row, dtype: torch.dtype) -> None:
    check_meta(row.call, row.inputs(Sizes(3, 4, 600, outputs=None), dtype))


@rows
def test_inference_mode(row: Row) -> None:
    check_inference_mode(row.call, row.inputs(Sizes(), torch.float32))


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

        check_transforms(loss, real, {"rtol": 1e-7, "atol": 1e-7}, {"rtol": 1e-7, "atol": 1e-7})


#: What has one graph for all lengths. s4d by chunks has one for each number of them.
ONE_GRAPH = [name for name in MAIN if name != "s4d_kernel"]


@pytest.mark.usefixtures("fresh_dynamo")
@pytest.mark.parametrize("name", ONE_GRAPH)
def test_one_compile_serves_all_sizes(name: str) -> None:
    """Batches and lengths; whole graphs, no recompilation."""
    row, call = ROWS[name], ROWS[name].call
    # A butterfly with one row of its first factor is another graph.
    others = {"butterfly_conv": (90, 127, 133), "s4d, chunked": (1050, 1127, 1033)}
    lengths = others.get(name, (50, 127, 33))
    several = [
        row.inputs(Sizes(batch, length=length), torch.float32)
        for batch, length in zip((5, 7, 3), lengths, strict=True)
    ]
    if name == "butterfly_conv":
        several = [[*tensors[:2], *several[-1][2:]] for tensors in several]
    assert count_graphs(call, several, all_bits) == 1


@pytest.mark.usefixtures("fresh_dynamo")
def test_one_compile_serves_all_kernel_lengths() -> None:
    """L as a symbol."""
    system = ROWS["s4d_kernel"].inputs(Sizes(), torch.float32)
    several = [[torch.empty(length), *system] for length in (50, 127, 33)]

    def call(u: Tensor, *system: Tensor) -> Tensor:
        return s4d_kernel(*system, len(u))

    assert count_graphs(call, several, all_bits) == 1


#: What has no cell in the kit's packages.
PACKAGED = ["s4d_step", "s4d, recurrent", "short_conv_step", "butterfly_conv"]


@pytest.mark.usefixtures("fresh_dynamo")
def test_package(tmp_path: Path) -> None:
    """torch.export with a dynamic batch, and a package of AOTInductor that is loaded again."""
    calls = [list(of_batches(ROWS[name], (6, 127, 2), Sizes())) for name in PACKAGED]
    counts = [len(made[0]) for made in calls]
    eager = Together(zip((ROWS[name].call for name in PACKAGED), counts, strict=True))
    batched = [ROWS[name].batched for name in PACKAGED]
    grows = [k < most for most, n in zip(batched, counts, strict=True) for k in range(n)]

    def inputs(n: int) -> tuple[Tensor, ...]:
        return tuple(each for made in calls for each in made[n])

    loaded = packaged(exported(eager, inputs(0), grows), tmp_path)
    for n in range(3):
        for got, expected in zip(loaded(*inputs(n)), eager(*inputs(n)), strict=True):
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
