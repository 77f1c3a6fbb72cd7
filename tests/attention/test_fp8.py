"""FP8 weights and values as CUDA has them, by their emulation: its roundings, what FP8 costs.

The kernels beside it: test_prefill_cuda.py on a GPU, tests/cpp/test_prefill_cuda.cpp without one.
"""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from torch import Tensor

from attention import datasets
from attention.cases import Shape, draw
from attention.emulation import E4M3_LARGEST, Variant, attend, e4m3, exact, quantise_head, scores
from kit.installed import read

INT8 = Variant("int8", "k", weights="fp8")


def test_e4m3_is_torchs() -> None:
    """All numbers, what lies between two of them, and beside the midpoint; torch does not saturate
    in every version, so it is given at most 448."""
    numbers = torch.arange(127, dtype=torch.uint8).view(torch.float8_e4m3fn).float()
    middle = (numbers[1:] + numbers[:-1]) / 2
    beside = [torch.nextafter(middle, torch.tensor(to)) for to in (0.0, math.inf)]
    huge = torch.tensor([449.0, 464.0, 480.0, 1e30, math.inf])
    x = torch.cat([numbers, middle, *beside, huge])
    x = torch.cat([x, -x])
    expected = x.clamp(-E4M3_LARGEST, E4M3_LARGEST).to(torch.float8_e4m3fn).float()
    assert torch.equal(e4m3(x), expected)
    assert torch.equal(e4m3(x.double()), expected.double())


def test_e4m3_rounds_float64_once() -> None:
    """Just above a tie by less than float32 can tell."""
    above = torch.tensor([1 + 2.0**-4 + 2.0**-40], dtype=torch.float64)
    assert e4m3(above).item() == 1.125


@pytest.mark.parametrize("keys", [1, 64, 65, 200])
@pytest.mark.parametrize("tile", [32, 64])
def test_weights_follow_the_largest_score(keys: int, tile: int) -> None:
    """448 times 2^(score - largest so far), one key after another."""
    q, k, v = (each[0, 0] for each in draw(Shape(1, 1, 1, 3, keys, 24, 8)))
    variant = dataclasses.replace(INT8, tile=tile)
    head = quantise_head(q, k, v, variant)
    s = scores(head, 0.3)
    out = attend(*(each[None, None] for each in (q, k, v)), scale=0.3, variant=variant).out[0, 0]
    for row, of_row in enumerate(s):
        summed = torch.zeros(8, dtype=torch.float64)
        for key, score in enumerate(of_row):
            so_far = of_row[: (key // tile + 1) * tile].max()
            weight = e4m3(448 * torch.exp(score - so_far)) / 448 * torch.exp(so_far - of_row.max())
            summed += weight * head.v_codes[key] * head.v_scale
        expected = summed / torch.exp(of_row - of_row.max()).sum() + head.v_mean
        torch.testing.assert_close(out[row], expected, rtol=1e-12, atol=1e-12)


def cosine(layers: list[tuple[Tensor, Tensor, Tensor]], variant: Variant) -> float:
    """Mean over heads and layers, in percent."""
    cosines = [
        datasets.cosines_of_heads(attend(*layer, variant=variant).out, exact(*layer))
        for layer in layers
    ]
    return 100 * torch.cat(cosines).mean().item()


def test_fp8_on_minilm() -> None:
    """The gates of the CPU's 8-bit weights and values."""
    layers = read(datasets.minilm_layers, 256)
    assert cosine(layers, INT8) > 99.9
    assert cosine(layers, Variant("int4", "qk", weights="fp8")) > 99.3


def test_fp8_bears_a_sink() -> None:
    """Weights keep their relative precision beside one that is far larger."""
    assert cosine([datasets.sink(datasets.Shape(heads=2, length=256))], INT8) > 99.9
