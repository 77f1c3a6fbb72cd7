"""The pictures of this family: series, learnt taps, spectrograms, a hall, times."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

import longtail
from longtail.demos.longconv import room
from longtail.demos.longconv.classify import Mixed
from longtail.demos.longconv.streams import OURS, Stream
from longtail.demos.training import Task
from longtail.nn import S4D, LongConv, SequenceModel, SGConv
from longtail.report import Figure
from longtail.report import figures as draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Channels of a layer and classes of series that are drawn.
CHANNELS, CLASSES = 5, 5
#: Samples of a series that are drawn large.
BEGINNING = 150
#: dB below the loudest that a spectrogram still shows.
FLOOR = 80


def examples(task: Task) -> Figure:
    """The first series of some classes, one above another."""
    kinds = task.y.unique()
    kinds = kinds[torch.linspace(0, len(kinds) - 1, CLASSES).round().long()].tolist()
    length = task.x.shape[1]
    with draw.drawing(5.4, 3.2, columns=2) as drawn:
        for axes, shown in zip(drawn.axes, (length, BEGINNING), strict=True):
            for place, kind in enumerate(kinds):
                row = task.x[(task.y == kind).nonzero()[0, 0], :, 0]
                unit = 0.85 * (row - row.min()) / (row.max() - row.min())
                axes.plot((unit - place)[:shown].numpy(), color=draw.TRUTH, linewidth=0.8)
            axes.set_yticks([-place for place in range(len(kinds))])
            axes.set_yticklabels([f"class {kind}" for kind in kinds])
            axes.set_xlim(0, shown)
            axes.set_title(f"first {shown}" if shown < length else f"all {length}")
            axes.set_xlabel("sample")
        drawn.axes[1].set_yticklabels([])
    return drawn.figure(
        "One series of each of five classes, from its least to its largest value: all of it, and "
        "its beginning.",
        "Five curves one above another, and their beginnings.",
    )


def taps_of(network: nn.Module, length: int) -> Tensor:
    """The taps of the first layer: [channels, length]."""
    assert isinstance(network, SequenceModel)
    layer = network.layers[0]
    with torch.no_grad():
        if isinstance(layer, S4D):
            dt, a, b, c, _ = layer.system()
            taps: Tensor = longtail.s4d_kernel(
                dt, a, b, c, length, discretization=layer.discretization
            )
            return taps
        assert isinstance(layer, Mixed) and isinstance(layer.convolution, (SGConv, LongConv))
        return layer.convolution.taps()[0, 0]


def kernels(name: str, network: nn.Module, start: nn.Module, length: int) -> Figure:
    """Taps in time and their spectra, before and after, of the channels that learnt most."""
    after, before = taps_of(network, length), taps_of(start, length)
    moved = (after - before).norm(dim=-1) / before.norm(dim=-1)
    chosen = moved.argsort(descending=True)[:CHANNELS]
    frequency = torch.linspace(0, 0.5, length + 1)[1:]
    with draw.drawing(5.4, 4.2, columns=2) as drawn:
        in_time, spectrum = drawn.axes
        for place, channel in enumerate(chosen):
            # Each channel over its largest tap, each spectrum over its largest value.
            pair = torch.stack([before[channel], after[channel]])
            pair = 0.45 * pair / pair.abs().amax(-1, keepdim=True) - place
            gain = torch.fft.rfft(torch.stack([before[channel], after[channel]]), 2 * length)
            level = 20 * torch.log10(gain.abs()[:, 1:].clamp(min=1e-12))
            level = (level - level.amax(-1, keepdim=True)).clamp(min=-50) / 50 * 0.9 - place + 0.45
            for axes, x, rows in (
                (in_time, torch.arange(1, length + 1), pair),
                (spectrum, frequency, level),
            ):
                axes.plot(x.numpy(), rows[0].numpy(), color=draw.BEFORE, linewidth=0.8)
                axes.plot(x.numpy(), rows[1].numpy(), color=draw.OURS, linewidth=1.1)
        for axes, title, label in (
            (in_time, f"{name}: taps", "lag, samples"),
            (spectrum, "spectra, 50 dB each", "frequency, per sample"),
        ):
            axes.set_xscale("log")
            axes.set_title(title)
            axes.set_xlabel(label)
            axes.set_yticks([])
            axes.grid(axis="y", visible=False)
        in_time.set_yticks([-place for place in range(len(chosen))])
        in_time.set_yticklabels([f"{int(channel)}" for channel in chosen])
        in_time.set_ylabel("channel")
    return drawn.figure(
        f"{name}, first layer: the {CHANNELS} channels whose taps moved most, before training "
        "(grey) and after, each over its largest value: in time, and their spectra in dB. Lags and "
        "frequencies are logarithmic.",
        f"Taps and spectra of five channels of {name}, which differ from the grey ones.",
    )


def spectrograms(dry: Tensor, wet: Tensor, rate: int) -> Figure:
    """Time and frequency of the sound [n] before and after."""
    with draw.drawing(5.4, 3.3, columns=2) as drawn:
        for axes, sound, title in zip(
            drawn.axes, (dry, wet), ("as it arrives", "in the hall, left ear"), strict=True
        ):
            _spectrogram(axes, sound, rate)
            axes.set_title(title)
            axes.set_xlabel("seconds")
        drawn.ax.set_ylabel("kHz")
        drawn.axes[1].set_yticklabels([])
    return drawn.figure(
        f"The same seconds before and after, {FLOOR} dB from dark to bright: what was silence is "
        "filled by the hall.",
        "Two spectrograms; in the second one notes are drawn out.",
    )


def _spectrogram(axes: Axes, sound: Tensor, rate: int, size: int = 2048, up_to: int = 8000) -> None:
    shape = torch.hann_window(size)
    power = torch.stft(sound, size, 512, window=shape, return_complex=True).abs().square()
    level = 10 * torch.log10(power / power.max() + 10 ** (-FLOOR / 10))
    rows = size * up_to // rate
    axes.imshow(
        level[:rows].numpy(),
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=-FLOOR,
        vmax=0,
        extent=(0, len(sound) / rate, 0, rows * rate / size / 1000),
    )
    axes.grid(visible=False)


def reflections(response: Tensor, rate: int, fades: float) -> Figure:
    """The first reflections of a hall, and how its sound fades."""
    with draw.drawing(5.4, 3.2, columns=2) as drawn:
        early, late = drawn.axes
        shown = response[: int(0.12 * rate)] / response.abs().max()
        early.plot((torch.arange(len(shown)) * 1e3 / rate).numpy(), shown.numpy(), color=draw.OURS)
        early.lines[0].set_linewidth(0.7)
        early.set_title("first reflections")
        early.set_xlabel("ms")
        decay = room.decay_curve(response)[::64]
        seconds = torch.arange(len(decay)) * 64 / rate
        late.plot(seconds.numpy(), decay.numpy(), color=draw.OURS)
        late.plot(seconds.numpy(), (-60 / fades * seconds).numpy(), "--", color=draw.TRUTH)
        late.lines[1].set_label(f"60 dB in {fades:.1f} s")
        late.set_ylim(-60, 3)
        late.set_title("energy to come, dB")
        late.set_xlabel("seconds")
        late.legend()
    return drawn.figure(
        "The filter of the left ear: the sound itself and the first reflections after it, and the "
        "energy that is still to come at each time.",
        "Pulses that get denser, and a falling line.",
    )


def chunk_times(run_by: dict[str, Stream], lasts: float) -> Figure:
    """Milliseconds of every chunk, and what a chunk lasts."""
    with draw.drawing(5.4, 3.2) as drawn:
        rivals = iter(draw.RIVALS)
        for name, each in run_by.items():
            times = [1e3 * seconds for seconds in each.seconds]
            colour = draw.OURS if name == OURS else next(rivals)
            drawn.ax.plot(times, ".", markersize=4, color=colour, label=name)
        drawn.ax.axhline(1e3 * lasts, color=draw.TRUTH, linestyle="--", label="the chunk itself")
        drawn.ax.set_yscale("log")
        drawn.ax.set_title("ms for each chunk")
        drawn.ax.set_xlabel("chunk")
        low, high = drawn.ax.get_ylim()
        drawn.ax.set_ylim(low, high * 8)
        drawn.ax.legend(ncols=2, markerscale=2.5)
    return drawn.figure(
        "Time of every chunk in the order in which they arrive; below the dashed line is faster "
        "than real time.",
        "Three level rows of points, ours the lowest, below a dashed line.",
    )
