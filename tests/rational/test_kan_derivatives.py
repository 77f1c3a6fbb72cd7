"""Forward mode and second derivatives of every kind of basis: those are taken of formulas of their
own, in torch operations, and must be those of the functions that the kernels compute."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.func import grad, jvp

import longtail
from rational.kan_oracle import KINDS, layer


@pytest.mark.parametrize("name", KINDS)
def test_derivatives_are_the_twins(name: str) -> None:
    """The slope along x by forward mode, and the gradient of squared slopes of a sum of cubes."""
    kind = KINDS[name]
    given = layer(kind, (5,), 1)
    keywords = {**kind.keywords, **kind.keyword(*given.own)}

    def ours(x: Tensor) -> Tensor:
        return longtail.kan_basis(x, kind.kind, **keywords)

    def twin(x: Tensor) -> Tensor:
        return kind.phi(x, *given.own)

    def bending(function, x: Tensor) -> Tensor:
        return grad(lambda at: grad(lambda z: function(z).pow(3).sum())(at).square().sum())(x)

    tangent = torch.ones_like(given.x)
    for mine, theirs in (
        (jvp(ours, (given.x,), (tangent,))[1], jvp(twin, (given.x,), (tangent,))[1]),
        (bending(ours, given.x), bending(twin, given.x)),
    ):
        assert (mine - theirs).abs().max() <= 1e-11 * theirs.abs().max()
        assert theirs.abs().max() > 0
