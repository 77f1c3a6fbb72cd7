"""nn.SpectralConv2d, FNO2d and TFNO2d beside sums over frequencies in float64, and beside
neuraloperator with copied weights where that is installed."""

from __future__ import annotations

import copy
import importlib.metadata
import math
import pickle
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from kit import BadInput, Raises
from kit.bad_input import check, parametrize
from kit.tensors import same_bits
from longtail.nn import FNO2d, SpectralConv2d, TFNO2d
from longtail.nn.spectral import tucker_rank
from multigrid.mgno_twin import Weights, agree

SIZES = [(16, 16), (9, 12), (7, 5), (1, 1), (2, 3), (130, 6), (5, 131)]


def complex_of(pairs: Tensor) -> Tensor:
    return torch.view_as_complex(pairs.contiguous())


def whole_weight(module: SpectralConv2d, weights: Weights, prefix: str) -> Tensor:
    """[in, out, m1, m2 // 2 + 1]."""
    if module.rank is None:
        return complex_of(weights[prefix + "weight"])
    factors = [complex_of(weights[f"{prefix}factors.{i}"]) for i in range(4)]
    core = complex_of(weights[prefix + "core"])
    return torch.einsum("abcd,ia,ob,xc,yd->ioxy", core, *factors)


def spectral(x: Tensor, weights: Weights, module: SpectralConv2d, prefix: str = "") -> Tensor:
    """One kept frequency after the other, and its conjugate."""
    height, width = x.shape[-2:]
    m1, m2 = module.modes
    w = whole_weight(module, weights, prefix)
    i = torch.arange(height, dtype=torch.float64).view(-1, 1)
    j = torch.arange(width, dtype=torch.float64)
    y = torch.zeros(x.shape[0], w.shape[1], height, width, dtype=torch.float64)
    rows = range(-(min(m1, height) // 2), (min(m1, height) + 1) // 2)
    for k in rows:
        for q in range(min(m2 // 2, width // 2) + 1):
            angle = 2 * math.pi * (k * i / height + q * j / width)
            wave = torch.complex(angle.cos(), -angle.sin())
            z = (x * wave).sum((-2, -1)) / (height * width)
            z = torch.einsum("ni,io->no", z, w[:, :, k + m1 // 2, q])
            # As in a real inverse transform: along W those that stand alone count once.
            once = q == 0 or 2 * q == width
            y = y + (1 if once else 2) * (z[..., None, None] * wave.conj()).real
    if module.bias is not None:
        y = y + weights[prefix + "bias"].view(-1, 1, 1)
    return y


def mlp(x: Tensor, weights: Weights, prefix: str) -> Tensor:
    def at(name: str, x: Tensor) -> Tensor:
        w, b = weights[f"{prefix}.{name}.weight"][..., 0, 0], weights[f"{prefix}.{name}.bias"]
        return torch.einsum("oi,nihw->nohw", w, x) + b.view(-1, 1, 1)

    return at("second", functional.gelu(at("first", x)))


def fno(x: Tensor, weights: Weights, module: FNO2d) -> Tensor:
    n, _, height, width = x.shape
    rows = (torch.arange(height) / height).double().view(1, 1, -1, 1).expand(n, 1, height, width)
    columns = (torch.arange(width) / width).double().expand(n, 1, height, width)
    u = mlp(torch.cat([x, rows, columns], 1), weights, "lift")
    for i, block in enumerate(module.blocks):
        name = f"blocks.{i}"
        v = spectral(u, weights, block.spectral, f"{name}.spectral.")
        v = v + torch.einsum("oi,nihw->nohw", weights[f"{name}.skip.weight"][..., 0, 0], u)
        last = i + 1 == len(module.blocks)
        v = v if last else functional.gelu(v)
        v = mlp(v, weights, f"{name}.mlp") + weights[f"{name}.gate"].view(-1, 1, 1) * u
        u = v if last else functional.gelu(v)
    return mlp(u, weights, "project")


@pytest.mark.parametrize("rank", [None, 0.4, (2, 3, 2, 1)], ids=str)
@pytest.mark.parametrize("modes", [(4, 4), (5, 7), (1, 1)], ids=str)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_spectral(size: tuple[int, int], modes: tuple[int, int], rank: Any) -> None:
    torch.manual_seed(0)
    module = SpectralConv2d(3, 2, modes, rank=rank)
    agree(module, spectral, torch.randn(2, 3, *size))


@pytest.mark.parametrize("kind", [FNO2d, TFNO2d])
def test_operators(kind: type[FNO2d]) -> None:
    torch.manual_seed(1)
    agree(kind((6, 5), 1, 2, 8, 3), fno, torch.randn(2, 1, 12, 9))


def test_many_frequencies_of_a_large_grid() -> None:
    """Where no matrix is used."""
    torch.manual_seed(2)
    agree(SpectralConv2d(1, 1, (200, 220), bias=False), by_library, torch.randn(1, 1, 210, 230))


def by_library(x: Tensor, weights: Weights, module: SpectralConv2d) -> Tensor:
    """The whole transforms."""
    height, width = x.shape[-2:]
    m1, columns = module.modes[0], module.modes[1] // 2 + 1
    z = torch.fft.rfft2(x, norm="forward")
    index = torch.arange(-(m1 // 2), (m1 + 1) // 2) % height
    product = torch.einsum(
        "nixy,ioxy->noxy", z[:, :, index, :columns], whole_weight(module, weights, "")
    )
    filled = torch.zeros(x.shape[0], product.shape[1], height, z.shape[-1], dtype=z.dtype)
    filled[:, :, index, :columns] = product
    return torch.fft.irfft2(filled, (height, width), norm="forward")


NEURALOP = "2.0.0"


def installed() -> bool:
    try:
        return importlib.metadata.version("neuraloperator") == NEURALOP
    except importlib.metadata.PackageNotFoundError:
        return False


needs_neuralop = pytest.mark.skipif(
    not installed(), reason=f"neuraloperator {NEURALOP} is not installed"
)


def copy_spectral(ours: SpectralConv2d, theirs: Any) -> None:
    with torch.no_grad():
        if ours.rank is None:
            ours.weight.copy_(torch.view_as_real(theirs.weight.to_tensor()))
        else:
            assert tuple(theirs.weight.rank) == ours.rank
            ours.core.copy_(torch.view_as_real(theirs.weight.core))
            for mine, its in zip(ours.factors, theirs.weight.factors, strict=True):
                mine.copy_(torch.view_as_real(its))
        ours.bias.copy_(theirs.bias.flatten())


def copy_mlp(ours: Any, theirs: Any) -> None:
    with torch.no_grad():
        for mine, its in zip((ours.first, ours.second), theirs.fcs, strict=True):
            mine.weight.copy_(its.weight.unsqueeze(-1))
            mine.bias.copy_(its.bias)


@needs_neuralop
@pytest.mark.parametrize("rank", [None, 0.1])
@pytest.mark.parametrize("size", [(16, 16), (32, 18), (8, 9)], ids=str)
def test_spectral_beside_neuraloperator(size: tuple[int, int], rank: float | None) -> None:
    from neuralop.layers.spectral_convolution import SpectralConv

    torch.manual_seed(0)
    more = {} if rank is None else {"factorization": "Tucker", "rank": rank}
    theirs = SpectralConv(4, 6, (8, 6), implementation="factorized", **more)
    ours = SpectralConv2d(4, 6, (8, 6), rank=rank)
    copy_spectral(ours, theirs)
    x = torch.randn(2, 4, *size)
    expected, got = theirs(x), ours(x)
    assert (got - expected).abs().max() <= 1e-5 * expected.abs().max()


@needs_neuralop
@pytest.mark.parametrize("kind", ["FNO", "TFNO"])
def test_operators_beside_neuraloperator(kind: str) -> None:
    """Copied weights: results, gradients, and as many parameters (theirs of complex numbers)."""
    from neuralop import models

    torch.manual_seed(0)
    theirs = getattr(models, kind)((12, 12), 1, 1, 16)
    ours = (FNO2d if kind == "FNO" else TFNO2d)((12, 12), 1, 1, 16)
    for block, conv, skip, lift, gate in zip(
        ours.blocks,
        theirs.fno_blocks.convs,
        theirs.fno_blocks.fno_skips,
        theirs.fno_blocks.channel_mlp,
        theirs.fno_blocks.channel_mlp_skips,
        strict=True,
    ):
        copy_spectral(block.spectral, conv)
        copy_mlp(block.mlp, lift)
        with torch.no_grad():
            block.skip.weight.copy_(skip.conv.weight.unsqueeze(-1))
            block.gate.copy_(torch.randn(16))
            gate.weight.copy_(block.gate.view(1, -1, 1, 1))
    copy_mlp(ours.lift, theirs.lifting)
    copy_mlp(ours.project, theirs.projection)
    real = sum((2 if p.is_complex() else 1) * p.numel() for p in theirs.parameters())
    assert sum(p.numel() for p in ours.parameters()) == real
    x = torch.randn(2, 1, 16, 16)
    mine, its = x.clone().requires_grad_(), x.clone().requires_grad_()
    got, expected = ours(mine), theirs(its)
    assert (got - expected).abs().max() <= 1e-5 * expected.abs().max()
    (dx,), (dx_theirs,) = (
        torch.autograd.grad(y.square().sum(), z) for y, z in ((got, mine), (expected, its))
    )
    assert (dx - dx_theirs).abs().max() <= 1e-5 * dx_theirs.abs().max()


@needs_neuralop
def test_ranks_beside_tensorly() -> None:
    from tensorly.tucker_tensor import validate_tucker_rank

    for shape in ((32, 32, 16, 9), (24, 24, 8, 5), (3, 7, 40, 21)):
        for share in (0.05, 0.1, 0.42, 1.0):
            assert tucker_rank(shape, share) == tuple(validate_tucker_rank(shape, rank=share))


def test_ranks() -> None:
    """Their parameters are about the share that was asked for."""
    shape = (32, 32, 24, 13)
    for share in (0.05, 0.1, 0.42, 1.0):
        ranks = tucker_rank(shape, share)
        count = math.prod(ranks) + sum(r * s for r, s in zip(ranks, shape, strict=True))
        assert abs(count / (share * math.prod(shape)) - 1) < 0.1
    assert tucker_rank((1, 1, 1, 1), 0.01) == (1, 1, 1, 1)


@pytest.mark.parametrize("rank", [None, 0.3])
def test_what_users_do_with_modules(rank: float | None) -> None:
    """Copies, files, one graph for a training step, export, autocast, float64."""
    torch.manual_seed(0)
    model = FNO2d((6, 6), 1, 1, 6, 2, rank=rank)
    x = torch.randn(2, 1, 12, 130)
    y = model(x)
    other = FNO2d((6, 6), 1, 1, 6, 2, rank=rank)
    other.load_state_dict(model.state_dict())
    for each in (other, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert same_bits(each(x), y)
    expected = torch.autograd.grad(y.square().mean(), list(model.parameters()))
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    got = torch.autograd.grad(compiled(x).square().mean(), list(model.parameters()))
    for mine, its in zip(got, expected, strict=True):
        torch.testing.assert_close(mine, its, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(torch.export.export(model, (x,)).module()(x), y)
    with torch.autocast("cpu", torch.bfloat16):
        half = model(x)
    assert half.dtype == torch.bfloat16 and (half - y).abs().max() <= 0.05 * y.abs().max()
    with torch.inference_mode():
        SpectralConv2d(1, 1, (3, 3))(torch.ones(1, 1, 133, 133))
    z = torch.ones(1, 1, 133, 133, requires_grad=True)  # with the matrices of the line above
    assert SpectralConv2d(1, 1, (3, 3))(z).requires_grad
    assert model.to(torch.bfloat16)(x.bfloat16()).dtype == torch.bfloat16


def _bad(label: str, error: type[Exception], *words: str, **changes: Any) -> BadInput:
    arguments: dict[str, Any] = {"in_channels": 2, "out_channels": 2, "modes": 4} | changes
    return BadInput(label, lambda: SpectralConv2d(**arguments), Raises(error, *words))


CASES = [
    _bad("in_channels=0", ValueError, "SpectralConv2d", "in_channels", "0", in_channels=0),
    _bad("modes=0", ValueError, "modes", "0", modes=0),
    _bad("three modes", ValueError, "modes", "(4, 4, 4)", modes=(4, 4, 4)),
    _bad("rank=0", ValueError, "rank", "0", rank=0),
    _bad("rank=True", ValueError, "rank", "True", rank=True),
    _bad("rank of three", ValueError, "rank", "(1, 2, 3)", "4 positive ints", rank=(1, 2, 3)),
    _bad("bias=1", TypeError, "bias", "int", bias=1),
    BadInput(
        "complex x",
        lambda: SpectralConv2d(1, 1, 2)(torch.ones(1, 1, 4, 4, dtype=torch.complex64)),
        Raises(TypeError, "x", "complex64"),
    ),
    BadInput(
        "channels of x",
        lambda: SpectralConv2d(1, 1, 2)(torch.ones(1, 3, 4, 4)),
        Raises(ValueError, "[1, 3, 4, 4]", "[N, 1, H, W]"),
    ),
    BadInput("layers", lambda: FNO2d(4, layers=0), Raises(ValueError, "FNO2d", "layers", "0")),
    BadInput(
        "lifting", lambda: FNO2d(4, lifting_ratio=0), Raises(ValueError, "lifting_ratio", "0")
    ),
    BadInput("expansion", lambda: TFNO2d(4, mlp_expansion=-1), Raises(ValueError, "TFNO2d", "-1")),
    BadInput(
        "positions", lambda: FNO2d(4, positions="grid"), Raises(TypeError, "positions", "str")
    ),
]


@parametrize(CASES)
def test_bad_input(case: BadInput) -> None:
    check(case)
