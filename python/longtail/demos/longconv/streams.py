"""An endless signal through long filters, chunk by chunk: ours, and two that others would write."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable

import torch
from torch import Tensor

import longtail
from longtail.demos import measuring

OURS, TORCH, SCIPY = "longtail.long_conv", "torch.fft, overlap-save", "scipy.signal.oaconvolve"

#: What takes the next chunk [n] and gives what each filter makes of it [filters, n].
Step = Callable[[Tensor], Tensor]


@dataclasses.dataclass
class Stream:
    """One way to do it, what came out, and the CPU seconds of each chunk."""

    step: Step
    heard: list[Tensor] = dataclasses.field(default_factory=list)
    seconds: list[float] = dataclasses.field(default_factory=list)

    def take(self, chunk: Tensor) -> None:
        """The next chunk."""
        start = measuring.clock()
        heard = self.step(chunk)
        self.seconds.append(measuring.clock() - start)
        self.heard.append(heard)

    @property
    def result(self) -> Tensor:
        """All that came out: [filters, n]."""
        return torch.cat(self.heard, -1)

    @property
    def milliseconds(self) -> float:
        """Of a chunk, the median."""
        return 1e3 * statistics.median(self.seconds)

    @property
    def slowest(self) -> float:
        """Milliseconds of the slowest chunk but the first, which makes tables."""
        return 1e3 * max(self.seconds[1:])

    def faster(self, chunk_seconds: float) -> float:
        """How many times faster than the signal itself."""
        return 1e3 * chunk_seconds / self.milliseconds


def streams(taps: Tensor, chunk: int) -> dict[str, Stream]:
    """All of them for filters [filters, taps] and chunks of that many samples."""
    return {
        OURS: Stream(_longtail(taps)),
        TORCH: Stream(_torch(taps, chunk)),
        SCIPY: Stream(_scipy(taps)),
    }


def _longtail(taps: Tensor) -> Step:
    """The filters as C results of one row; the state is what the row was before."""
    filters = longtail.LongKernel(taps[:, None])
    state = torch.zeros(1, taps.shape[-1] - 1)

    def step(chunk: Tensor) -> Tensor:
        nonlocal state
        heard, state = longtail.long_conv(
            chunk[None], filters, initial_state=state, return_final_state=True
        )
        return heard[:, 0]

    return step


def _torch(taps: Tensor, chunk: int) -> Step:
    """Overlap-save with the spectra of the filters held and the size of the transform chosen well:
    the fastest form we know."""
    from scipy.fft import next_fast_len

    count = taps.shape[-1]
    size = next_fast_len(count - 1 + chunk, real=True)
    spectra = torch.fft.rfft(taps, size)
    past = torch.zeros(count - 1)

    def step(chunk: Tensor) -> Tensor:
        nonlocal past
        row = torch.cat([past, chunk])
        past = row[-(count - 1) :]
        cyclic = torch.fft.irfft(torch.fft.rfft(row, size) * spectra, size)
        return cyclic[:, count - 1 : len(row)].contiguous()

    return step


def _scipy(taps: Tensor) -> Step:
    """oaconvolve for each chunk, with what is left over added to the next: it holds no state."""
    from scipy import signal

    filters = taps.numpy()
    tail = torch.zeros(len(taps), taps.shape[-1] - 1)

    def step(chunk: Tensor) -> Tensor:
        nonlocal tail
        rows = chunk[None].expand(len(taps), -1).numpy()
        whole = torch.from_numpy(signal.oaconvolve(rows, filters, axes=-1))
        whole[:, : tail.shape[-1]] += tail
        tail = whole[:, len(chunk) :]
        return whole[:, : len(chunk)]

    return step
