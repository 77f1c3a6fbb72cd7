"""What nn.MgNO keeps for its backward pass."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from kit.tensors import same_bits
from longtail.nn import MgNO
from multigrid import mgno_twin


def kept_by(call: Callable[[], Tensor], parameters: list[Tensor]) -> tuple[int, list[Tensor]]:
    """Bytes that a forward pass keeps for backward, parameters aside; results and gradients."""
    mine = {each.untyped_storage().data_ptr() for each in parameters}
    seen: dict[int, int] = {}
    held = []

    def pack(t: Tensor) -> Tensor:
        storage = t.untyped_storage()
        if storage.data_ptr() not in mine:
            held.append(t)  # else its memory might be another's next
            seen[storage.data_ptr()] = storage.nbytes()
        return t

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        y = call()
    return sum(seen.values()), [y, *torch.autograd.grad(y.square().sum(), parameters)]


def test_recompute_keeps_less() -> None:
    """At most half of the bytes, the same bits."""
    torch.manual_seed(0)
    x = torch.randn(2, 1, 32, 32)
    model = MgNO(channels=8, layers=3, steps=((1, 0), (1, 0), (2, 0)))
    parameters: list[Tensor] = list(model.parameters())
    plain, results = kept_by(lambda: model(x), parameters)
    model.recompute = True
    less, again = kept_by(lambda: model(x), parameters)
    assert less <= 0.5 * plain
    assert all(same_bits(a, b) for a, b in zip(results, again, strict=True))


def test_keeps_less_than_plain_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin by the library's convolutions; recomputed, a quarter of its bytes."""

    def library(x: Tensor, w: Tensor, stride: int = 1, mode: str = "zeros") -> Tensor:
        assert mode == "zeros"
        return functional.conv2d(x, w, stride=stride, padding=1)

    def library_transposed(x: Tensor, w: Tensor, size: torch.Size) -> Tensor:
        return functional.conv_transpose2d(x, w, stride=2, padding=1)

    monkeypatch.setattr(mgno_twin, "conv", library)
    monkeypatch.setattr(mgno_twin, "transposed", library_transposed)
    torch.manual_seed(0)
    x = torch.randn(2, 1, 64, 64)
    model = MgNO(channels=24, layers=4, steps=((1, 0),) * 5 + ((2, 0),))
    named = dict(model.named_parameters())
    parameters: list[Tensor] = list(named.values())
    eager, expected = kept_by(lambda: mgno_twin.operator(x, named, model), parameters)
    ours, got = kept_by(lambda: model(x), parameters)
    model.recompute = True
    less, _ = kept_by(lambda: model(x), parameters)
    for mine, its in zip(got, expected, strict=True):
        assert (mine - its).abs().max() <= 1e-4 * its.abs().max()
    assert ours <= 0.9 * eager and less <= 0.25 * eager
