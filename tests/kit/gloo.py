"""Checks that several processes of this machine run together."""

from __future__ import annotations

import datetime
import os
import tempfile
from collections.abc import Callable
from typing import Any

import torch
import torch.multiprocessing
from torch import distributed

#: Nobody waits longer for another; less than kit.processes gives all of them.
PATIENCE = datetime.timedelta(seconds=120)


def run_together(count: int, check: Callable[..., None], *arguments: Any) -> None:
    """``check(*arguments)`` on one thread of each of so many gloo processes. An error in one ends
    all and is raised here. For modules that run as a script: processes import ``check`` again."""
    with tempfile.TemporaryDirectory() as folder:
        store = os.path.join(folder, "store")
        torch.multiprocessing.spawn(_process, (store, count, check, arguments), nprocs=count)


def _process(
    rank: int, store: str, count: int, check: Callable[..., None], arguments: tuple[Any, ...]
) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{store}", rank=rank, world_size=count, timeout=PATIENCE
    )
    check(*arguments)
    distributed.barrier()  # nobody leaves while another still talks
    distributed.destroy_process_group()
    # All checks have passed. Leave without static destructors: seen once in CI, a gloo thread that
    # was still running aborted the process there ("terminate called without an active exception").
    os._exit(0)
