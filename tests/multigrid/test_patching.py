"""nn.MultigridPatching2d: patches are put together exactly; windows beside loops over points, and
beside neuraloperator where that is installed."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch
from torch import Tensor

from kit import BadInput, Raises
from kit.bad_input import check, parametrize
from kit.tensors import same_bits
from longtail.nn import MultigridPatching2d

from .test_spectral import needs_neuralop


def windows(x: Tensor, levels: int, padding: tuple[int, int], around: str) -> Tensor:
    """Point by point: patch (i, j) begins at (i h, j w); its window of level l is as many points
    of every 2^l-th, with the middle of the patch in its middle."""
    batch, channels, *size = x.shape
    n = 2**levels
    patch = [s // n for s in size]
    shape = [p + 2 * m for p, m in zip(patch, padding, strict=True)]
    result = x.new_zeros(batch, n, n, levels + 1, channels, *shape)
    for level in range(levels + 1):
        step = 2**level
        for place in torch.cartesian_prod(*(torch.arange(k) for k in (n, n, *shape))).tolist():
            at = []
            for axis in range(2):
                index, point = place[axis], place[2 + axis]
                # Twice the distance from the middle of the patch, in coarse points.
                middle = 2 * index * patch[axis] + patch[axis]
                first = middle - step * (patch[axis] + 2 * padding[axis])
                fine = first // 2 + step * point
                coarse, count = fine // step, size[axis] // step
                at.append(
                    coarse % count if around == "circular" else min(max(coarse, 0), count - 1)
                )
            i, j, p, q = place
            result[:, i, j, level, :, p, q] = x[:, :, at[0] * step, at[1] * step]
    return result.flatten(3, 4).flatten(0, 2)


@pytest.mark.parametrize("around", ["circular", "replicate"])
@pytest.mark.parametrize(
    ("size", "levels", "padding"),
    [((8, 16), 1, 0.0), ((8, 8), 1, (0.25, 0.125)), ((16, 32), 2, 0.07), ((5, 7), 0, 0.5)],
    ids=str,
)
def test_windows(size: tuple[int, int], levels: int, padding: Any, around: str) -> None:
    x = torch.randn(2, 3, *size)
    module = MultigridPatching2d(None, levels, padding, around=around)
    both = padding if isinstance(padding, tuple) else (padding, padding)
    points = (round(size[0] * both[0]), round(size[1] * both[1])) if levels else (0, 0)
    assert torch.equal(module.patch(x), windows(x, levels, points, around))


class First(torch.nn.Module):
    """The channels of the patch itself."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        return x[:, : self.channels]


@pytest.mark.parametrize("around", ["circular", "replicate"])
@pytest.mark.parametrize("padding", [0.0, 0.25, (0.0, 0.125)], ids=str)
@pytest.mark.parametrize("levels", [0, 1, 2])
def test_round_trip(levels: int, padding: Any, around: str) -> None:
    """Exactly, of values and of gradients; without stitching, what patch_target gives."""
    x = torch.randn(3, 2, 16, 32, requires_grad=True)
    module = MultigridPatching2d(First(2), levels, padding, around=around)
    y = module(x)
    assert same_bits(y, x)
    (dx,) = torch.autograd.grad((y * torch.arange(32)).sum(), x)
    assert torch.equal(dx, torch.arange(32.0).expand(3, 2, 16, 32))
    module.stitching = False
    assert same_bits(module(x), module.patch_target(x))
    assert same_bits(module.stitch(module.patch_target(x)), x)


def test_convolution_on_padded_patches() -> None:
    """With a margin as wide as the kernel reaches, patches change nothing."""
    conv = torch.nn.Conv2d(2, 3, 3, padding=1, padding_mode="circular", dtype=torch.float64)
    x = torch.randn(2, 2, 16, 16, dtype=torch.float64)
    model = torch.nn.Sequential(First(2), conv)
    torch.testing.assert_close(MultigridPatching2d(model, 2, 0.0625)(x), conv(x))


@needs_neuralop
@pytest.mark.parametrize("levels", [1, 2])
@pytest.mark.parametrize("padding", [0.125, (0.125, 0.25)], ids=str)
def test_beside_neuraloperator(padding: Any, levels: int) -> None:
    from neuralop.training.patching import MultigridPatching2D

    x, y = torch.randn(2, 3, 32, 64), torch.randn(2, 1, 32, 64)
    theirs = MultigridPatching2D(torch.nn.Identity(), levels, padding)
    expected, _ = theirs.patch(x, y)
    ours = MultigridPatching2d(None, levels, padding)
    assert torch.equal(ours.patch(x), expected)
    stitched, _ = theirs.unpatch(expected, y)
    assert torch.equal(ours(x), stitched)


def test_what_users_do_with_modules() -> None:
    model = MultigridPatching2d(torch.nn.Conv2d(4, 1, 3, padding=1), 1, 0.125)
    x = torch.randn(2, 2, 16, 8)
    y = model(x)
    for each in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert same_bits(each(x), y)
    assert set(model.state_dict()) == {"model.weight", "model.bias"}
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x), y)
    torch.testing.assert_close(torch.export.export(model, (x,)).module()(x), y)


GRID = torch.ones(1, 1, 16, 16)
CASES = [
    BadInput(label, call, outcome)
    for label, call, outcome in (
        (
            "model",
            lambda: MultigridPatching2d(3),
            Raises(TypeError, "MultigridPatching2d", "model", "int"),
        ),
        ("levels", lambda: MultigridPatching2d(levels=-1), Raises(ValueError, "levels", "-1")),
        ("padding", lambda: MultigridPatching2d(padding=1.5), Raises(ValueError, "padding", "1.5")),
        ("around", lambda: MultigridPatching2d(around="zeros"), Raises(ValueError, "'zeros'")),
        ("stitching", lambda: MultigridPatching2d(stitching=1), Raises(TypeError, "stitching")),
        (
            "a size",
            lambda: MultigridPatching2d(levels=2)(GRID[..., :8]),
            Raises(ValueError, "x", "[1, 1, 16, 8]", "multiples of 16"),
        ),
        (
            "a model that shrinks",
            lambda: MultigridPatching2d(torch.nn.AvgPool2d(2))(GRID),
            Raises(ValueError, "[4, 2, 4, 4]", "[8, 8]"),
        ),
        (
            "patches",
            lambda: MultigridPatching2d().stitch(torch.ones(3, 1, 4, 4)),
            Raises(ValueError, "[3, 1, 4, 4]", "multiple of 4"),
        ),
    )
]


@parametrize(CASES)
def test_bad_input(case: BadInput) -> None:
    check(case)
