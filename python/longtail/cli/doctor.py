"""``longtail doctor``: what is installed and in use, and what is wrong.

Collects without raising: whatever fails becomes a line of the report. The exit status is 1 if
longtail cannot compute on the CPU, else 0; an absent CUDA library is a fact, not a failure.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

#: What the CUDA library's static runtime (CUDA 13) needs at least, as cuDriverGetVersion tells it.
MINIMUM_DRIVER_API = 13000
MINIMUM_DRIVER = 580


@dataclass(frozen=True)
class Line:
    """One fact. ``mark``: "" plain, "ok", "warn" (works, could be better) or "fail"."""

    name: str
    value: str
    mark: str = ""


Section = tuple[str, list[Line]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``longtail doctor`` has no options."""


def run(args: argparse.Namespace) -> int:
    """Prints the report; 1 if any line of it is a failure."""
    report = list(collect())
    _print_rich(report) if sys.stdout.isatty() and _has_rich() else _print_plain(report)
    return int(any(line.mark == "fail" for _, lines in report for line in lines))


def collect() -> Iterator[Section]:
    """The report's sections in the order they are printed."""
    sections: dict[str, Callable[[], list[Line]]] = {
        "longtail": _package,
        "libraries": _libraries,
        "CPU": _cpu,
        "torch and CUDA": _torch_and_cuda,
        "threads and memory": _threads_and_memory,
    }
    for title, lines_of in sections.items():
        try:
            yield title, lines_of()
        except Exception as error:  # a doctor reports what is broken, whatever it is
            yield title, [Line("error", f"{type(error).__name__}: {error}", "fail")]


def _package() -> list[Line]:
    import longtail
    from longtail import _native

    info = _native.build_info()
    same = info["version"] == longtail.__version__
    return [
        Line("version", longtail.__version__),
        Line("folder", ", ".join(longtail.__path__)),
        Line("Python", f"{platform.python_version()} on {platform.platform()}"),
        Line("native build", f"{info['version']}, {info['build_type']}", "ok" if same else "fail"),
        Line("compiler", info["compiler"]),
        Line("flags", info["flags"]),
        Line("CUDA build", info["cuda"]),
    ]


def _libraries() -> list[Line]:
    from longtail import _library, _native

    lines = [Line("_native", str(_native.__file__), "ok")]
    for library in (_library.cpu_library, _library.cuda_library):
        if library.loaded:
            lines.append(Line(library.name, f"loaded from {library.path}", "ok"))
        else:
            lines.append(Line(library.name, f"not in use: {library.problem}"))
    return lines


def _cpu() -> list[Line]:
    from longtail import _native

    built = ", ".join(_native.build_info()["cpu_levels"])
    here = ", ".join(_native.available_cpu_levels())
    forced = os.environ.get("LONGTAIL_CPU_LEVEL", "")
    lines = [Line("processor", _processor_name()), Line("levels built", built)]
    lines.append(Line("levels of this machine", here))
    try:
        why = "forced by LONGTAIL_CPU_LEVEL" if forced else "the best available"
        lines.append(Line("level in use", f"{_native.cpu_level()} ({why})", "ok"))
    except ValueError as error:
        lines.append(Line("level in use", str(error), "fail"))
    return lines


def _torch_and_cuda() -> list[Line]:
    import torch

    cuda = torch.version.cuda
    lines = [Line("torch", f"{torch.__version__}, CUDA {cuda}" if cuda else torch.__version__)]
    if cuda is None:
        return [*lines, Line("CUDA", "none: this torch is not a CUDA build")]
    lines.append(_driver())
    if not torch.cuda.is_available():
        return [*lines, Line("GPU", "none that torch can use")]
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        memory = f"{properties.total_memory / 2**30:.0f} GiB"
        capability = f"compute capability {properties.major}.{properties.minor}"
        lines.append(Line(f"GPU {index}", f"{properties.name}, {memory}, {capability}"))
    return lines


def _driver() -> Line:
    import ctypes

    try:
        version = ctypes.c_int()
        status = ctypes.CDLL("libcuda.so.1").cuDriverGetVersion(ctypes.byref(version))
    except OSError:
        return Line("driver", "none: libcuda.so.1 was not found")
    if status != 0:
        return Line("driver", f"cuDriverGetVersion failed with error {status}", "warn")
    supports = f"supports CUDA {version.value // 1000}.{version.value % 1000 // 10}"
    if version.value < MINIMUM_DRIVER_API:
        needs = f"longtail's CUDA kernels need a driver >= {MINIMUM_DRIVER} (CUDA 13)"
        return Line("driver", f"{supports}; {needs}", "warn")
    return Line("driver", supports, "ok")


def _threads_and_memory() -> list[Line]:
    import torch

    variables = [name for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS") if name in os.environ]
    set_by = f" ({', '.join(f'{name}={os.environ[name]}' for name in variables)})"
    cores = len(os.sched_getaffinity(0))
    threads = Line(
        "torch threads", f"{torch.get_num_threads()} on {cores} cores" + set_by * bool(variables)
    )
    if os.environ.get("THP_MEM_ALLOC_ENABLE") == "1":
        pages = Line("huge pages", "THP_MEM_ALLOC_ENABLE=1", "ok")
    else:
        pages = Line(
            "huge pages",
            "off; for results of many megabytes set THP_MEM_ALLOC_ENABLE=1, or pass out=: page "
            "faults of fresh memory can cost more than the kernel",
            "warn",
        )
    return [threads, pages]


def _processor_name() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            names = [line.split(":", 1)[1] for line in lines if line.startswith("model name")]
    except OSError:
        names = []
    return names[0].strip() if names else platform.machine()


def _has_rich() -> bool:
    import importlib.util

    return importlib.util.find_spec("rich") is not None


def _print_plain(report: list[Section]) -> None:
    for title, lines in report:
        print(title)
        for line in lines:
            mark = f"[{line.mark}] " if line.mark in ("warn", "fail") else ""
            print(f"  {line.name:<24}{mark}{line.value}")


def _print_rich(report: list[Section]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    styles = {"": "", "ok": "green", "warn": "yellow", "fail": "bold red"}
    console = Console()
    for title, lines in report:
        table = Table(title=title, title_justify="left", show_header=False, box=None)
        table.add_column(min_width=24)
        table.add_column(overflow="fold")
        for line in lines:
            table.add_row(line.name, Text(line.value, style=styles[line.mark]))
        console.print(table)
