"""What a number depends on: versions, processor, threads, date."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import pathlib
import platform


def describe() -> list[tuple[str, str]]:
    """(name, value) pairs for a report: no host name, no paths."""
    import torch

    import longtail

    versions = [f"longtail {longtail.__version__}", f"torch {torch.__version__}"]
    for package in ("numpy", "scipy"):
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"{package} not installed")
    return [
        ("Versions", ", ".join(versions)),
        ("Python", f"{platform.python_implementation()} {platform.python_version()}"),
        ("Processor", f"{processor_name()}, {os.cpu_count()} cores seen"),
        ("Threads", str(torch.get_num_threads())),
        ("Date", datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")),
    ]


def processor_name() -> str:
    """The processor's own name where the system tells it (Linux), else the architecture."""
    try:
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.machine()
