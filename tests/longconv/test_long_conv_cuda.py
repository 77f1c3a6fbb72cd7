"""The CUDA kernels of long_conv beside the CPU's and beside sums in float64."""

from __future__ import annotations

import pytest
import torch

from kit.cuda_graphs import captured
from kit.tensors import cuda_problem, same_bits
from kit.twins import DTYPES, with_gradients
from longconv.conv_oracle import BOUNDS, Case, relative
from longconv.test_long_conv import CASES, call
from longtail import LongKernel, long_conv

pytestmark = pytest.mark.skipif(bool(cuda_problem()), reason=cuda_problem() or "")

#: Beyond the CPU's: a row that fills shared memory, rows in three, four and five parts, first
#: passes over memory of 3, 5 and 16, up to three of them, blocks, several outputs of each.
LONGER = (
    Case(2, 2, 4096, 4096, skip=True, gates=True),
    Case(2, 1, 16384, 16384),
    Case(2, 2, 20_000, 20_000, before=500, outputs=2, skip=True, gates=True),
    Case(3, 2, 6000, 6000, before=5000, skip=True, gates=True),
    Case(2, 1, 9000, 9000, outputs=3),
    Case(2, 1, 32_768, 32_768, skip=True, gates=True),
    Case(1, 1, 40_960, 40_960, before=100),
    Case(2, 1, 20_000, 5500, state=True),
    Case(3, 2, 1000, 1000, before=700, outputs=3, skip=True, gates=True),
    Case(2, 1, 45_000, 45_000, outputs=2, gates=True),
    Case(1, 2, 80_000, 80_000, before=80_000),
    Case(1, 1, 300_000, 300_000),
    Case(1, 1, 1_500_000, 1_500_000),
    Case(2, 1, 70_000, 40_000, state=True),
    Case(2, 2, 70_000, 100, skip=True, gates=True),
)


@pytest.mark.parametrize("case", CASES + LONGER, ids=str)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_cuda_beside_the_cpu(dtype: torch.dtype, case: Case) -> None:
    """Result and all gradients; the same bits again."""
    given = case.tensors(dtype)
    function, tensors = call(list(given), long_conv), list(given.values())
    expected = with_gradients(function, tensors)
    on_gpu = [each.cuda() for each in tensors]
    got, again = with_gradients(function, on_gpu), with_gradients(function, on_gpu)
    assert all(each.is_cuda for each in got) and all(map(same_bits, got, again))
    for name, mine, exact in zip(["y", *given], got, expected, strict=True):
        assert relative(mine.cpu(), exact.double()) <= 2 * BOUNDS[dtype], name


#: Powers of two to four million, and numbers that are rounded up to 3 2^k and 5 2^k.
LENGTHS = (*(1 << bits for bits in range(23)), 5999, 9999, 12_001, 24_001, 40_001, 48_001, 98_001)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_cuda_accuracy(dtype: torch.dtype, length: int) -> None:
    """Against transforms in float64."""
    given = Case(2, 1, length, length).tensors(dtype)
    u, k = given["u"].cuda(), given["k"].cuda()
    product = torch.fft.rfft(u.double(), 2 * length) * torch.fft.rfft(k.double(), 2 * length)
    exact = torch.fft.irfft(product, 2 * length)[..., :length]
    assert relative(long_conv(u, k), exact) <= BOUNDS[dtype]


def test_cuda_taps_in_half_precision() -> None:
    given = CASES[9].tensors(torch.bfloat16, taps=torch.bfloat16)
    expected = long_conv(**given)
    got = long_conv(**{name: each.cuda() for name, each in given.items()})
    assert relative(got.cpu(), expected.double()) <= BOUNDS[torch.bfloat16]


@pytest.mark.parametrize("length", [1000, 40_000, 70_000])
def test_cuda_kept_spectra(length: int) -> None:
    """The bits of the call without; also where a spectrum begins between two pairs."""
    given = Case(2, 2, length, length, outputs=2).tensors(torch.float32)
    u, k = given["u"].cuda(), given["k"].cuda()
    kernel = LongKernel(k)
    assert same_bits(long_conv(u, kernel), long_conv(u, k))
    none = u.new_empty(0)
    spectrum = torch.ops.longtail.long_conv_spectrum(k, none, u, False)
    shifted = spectrum.new_empty(spectrum.numel() + 1)[1:].copy_(spectrum)
    y = torch.ops.longtail.long_conv_with_spectrum(u, k, *[none] * 5, shifted)
    assert same_bits(y, long_conv(u, k))


@pytest.mark.parametrize("case", [Case(0, 2, 9, 9, before=3), Case(2, 2, 0, 5, skip=True)], ids=str)
def test_cuda_of_nothing(case: Case) -> None:
    """Gradients of taps that met nothing are zeros."""
    given = {name: each.cuda() for name, each in case.tensors(torch.float32).items()}
    for each in with_gradients(call(list(given), long_conv), list(given.values()))[1:]:
        assert (each == 0).all()


@pytest.mark.parametrize("length", [500, 40_000, 70_000])
def test_cuda_streams(length: int) -> None:
    """On the caller's stream, behind what it has been given."""
    given = Case(3, 2, length, length, skip=True).tensors(torch.float32)
    given = {name: each.cuda() for name, each in given.items()}
    expected = long_conv(**given)
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        torch.cuda._sleep(10_000_000)
        late = {name: each * 1 for name, each in given.items()}
        y = long_conv(**late)
    side.synchronize()
    assert same_bits(y, expected)


@pytest.mark.parametrize("length", [500, 40_000, 70_000])
def test_cuda_graphs(length: int) -> None:
    """Captured once with gradients, replayed with another u."""
    given = Case(2, 2, length, length, skip=True, gates=True).tensors(torch.float32)
    function = call(list(given), long_conv)
    leaves = [each.cuda().requires_grad_() for each in given.values()]

    def step() -> list[torch.Tensor]:
        y = function(*leaves)
        return [y, *torch.autograd.grad(y, leaves, torch.ones_like(y))]

    other = torch.randn_like(leaves[0])
    graph, held = captured(step)
    with torch.no_grad():
        leaves[0].copy_(other)
    graph.replay()
    assert all(map(same_bits, held, step()))
