"""Part 1: sound that streams through a concert hall in chunks, heard by two ears."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

import longtail
from longtail.demos import Finding, Stage, data, measuring
from longtail.demos.longconv import pictures, room
from longtail.demos.longconv.room import HALL
from longtail.demos.longconv.streams import OURS, SCIPY, TORCH, Stream, streams
from longtail.demos.measuring import Bar
from longtail.report import Audio, Fact, Table, Text
from longtail.report.sound import wav

TAPS = 65536
CHUNK = 4096
SOUNDS = ("info", "success")
#: Seconds of silence behind each sound, and of the whole stream: whole, quick.
PAUSE = 0.9
WHOLE, QUICK = 12.0, 4.0
#: Seconds of it that go into the report.
PLAYED = 7.0


def run(stage: Stage) -> Finding:
    """Compute the hall, stream the sounds through it, and compare with one call and with others."""
    seconds = QUICK if stage.quick else WHOLE
    signal, rate = programme(seconds)
    with measuring.one_thread(), torch.inference_mode():
        with stage.console.step("reflections of a hall") as step:
            response = room.impulse_response(HALL, TAPS, rate)
            fades = room.reverberation_time(response[0], rate)
            step.note(f"{TAPS} taps, {fades:.1f} s to fade by 60 dB")
        # As loud at the end as at the start: the energy of each ear's taps is 1.
        taps = (response / response.norm(dim=-1).mean()).to(torch.float32)
        chunks = signal.split(CHUNK)
        with stage.console.step(f"{seconds:.0f} s of sound", len(chunks)) as step:
            run_by = play(taps, chunks, step.advance)
            step.note(", ".join(f"{each.milliseconds:.2f} ms" for each in run_by.values()))
        at_once = one_call(signal, taps)
    lasts = CHUNK / rate
    ours = run_by[OURS]
    heard = ours.result
    dry, wet = (each[..., : int(PLAYED * rate)] for each in (signal[None], heard))
    size = " x ".join(f"{side:g}" for side in HALL.size)
    return Finding(
        today=[
            Fact(
                f"{run_by[TORCH].milliseconds:.1f} ms",
                f"for {1e3 * lasts:.0f} ms of sound in a concert hall, by torch.fft",
            ),
            Fact(f"{run_by[SCIPY].milliseconds:.1f} ms", "for the same by scipy's oaconvolve"),
        ],
        ours=[
            Fact(
                f"{ours.milliseconds:.1f} ms",
                f"for {1e3 * lasts:.0f} ms of sound in a concert hall, {TAPS} taps an ear",
            ),
            Fact(f"{ours.faster(lasts):.0f} times", "faster than the sound plays"),
        ],
        pictures=[
            pictures.spectrograms(dry[0], wet[0], rate),
            pictures.chunk_times(run_by, lasts),
            Audio(wav(dry / dry.abs().max(), rate), "The sounds as they arrive, on one channel."),
            Audio(
                wav(wet / wet.abs().max(), rate),
                "In the hall, as it came out chunk by chunk: two ears, best with headphones.",
            ),
        ],
        bars=bars(run_by, at_once, lasts),
        details=[
            Text(
                f"Sounds that ship with chime, {rate} samples a second, arrive in chunks of "
                f"{CHUNK}, {1e3 * lasts:.0f} ms each, as they would from a microphone that is "
                "never switched off. `longtail.long_conv` takes each through two filters of "
                f"{TAPS} taps, one an ear, and hands on what it has to remember. The filters are a "
                f"concert hall of {size} m: all reflections of {TAPS / rate:.2f} s, computed by "
                "mirror images of the source in floor, ceiling and four walls that reflect all "
                f"frequencies alike. Sound fades by 60 dB in {fades:.1f} s, by the slope from -5 "
                "to -35 dB. CPU time of one thread."
            ),
            Table(
                ("Stream", "ms a chunk", "Slowest", "Times real time", "In ours"),
                [
                    (
                        f"`{name}`",
                        f"{each.milliseconds:.2f}",
                        f"{each.slowest:.1f}",
                        f"{each.faster(lasts):.0f}",
                        f"{each.milliseconds / ours.milliseconds:.2f}",
                    )
                    for name, each in run_by.items()
                ],
                f"Medians of {len(chunks)} chunks for which all take turns. torch holds the "
                "spectra of the filters and transforms a row and its past of the best size; "
                "oaconvolve takes the filters' spectra in every call and does not hold a state, so "
                "its tails are added by hand.",
            ),
            pictures.reflections(response[0], rate, fades),
        ],
    )


def programme(seconds: float) -> tuple[Tensor, int]:
    """So many seconds of sounds with silence between them, over and over, and samples a second."""
    sounds = [data.chime_sound(name) for name in SOUNDS]
    rate = sounds[0].rate
    silence = int(PAUSE * rate)
    once = torch.cat([functional.pad(each.samples, (0, silence)) for each in sounds])
    length = int(seconds * rate) // CHUNK * CHUNK
    return once.repeat(math.ceil(length / len(once)))[:length], rate


def play(taps: Tensor, chunks: Sequence[Tensor], on_chunk: object = None) -> dict[str, Stream]:
    """Each chunk through all, one after another, so that the machine's load meets all."""
    run_by = streams(taps, len(chunks[0]))
    for chunk in chunks:
        for each in run_by.values():
            each.take(chunk)
        if callable(on_chunk):
            on_chunk()
    return run_by


def one_call(signal: Tensor, taps: Tensor) -> Tensor:
    """The whole signal at once: [filters, n]."""
    heard = longtail.long_conv(signal[None], taps[:, None])
    return heard[:, 0]


def distance(found: Tensor, expected: Tensor) -> float:
    """The norm of their difference over that of the latter, in millionths."""
    wide = expected.to(torch.float64)
    return 1e6 * float((found.to(torch.float64) - wide).norm() / wide.norm())


def bars(run_by: dict[str, Stream], at_once: Tensor, lasts: float) -> list[Bar]:
    """What was set beforehand; SciPy computes in float32 too."""
    ours = run_by[OURS]
    return [
        Bar("faster than real time, times", ours.faster(lasts), 1),
        Bar("chunks from one call, millionths", distance(ours.result, at_once), 1, at_most=True),
        Bar(
            "chunks from SciPy's, millionths",
            distance(ours.result, run_by[SCIPY].result),
            1,
            at_most=True,
        ),
    ]
