"""More elements than 32 bits count: the last rows are those of a call of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from kit.tensors import same_bits
from longtail import long_conv, s4d, s4d_kernel, short_conv, short_conv_step

pytestmark = pytest.mark.full
LENGTH, ROWS = 1 << 16, (1 << 15) + 3


def _need(gigabytes: int) -> None:
    lines = Path("/proc/meminfo").read_text().splitlines()
    free = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")) >> 20
    if free < gigabytes:
        pytest.skip(f"needs {gigabytes} GB of memory, {free} are there")


def _rows() -> Tensor:
    """More than 2^31 numbers, all rows alike but the last."""
    g = torch.Generator().manual_seed(0)
    u = torch.empty(ROWS, 1, LENGTH, dtype=torch.bfloat16)
    u[:] = torch.randn(1, 1, LENGTH, generator=g).bfloat16()
    u[-1] = torch.randn(1, LENGTH, generator=g).bfloat16()
    assert u.numel() > 1 << 31
    return u


def test_convolutions() -> None:
    """Rows, and a state that is as large."""
    _need(12)
    u, w = _rows(), torch.randn(1, 4)
    for function in (short_conv, long_conv):
        y = function(u, w)
        assert isinstance(y, Tensor)
        for k in (0, ROWS - 2, ROWS - 1):
            assert same_bits(y[k], function(u[k], w))
        del y
    state = u.reshape(-1, 2)[: (1 << 30) + 5].unsqueeze(1)
    ahead = torch.ones(len(state), 1, dtype=torch.bfloat16)
    y, after = short_conv_step(ahead, state, torch.ones(1, 3))
    assert same_bits(y[-1], (ahead[-1].float() + state[-1].float().sum()).bfloat16())
    assert same_bits(after[-1], torch.cat([state[-1, :, 1:], ahead[-1:]], -1))


def test_diagonal_state_spaces() -> None:
    """Rows of the recurrence, and taps of a kernel."""
    _need(12)
    a = torch.tensor([[-0.5 + 3j]], dtype=torch.complex64)
    dt = torch.tensor([0.01])
    u = _rows()
    y = s4d(u, dt, a, a, a, mode="recurrent")
    assert isinstance(y, Tensor)
    for k in (0, ROWS - 1):
        alone = s4d(u[k : k + 1], dt, a, a, a, mode="recurrent")
        assert isinstance(alone, Tensor) and same_bits(y[k : k + 1], alone)
    del u, y
    heads = (1 << 15) + 3
    many = a.expand(heads, 1)
    k = s4d_kernel(dt.expand(heads), many, many, many, LENGTH)
    assert k.numel() > 1 << 31 and same_bits(k[-1:], s4d_kernel(dt, a, a, a, LENGTH))
