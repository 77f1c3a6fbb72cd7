"""Every public function of the family as one row of the test matrix: what it is called with."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from hypothesis import strategies
from torch import Tensor

from kit.tensors import Same, all_bits
from kit.twins import DTYPES
from longtail import (
    LongKernel,
    butterfly_conv,
    butterfly_factors,
    long_conv,
    s4d,
    s4d_kernel,
    s4d_step,
    short_conv,
    short_conv_step,
)


@dataclass(frozen=True)
class Sizes:
    """Of a call: rows [B, H, L], K taps or S states, C results a row or None."""

    batch: int = 5
    heads: int = 4
    length: int = 67
    taps: int = 9
    states: int = 6
    outputs: int | None = None


@dataclass(frozen=True)
class Row:
    """A function and how its tensors are made.

    Attributes:
        call: of tensors, to a tensor or several.
        tensors: of sizes, the dtype of rows and a generator.
        batched: how many of the first tensors have a batch in front.
        same: what results and gradients on one thread and on two are to each other.
    """

    call: Callable[..., Any]
    tensors: Callable[[Sizes, torch.dtype, torch.Generator], list[Tensor]]
    batched: int
    same: Same = all_bits

    def inputs(self, sizes: Sizes, dtype: torch.dtype, seed: int = 0) -> list[Tensor]:
        """The same for the same seed."""
        return self.tensors(sizes, dtype, torch.Generator().manual_seed(seed))


def drawn_sizes(data: strategies.DataObject) -> Sizes:
    """Small, empty ones too; no row without taps."""

    def upto(most: int, least: int = 0) -> int:
        return int(data.draw(strategies.integers(least, most)))

    outputs = data.draw(strategies.sampled_from([None, 0, 1, 2]))
    return Sizes(upto(3), upto(4), upto(70), upto(80, 1), upto(5), outputs)


def drawn_dtype(data: strategies.DataObject) -> torch.dtype:
    dtype = data.draw(strategies.sampled_from(DTYPES))
    assert isinstance(dtype, torch.dtype)
    return dtype


def _parameter(dtype: torch.dtype) -> torch.dtype:
    return torch.float64 if dtype == torch.float64 else torch.float32


def _conv(
    state: bool, of: Sizes, dtype: torch.dtype, g: torch.Generator, *, taps: torch.dtype | None
) -> list[Tensor]:
    """u, gates, perhaps a state; k, skip."""
    rows, c = [of.batch, of.heads, of.length], [] if of.outputs is None else [of.outputs]
    narrow = taps or _parameter(dtype)
    return [
        torch.randn(rows, generator=g).to(dtype),
        torch.randn(rows, generator=g).to(dtype),
        torch.randn(of.batch, *c, of.heads, of.length, generator=g).to(dtype),
        *([torch.randn(*rows[:2], of.taps - 1, generator=g).to(dtype)] if state else []),
        torch.randn(*c, of.heads, of.taps, generator=g).to(narrow),
        torch.randn(*c, of.heads, generator=g).to(narrow),
    ]


def _causal(
    u: Tensor, gate_in: Tensor, gate_out: Tensor, state: Tensor, k: Tensor, skip: Tensor
) -> Any:
    return long_conv(
        *(u, k),
        skip=skip,
        gate_in=gate_in,
        gate_out=gate_out,
        initial_state=state,
        return_final_state=True,
    )


def _centred(u: Tensor, gate_in: Tensor, gate_out: Tensor, k: Tensor, skip: Tensor) -> Any:
    return long_conv(u, k, skip=skip, gate_in=gate_in, gate_out=gate_out, causal=False)


def _kernel_object(u: Tensor, gate_in: Tensor, gate_out: Tensor, k: Tensor, skip: Tensor) -> Any:
    return long_conv(u, LongKernel(k), skip=skip, gate_in=gate_in, gate_out=gate_out)


def _system(
    rows: bool, of: Sizes, dtype: torch.dtype, g: torch.Generator, *, step: bool = False
) -> list[Tensor]:
    """With rows u and a state; dt, A, B, C; with rows D."""
    real = _parameter(dtype)
    c, shape = [] if of.outputs is None else [of.outputs], [of.heads, of.states]

    def pairs(*sizes: int) -> Tensor:
        both = (torch.randn(sizes, generator=g, dtype=real) for _ in range(2))
        return torch.complex(*both)

    a = torch.complex(-torch.rand(shape, generator=g, dtype=real) - 0.1, pairs(*shape).imag * 3)
    dt = torch.rand(of.heads, generator=g, dtype=real) * 0.1 + 0.001
    tensors = [dt, a, pairs(*shape), pairs(*c, *shape)]
    if not rows:
        return tensors
    u = torch.randn(of.batch, of.heads, *([] if step else [of.length]), generator=g).to(dtype)
    d = torch.randn(*c, of.heads, generator=g, dtype=real)
    return [u, pairs(of.batch, *shape), *tensors, d]


def _s4d(mode: str, u: Tensor, state: Tensor, *system: Tensor) -> Any:
    return s4d(u, *system, initial_state=state, return_final_state=True, mode=mode)


def _short(
    step: bool, of: Sizes, dtype: torch.dtype, g: torch.Generator, *, taps: torch.dtype | None
) -> list[Tensor]:
    rows, narrow = [of.batch, of.heads], taps or _parameter(dtype)
    return [
        torch.randn(*rows, *([] if step else [of.length]), generator=g).to(dtype),
        torch.randn(*rows, of.taps - 1, generator=g).to(dtype),
        torch.randn(of.heads, of.taps, generator=g).to(narrow),
        torch.randn(of.heads, generator=g).to(narrow),
    ]


def _short_conv(u: Tensor, state: Tensor, w: Tensor, bias: Tensor) -> Any:
    return short_conv(u, w, bias, activation="silu", initial_state=state, return_final_state=True)


def _short_step(u: Tensor, state: Tensor, w: Tensor, bias: Tensor) -> Any:
    return short_conv_step(u, state, w, bias, activation="silu")


def _to_rounding(got: Sequence[Tensor], expected: Sequence[Tensor]) -> bool:
    """y bit for bit. Gradients of factors are sums over all rows by torch's complex products, whose
    order MKL takes from the number of threads on Intel processors."""
    return all_bits(got[:1], expected[:1]) and all(
        (a - b).abs().max() <= 1e-6 * b.abs().max() for a, b in zip(got, expected, strict=True)
    )


def _butterfly(of: Sizes, dtype: torch.dtype, g: torch.Generator) -> list[Tensor]:
    u = torch.randn(of.batch, of.heads, of.length, generator=g).to(dtype)
    k = torch.randn(of.heads, of.taps, generator=g).to(_parameter(dtype))
    wide = torch.complex128 if dtype == torch.float64 else torch.complex64
    return [u, k, *butterfly_factors(2 * of.length + of.taps, dtype=wide)]


ROWS: dict[str, Row] = {
    "long_conv": Row(_causal, partial(_conv, True, taps=None), 4),
    "long_conv, float32 taps": Row(_causal, partial(_conv, True, taps=torch.float32), 4),
    "long_conv, centred": Row(_centred, partial(_conv, False, taps=None), 3),
    "LongKernel": Row(_kernel_object, partial(_conv, False, taps=None), 3),
    "s4d_kernel": Row(lambda *t: s4d_kernel(*t, 37), partial(_system, False), 0),
    **{
        f"s4d, {mode}": Row(partial(_s4d, mode), partial(_system, True), 2)
        for mode in ("conv", "recurrent", "chunked", "auto")
    },
    "s4d_step": Row(
        lambda u, state, *system: s4d_step(u, state, *system), partial(_system, True, step=True), 2
    ),
    "short_conv": Row(_short_conv, partial(_short, False, taps=None), 2),
    "short_conv_step": Row(_short_step, partial(_short, True, taps=None), 2),
    "butterfly_conv": Row(
        lambda u, k, *factors: butterfly_conv(u, k, factors), _butterfly, 1, _to_rounding
    ),
}


def of_batches(row: Row, counts: tuple[int, ...], sizes: Sizes) -> Iterator[list[Tensor]]:
    """Calls with other batches; all that has none is the same."""
    shared = row.inputs(sizes, torch.float32)[row.batched :]
    for count in counts:
        other = dataclasses.replace(sizes, batch=count)
        yield [*row.inputs(other, torch.float32, seed=count)[: row.batched], *shared]
