"""How much the largest memory of a process grows over one forward and backward pass:

python tests/attention/ntk_memory.py NAME
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as functional
from torch import Tensor

import longtail

LENGTH, CHANNELS, TOKENS = 4096, 32, 4096


def eager_attention(q: Tensor, k: Tensor, v: Tensor, *rest: Tensor) -> Tensor:
    return torch.softmax(q @ k.mT / math.sqrt(CHANNELS), -1) @ v


def eager_pattention(x: Tensor, key: Tensor, value: Tensor) -> Tensor:
    scores = x @ key.mT
    scores = scores / scores.norm(dim=-1, keepdim=True) * math.sqrt(len(key))
    return functional.gelu(scores) @ value


def _heads(rows: int) -> list[Tensor]:
    tokens = [torch.randn(1, 1, rows, CHANNELS) for _ in range(3)]
    return [*tokens, torch.randn(1, CHANNELS, CHANNELS), torch.rand(1, CHANNELS)]


def _rows(rows: int) -> list[Tensor]:
    return [torch.randn(count, CHANNELS) for count in (2 * rows, rows, rows)]


CASES: dict[str, tuple[Callable[..., Tensor], Callable[[int], list[Tensor]]]] = {
    "eager_attention": (eager_attention, _heads),
    "ntk_attention": (longtail.ntk_attention, _heads),
    "eager_pattention": (eager_pattention, _rows),
    "pattention": (longtail.pattention, _rows),
}


def peak_megabytes(name: str) -> float:
    """Of one case, in a process of its own."""
    plain = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")}
    command = [sys.executable, __file__, name]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=plain)
    return float(done.stdout.split()[-1])


def _peak() -> int:
    """The most memory that this process has had, in KiB (getrusage gives its parent's too)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def main() -> None:
    torch.set_num_threads(1)
    function, make = CASES[sys.argv[1]]

    def run(tensors: list[Tensor]) -> None:
        leaves = [each.requires_grad_() for each in tensors]
        function(*leaves).sum().backward()

    run(make(64))  # libraries are no part of it
    tensors = make(LENGTH)
    before = _peak()
    run(tensors)
    print((_peak() - before) / 1024)


if __name__ == "__main__":
    main()
