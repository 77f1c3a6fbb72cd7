"""ntk_attention and pattention as the test kit sees them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

import longtail
from kit import OpSpec, RawOp
from rational.ops import SKIPPED

# None of these is a size that compiled graphs are called with: equal sizes become one symbol.
HEADS, QUERIES, KEYS, CHANNELS, VALUES = 2, 3, 4, 4, 4
SIDE, TOKENS = 4, 7

_SKIPPED = SKIPPED | dict.fromkeys(
    ("opcheck", "fake_agrees", "raw_op_refuses_a_gradient"),
    "tensors are no matrices; see test_ntk.py",
)


def _randn(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def _ntk_sample(generator: torch.Generator, shape: Sequence[int]) -> tuple[Tensor, ...]:
    return (
        _randn(generator, *shape, HEADS, QUERIES, CHANNELS),
        _randn(generator, *shape, HEADS, KEYS, CHANNELS),
        _randn(generator, *shape, HEADS, KEYS, VALUES),
        _randn(generator, HEADS, CHANNELS, VALUES),
        _randn(generator, HEADS, CHANNELS),
    )


def _pattention_sample(generator: torch.Generator, shape: Sequence[int]) -> tuple[Tensor, ...]:
    return (
        _randn(generator, *shape, SIDE),
        _randn(generator, TOKENS, SIDE),
        _randn(generator, TOKENS, SIDE),
    )


def ntk_attention(q: Tensor, k: Tensor, v: Tensor, z: Tensor, kappa: Tensor) -> Tensor:
    return longtail.ntk_attention(q, k, v, z, kappa, is_causal=True)


def pattention(x: Tensor, key: Tensor, value: Tensor) -> Tensor:
    return longtail.pattention(x, key, value, tau=2.0)


NTK = OpSpec(
    function=ntk_attention,
    arguments=("q", "k", "v", "z", "kappa"),
    sample=_ntk_sample,
    smooth_sample=_ntk_sample,
    raw=(RawOp(torch.ops.longtail.ntk_attention.default, (True, 0.5)),),
    autocast=None,
    out=False,
    rounds_once=False,
    elementwise=False,
    parameters=2,
    skipped=_SKIPPED
    | {
        "hessian_by_reverse_over_forward": "torch 2.13 nests the generated vmap rule of a Function "
        "with one result only; this one keeps its log-sum-exp"
    },
)
PATTENTION = OpSpec(
    function=pattention,
    arguments=("x", "key", "value"),
    sample=_pattention_sample,
    smooth_sample=_pattention_sample,
    raw=(RawOp(torch.ops.longtail.pattention.default, (2.0,)),),
    autocast=None,
    out=False,
    rounds_once=False,
    elementwise=False,
    parameters=2,
    skipped=_SKIPPED,
)
SPECS = (NTK, PATTENTION)
