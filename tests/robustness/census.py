"""Every public function of every family, and what has state, as a call: from the families' own
descriptions to the kit, and what those leave out."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

import attention.hadamard_kit
import attention.ntk_ops
import attention.ops
import bessel.ops
import longconv.family
import longtail
import longtail.nn
import multigrid.family
import rational.kan_ops
import rational.ops
from kit.calls import Call, of_module, of_rows, of_specs
from longtail import _library  # noqa: F401  (the operators)
from longtail._domain_cycle import _next_entries
from longtail.multigrid import MultigridSolver, diffusion_stencil, poisson_stencil

torch.manual_seed(0)


def _randn(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


def _out(function: Any, *tensors: Tensor) -> Tensor:
    with torch.no_grad():
        result: Tensor = function(*tensors, out=torch.empty_like(tensors[0]))
    return result


def _outs(*specs: Any) -> dict[str, Call]:
    """Those functions that have out=, written to."""
    return {
        f"{name}, out": Call(partial(_out, call.function), call.tensors, differentiable=False)
        for name, call in of_specs(specs).items()
    }


def _varlen(q: Tensor, k: Tensor, v: Tensor) -> Any:
    ends = torch.tensor([0, 3, 8], dtype=torch.int32)
    return longtail.quantized_attention_varlen(q, k, v, ends, ends, 5, 5, return_lse=True)


def _cache(k_format: str, bits: int, q: Tensor, k: Tensor, v: Tensor) -> list[Tensor]:
    """A cache's whole life: two appends, attention, fewer tokens, attention."""
    cache = longtail.QuantizedKVCache(bits=bits, k_format=k_format)
    with torch.no_grad():
        cache.append(k, v)
        cache.append(k[:, :, :5], v[:, :, :5])
        first = cache.attend(q, return_lse=True)
        cache.crop(66)
    return [*first, cache.attend(q, is_causal=False)]


def _levels_below(a: Tensor) -> Tensor:
    """The hierarchy of the second level of an operator: what domains in slabs make."""
    op = diffusion_stencil(a, grid="cell")
    entries = _next_entries(op.hierarchy(torch.float64), op.plan).transpose(1, 2)
    coarse = op.plan.levels()[1]
    bits = coarse.periodic_bits & 7
    hierarchy: Tensor = torch.ops.longtail.stencil_hierarchy(
        entries, *coarse.spacings, bits, op.singular, False
    )
    return hierarchy


def _side_by_side(a: Tensor, f: Tensor) -> tuple[Tensor, ...]:
    return torch.ops.longtail.diffusion_side_by_side(a, f, 0.1, 0.1, 1e-8, 50)


def _shared(module: nn.Module, *shape: int) -> Call:
    return of_module(module, *shape)


_HEADS = [_randn(2, 4, 3, 32), _randn(2, 2, 70, 32), _randn(2, 2, 70, 32)]
_COEFFICIENTS = _randn(3, 16, 16).exp().double()
_SOLVER = MultigridSolver(poisson_stencil((9, 9), 1.0, dtype=torch.float32))

BESSEL = of_specs(bessel.ops.SPECS) | _outs(*bessel.ops.SPECS)
RATIONAL = (
    of_specs((*rational.ops.SPECS, *rational.ops.POLY_SPECS), (5, 4))
    | _outs(*rational.ops.SPECS, *rational.ops.POLY_SPECS)
    | of_specs((*rational.kan_ops.KAN_SPECS, rational.kan_ops.SPLINES))
    | {
        "GroupRational": _shared(longtail.nn.GroupRational(8, 4), 3, 8),
        "KANLinear": _shared(longtail.nn.KANLinear(4, 3), 5, 4),
        "AFKANLinear": _shared(longtail.nn.AFKANLinear(4, 3), 5, 4),
        "PolyNorm": _shared(longtail.nn.PolyNorm(), 5, 4),
        "PolyReLU": _shared(longtail.nn.PolyReLU(), 5, 4),
    }
)
ATTENTION = (
    of_specs(attention.ops.SPECS)
    | of_specs(attention.ntk_ops.SPECS)
    | of_specs(attention.hadamard_kit.SPECS)
    | {
        "quantized_attention_varlen": Call(_varlen, [_randn(8, 2, 32) for _ in range(3)]),
        "QuantizedKVCache, channel": Call(partial(_cache, "channel", 4), _HEADS, False),
        "QuantizedKVCache, rotated": Call(partial(_cache, "token_rotated", 8), _HEADS, False),
        "Pattention": _shared(longtail.nn.Pattention(4, 3, 7), 5, 4),
        "TokenFormerBlock": _shared(longtail.nn.TokenFormerBlock(8, 2), 2, 5, 8),
    }
)
LONGCONV = of_rows(
    longconv.family.ROWS,
    lambda row: row.inputs(longconv.family.Sizes(2, 3, 17, 5, 4), torch.float32),
) | {
    "S4D": _shared(longtail.nn.S4D(3, 8), 2, 3, 40),
    "SGConv": _shared(longtail.nn.SGConv(3, 64, kernel_dim=8), 2, 3, 40),
    "LongConv": _shared(longtail.nn.LongConv(3, 64), 2, 3, 40),
    "ButterflyConv": _shared(longtail.nn.ButterflyConv(3, 64), 2, 3, 40),
}
MULTIGRID = of_rows(
    multigrid.family.ROWS,
    lambda row: row.inputs(2, dtype=row.dtypes[-1]),
    lambda row: partial(multigrid.family.same, row),
) | {
    "MultigridSolver, shared": Call(_SOLVER, [_randn(2, 9, 9)]),
    "side by side": Call(_side_by_side, [_COEFFICIENTS, _randn(16, 16).double()], False),
    "stencil_hierarchy": Call(_levels_below, [_COEFFICIENTS], False),
    "MgConv": _shared(longtail.nn.MgConv(2, 3, ((1, 1), (1, 0))), 2, 2, 8, 8),
    "MgNO": _shared(longtail.nn.MgNO(2, 1, 3, 2, ((1, 1), (1, 0))), 2, 2, 8, 8),
    "SpectralConv2d": _shared(longtail.nn.SpectralConv2d(2, 3, (2, 3)), 2, 2, 8, 8),
}
CALLS: dict[str, dict[str, Call]] = {
    "bessel": BESSEL,
    "rational": RATIONAL,
    "attention": ATTENTION,
    "longconv": LONGCONV,
    "multigrid": MULTIGRID,
}
