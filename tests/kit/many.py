"""A call from several threads, from forked processes, and very often: the checks, for any Call."""

from __future__ import annotations

import ctypes
import gc
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from kit.calls import Call
from kit.layouts import threads

THREADS = 8


def check_threads(call: Call, repeats: int = 3) -> None:
    """Eight threads at once, that share what the call is made of, get what one alone gets."""
    expected = call()
    start = threading.Barrier(THREADS)

    def run() -> list[list[Tensor]]:
        start.wait(60)
        return [call() for _ in range(repeats)]

    with ThreadPoolExecutor(THREADS) as pool:
        for work in [pool.submit(run) for _ in range(THREADS)]:
            for got in work.result(240):
                assert call.same(got, expected), "another result beside other threads"


def check_inference(call: Call) -> None:
    """In inference mode the results are those outside."""
    expected = call.forward()
    with torch.inference_mode():
        got = call.forward()
        made_here = Call(call.function, [each.clone() for each in call.tensors], same=call.same)
        assert call.same(made_here.forward(), expected)
    assert call.same(got, expected)


class _Results(Dataset[list[Tensor]]):
    """Item i: what the i-th call gives where the item is made."""

    def __init__(self, calls: list[Call]) -> None:
        self.calls = calls

    def __len__(self) -> int:
        return len(self.calls)

    def __getitem__(self, index: int) -> list[Tensor]:
        return self.calls[index].forward()


def check_forked(calls: Mapping[str, Call]) -> None:
    """Two workers of a DataLoader, forked after this process used every call on two threads, give
    what it got. (Not gradients: torch's own autograd does not survive a fork.)"""
    with threads(2):
        expected = [call.forward() for call in calls.values()]
        loader = DataLoader(
            _Results(list(calls.values())),
            batch_size=None,
            num_workers=2,
            multiprocessing_context="fork",
            timeout=120,
        )
        for name, got, alone in zip(calls, loader, expected, strict=True):
            assert calls[name].same(got, alone), f"{name}: another result in a forked worker"


class _Mallinfo(ctypes.Structure):
    """glibc's struct mallinfo2."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks"),
            *("fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    ]


def heap_bytes() -> int:
    """What is allocated at the moment, to the byte, of all threads; small Python objects, which
    have an allocator of their own, apart."""
    gc.collect()
    mallinfo = ctypes.CDLL(None).mallinfo2
    mallinfo.restype = _Mallinfo
    info = mallinfo()
    return int(info.uordblks + info.hblkhd)


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def growth(call: Call, repeats: int, warm_up: int = 20) -> tuple[float, int]:
    """Bytes of the heap that stay behind each call, and resident bytes behind all."""
    for _ in range(warm_up):
        call()
    heap, resident = heap_bytes(), resident_bytes()
    for _ in range(repeats):
        call()
    return (heap_bytes() - heap) / repeats, resident_bytes() - resident
