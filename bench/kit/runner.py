"""Times several providers of the same result, taking turns, so that a change of the machine's
load or clock meets all of them alike."""

from __future__ import annotations

import json
import math
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .records import Record


@dataclass
class Provider:
    """Somebody who computes a task. `seconds()` does it once and says how long it took."""

    name: str
    seconds: Callable[[], float]
    elements: int
    threads: int = 1
    repeats: int | None = None


@dataclass
class Timing:
    """Nanoseconds an element over the repeats of one provider."""

    provider: Provider
    samples: list[float]

    def percentile(self, q: float) -> float:
        """The q-th percentile; 50 is the median."""
        return float(np.percentile(self.samples, q))

    def record(
        self,
        family: str,
        kernel: str,
        case: str,
        errors: tuple[float, float] | None = None,
    ) -> Record:
        """The record of this timing; `errors` are the largest and the median error."""
        return Record(
            family=family,
            kernel=kernel,
            case=case,
            provider=self.provider.name,
            threads=self.provider.threads,
            elements=self.provider.elements,
            median=self.percentile(50),
            p20=self.percentile(20),
            p80=self.percentile(80),
            repeats=len(self.samples),
            max_error=errors[0] if errors else None,
            median_error=errors[1] if errors else None,
        )


def timed(call: Callable[[], Any]) -> Callable[[], float]:
    """A provider's `seconds` for a plain Python call."""

    def seconds() -> float:
        start = time.perf_counter()
        call()
        return time.perf_counter() - start

    return seconds


def interleave(
    providers: Sequence[Provider], repeats: int = 9, slow: float = math.inf
) -> list[Timing]:
    """After one unmeasured call each, `repeats` rounds in which each provider runs once; a
    provider with fewer `repeats` of its own leaves early. Whose first call takes longer than
    `slow` seconds is measured by that alone."""
    timings = [Timing(provider, []) for provider in providers]
    for timing in timings:
        first = timing.provider.seconds()
        if first > slow:
            timing.samples.append(first / timing.provider.elements * 1e9)
    running = [timing for timing in timings if not timing.samples]
    for turn in range(repeats):
        for timing in running:
            provider = timing.provider
            if turn < (provider.repeats or repeats):
                timing.samples.append(provider.seconds() / provider.elements * 1e9)
    return timings


class Peer:
    """A provider in another Python environment: a process that answers a JSON line with one.

    Requests are `{"do": name, ...}`; answers are `{...}` or `{"error": text}`.
    """

    def __init__(self, python: str, script: str, **environment: str) -> None:
        self._process = subprocess.Popen(
            [python, script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment or None,
        )

    def ask(self, **request: Any) -> dict[str, Any]:
        """One request and its answer; raises RuntimeError with what went wrong."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the peer ended with status {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    def close(self) -> None:
        """Ends the process."""
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait(timeout=30)
