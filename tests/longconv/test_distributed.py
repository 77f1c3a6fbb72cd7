"""Rows whose parts lie on several processes."""

from __future__ import annotations

import pytest
import torch

import longtail
from kit.processes import run_script


@pytest.mark.parametrize("count", [2, 4])
def test_parts_of_rows(count: int) -> None:
    """Values and gradients of one process, on two and on four; of DTensors on two."""
    assert "agree" in run_script("longconv.several_processes", str(count))


def test_without_processes() -> None:
    with pytest.raises(RuntimeError, match="init_process_group"):
        longtail.distributed.long_conv(torch.ones(1, 2, 3), torch.ones(2, 3))
