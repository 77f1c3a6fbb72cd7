"""What ``import longtail`` costs beside torch, and what it must not do."""

from __future__ import annotations

import statistics

from kit.processes import printed

#: Seconds of ``import longtail`` beyond torch's own.
MOST_SECONDS = 0.05


def test_import_is_light() -> None:
    modules = printed("import json, sys, longtail; print(json.dumps(sorted(sys.modules)))")
    assert not {"torch", "numpy", "longtail._native"} & set(modules)


def test_import_time_beside_torch() -> None:
    """With the libraries loaded and all operators there. Processor time: the clock on the wall
    measures what else the machine does."""
    code = (
        "import json, time, torch\n"
        "start = time.process_time()\n"
        "import longtail\n"
        "seconds = time.process_time() - start\n"
        "torch.ops.longtail.log_bessel_i.default\n"
        "print(json.dumps(seconds))"
    )
    assert statistics.median(printed(code) for _ in range(5)) < MOST_SECONDS


_WATCHED = """
import json, os, sys, threading, torch
from torch.utils._python_dispatch import TorchDispatchMode

events, operations, modules = [], [], set(sys.modules)
tasks = len(os.listdir("/proc/self/task"))

def note(event, arguments):
    if event == "open":
        path, mode, flags = arguments
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            events.append([event, str(path)])
    elif event.startswith(("os.mkdir", "os.rename", "os.remove", "subprocess", "socket")):
        events.append([event, str(arguments)])

class Note(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        operations.append(str(func))
        return func(*args, **(kwargs or {}))

sys.addaudithook(note)
with Note():
    import longtail
    if PROBE == "tensor":
        torch.zeros(1)
if PROBE == "file":
    open(os.devnull, "w").close()
if PROBE == "thread":
    threading.Thread(target=threading.Event().wait, args=(5,)).start()
print(json.dumps({
    "events": events, "operations": operations,
    "threads": len(os.listdir("/proc/self/task")) - tasks,
    "modules": sorted({name.split(".")[0] for name in set(sys.modules) - modules}),
}))
"""


def watched(probe: str = "") -> dict[str, list[str]]:
    """What importing longtail after torch did; with a probe, that too, so that it must show."""
    result: dict[str, list[str]] = printed(
        f"PROBE = {probe!r}\n{_WATCHED}", PYTHONDONTWRITEBYTECODE="1"
    )
    return result


def test_no_work_at_import() -> None:
    """No tensor, no thread, no process, nothing written, no library that only extras need."""
    seen = watched()
    assert not seen["events"] and not seen["operations"] and not seen["threads"]
    heavy = {"matplotlib", "rich", "scipy", "sklearn", "pandas", "transformers", "safetensors"}
    assert not heavy & set(seen["modules"])


def test_the_watch_sees() -> None:
    assert watched("tensor")["operations"]
    assert watched("file")["events"]
    assert watched("thread")["threads"]
