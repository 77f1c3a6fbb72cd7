"""``python -m longconv.several_processes COUNT``: distributed.long_conv over gloo processes that
have parts of the rows, beside long_conv of whole rows; the family on DTensors that have parts of
batches or of heads, beside whole ones."""

from __future__ import annotations

import sys

import torch
from torch import Tensor, distributed

import longtail
from kit.gloo import run_together
from kit.tensors import results
from longconv.conv_oracle import Case
from longconv.family import ROWS, Sizes

# Fewer heads than processes, uneven parts, an empty one.
CASES = (
    (Case(2, 5, 301, 301), (0.25, 0.4, 0.4)),
    (Case(1, 3, 200, 40, before=20, outputs=2, skip=True, gates=True), (0.1, 0.5, 0.9)),
    (Case(2, 2, 64, 64, skip=True), (0.5, 0.5, 1.0)),
)

#: On DTensors, of the rows of the family.
SHARDED = ("long_conv", "s4d, conv", "s4d, recurrent", "s4d, chunked", "s4d_step", "short_conv")


def cut(length: int, shares: tuple[float, ...], count: int) -> list[int]:
    """Where the parts of so many processes end."""
    ends = [int(length * share) for share in shares[: count - 1]]
    return [0, *ends, length]


def check(case: Case, shares: tuple[float, ...]) -> None:
    rank, count = distributed.get_rank(), distributed.get_world_size()
    whole = {name: t.requires_grad_() for name, t in case.tensors(torch.float64).items()}
    y = longtail.long_conv(**whole)
    assert isinstance(y, Tensor)
    grad = torch.cos(torch.arange(y.numel(), dtype=torch.float64)).view(y.shape)
    firsts = torch.autograd.grad(y, list(whole.values()), grad, create_graph=True)
    expected = dict(zip(whole, firsts, strict=True))
    ends = cut(case.length, shares, count)
    part = slice(ends[rank], ends[rank + 1])
    rows = ("u", "gate_in", "gate_out")
    mine = {
        name: (t.detach()[..., part] if name in rows else t.detach()).clone().requires_grad_()
        for name, t in whole.items()
    }
    got = longtail.distributed.long_conv(**mine)
    if case.skip or case.gates:
        torch.testing.assert_close(got, y[..., part], rtol=1e-13, atol=1e-13)
    else:
        assert torch.equal(got, y[..., part])
    found = torch.autograd.grad(got, list(mine.values()), grad[..., part], create_graph=True)
    for (name, theirs), ours in zip(expected.items(), found, strict=True):
        if name == "skip":
            ours = ours.detach().clone()
            distributed.all_reduce(ours)
        if name in rows:
            theirs = theirs[..., part]
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12, msg=name)
    # Twice: of a loss of the first gradients, to which each process adds what is of u here and a
    # share of what is of k.
    loss = expected["u"].sin().sum() + expected["k"].sin().sum()
    twice = torch.autograd.grad(loss, [whole["u"], whole["k"]])
    of_u, of_k = (dict(zip(mine, found, strict=True))[name] for name in ("u", "k"))
    loss = of_u.sin().sum() + of_k.sin().sum() / count
    again = torch.autograd.grad(loss, [mine["u"], mine["k"]])
    torch.testing.assert_close(again[0], twice[0][..., part], rtol=1e-11, atol=1e-11)
    torch.testing.assert_close(again[1], twice[1], rtol=1e-11, atol=1e-11)


def refuses() -> None:
    """Different heads are an error on every process, not a hang."""
    rank = distributed.get_rank()
    try:
        longtail.distributed.long_conv(torch.ones(1, 2 + rank, 4), torch.ones(2 + rank, 3))
    except ValueError as error:
        assert "heads" in str(error), error
    else:
        raise AssertionError("no error")


def check_sharded(name: str, dim: int) -> None:
    """Values and gradients of batches or heads, put together; no multiple of the processes."""
    from torch.distributed.tensor import Replicate, Shard, distribute_tensor, init_device_mesh

    row, mesh = ROWS[name], init_device_mesh("cpu", (distributed.get_world_size(),))
    whole = [each.requires_grad_() for each in row.inputs(Sizes(5, 7, 600), torch.float64)]
    parts = []
    for k, each in enumerate(whole):
        here = dim if k < row.batched else 0
        place = Shard(here) if dim == 1 or k < row.batched else Replicate()
        parts.append(distribute_tensor(each.detach(), mesh, [place]).requires_grad_())
    got, expected = results(row.call, *parts), results(row.call, *whole)
    assert all(each.placements == (Shard(dim),) for each in got)
    factors = [torch.cos(torch.arange(y.numel())).double().view(y.shape) for y in expected]
    theirs = torch.autograd.grad(
        expected, whole, [f.to(y.dtype) for f, y in zip(factors, expected, strict=True)]
    )
    ours = torch.autograd.grad(
        got,
        parts,
        [
            distribute_tensor(f.to(y.dtype), mesh, [Shard(dim)])
            for f, y in zip(factors, expected, strict=True)
        ],
    )
    for mine, other in zip([*got, *ours], [*expected, *theirs], strict=True):
        torch.testing.assert_close(mine.full_tensor(), other, rtol=1e-11, atol=1e-11, msg=name)


def check_all() -> None:
    for case, shares in CASES:
        check(case, shares)
    refuses()
    if distributed.get_world_size() == 2:
        for name in SHARDED:
            for dim in (0, 1):
                check_sharded(name, dim)


if __name__ == "__main__":
    run_together(int(sys.argv[1]), check_all)
    print("parts agree with the whole")
