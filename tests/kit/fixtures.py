"""Fixtures of the check classes; tests/conftest.py makes them known."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from kit.tensors import cuda_problem

__all__ = ["device", "fake_processes", "fresh_dynamo", "one_thread", "tool"]


@pytest.fixture
def device(request: pytest.FixtureRequest) -> str:
    """A device to run on; a cell that this machine cannot run is skipped, with the reason."""
    if request.param == "cuda" and (problem := cuda_problem()):
        pytest.skip(problem)
    return str(request.param)


@pytest.fixture
def fresh_dynamo() -> Iterator[None]:
    """No compiled code from other tests, and none left behind."""
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@pytest.fixture
def fake_processes() -> Iterator[int]:
    """This process as the first of four that are not there: collectives are counted, not run."""
    distributed = torch.distributed
    if not distributed.is_available():
        pytest.skip("torch without torch.distributed")
    from torch.testing._internal.distributed.fake_pg import FakeStore

    distributed.init_process_group("fake", store=FakeStore(), rank=0, world_size=4)
    yield 4
    distributed.destroy_process_group()


@pytest.fixture
def one_thread() -> Iterator[None]:
    """For small tensors, where waiting for a second thread costs more than it gives. Families use
    it for all their tests (see their conftest.py); tests of thread counts set their own."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """A module of tools/ by its name."""
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "tools")
    return importlib.import_module
