"""The pieces of the long-convolution demo: series, networks, pictures, a hall, streams, sound."""

import io
import itertools
import math
import wave

import pytest
import torch

import longtail
from kit.installed import read
from longtail import report
from longtail.demos import Stage, data, training
from longtail.demos.console import PlainConsole
from longtail.demos.longconv import classify, pictures, reverberation, room, series, streams
from longtail.demos.longconv.classify import APPLIANCES, NONE, STATE_SPACE
from longtail.demos.longconv.room import Room
from longtail.demos.longconv.streams import OURS, SCIPY, TORCH
from longtail.demos.training import Recipe, Run, Task
from longtail.report.blocks import block
from longtail.report.sound import wav


@pytest.mark.parametrize(
    ("source", "half", "rows", "length", "classes"),
    [
        (data.appliances, "TRAIN", 100, 1460, 10),
        (data.appliances, "TEST", 100, 1460, 10),
        (data.pigs, "TRAIN", 104, 2000, 52),
        (data.pigs, "TEST", 208, 2000, 52),
    ],
)
def test_series_are_whole(source, half, rows, length, classes):
    x, y = read(source, half)
    assert x.shape == (rows, length) and x.dtype == torch.float32 and bool(x.isfinite().all())
    assert y.bincount().tolist() == [rows // classes] * classes
    assert len(x.unique(dim=0)) == rows
    unit = classify.standardised(x)[..., 0]
    torch.testing.assert_close(unit.std(1), torch.ones(rows), atol=1e-3, rtol=0)


def test_sounds_are_sounds():
    for name, seconds in (("info", 1.44), ("success", 1.73)):
        sound = read(data.chime_sound, name)
        assert sound.rate == 48000 and len(sound.samples) / 48000 == pytest.approx(
            seconds, abs=0.01
        )
        assert 0.02 < float(sound.samples.abs().max()) <= 1
        # A wrong order of bytes would be noise: here most of the power is below 4 kHz.
        power = torch.fft.rfft(sound.samples).abs().square()
        assert float(power[: len(power) // 6].sum() / power.sum()) > 0.9


def small(length=64, classes=2, rows=24):
    """Rows that only their order tells apart: pulses far apart, or the same pulses together."""
    generator = torch.Generator().manual_seed(0)
    x = 0.05 * torch.randn(rows, length, generator=generator)
    y = torch.arange(rows) % classes
    x[y == 0, ::16] += 4
    x[y == 1, : length // 16] += 4
    return x, y


def small_series(epochs=8):
    recipe = Recipe(epochs, 6, 2e-2, 0.3)
    return classify.Series("Pulses", "pulses", lambda half: small(), 8, 1, recipe, recipe)


def test_networks_differ_in_the_convolution_only():
    task = small_series().task()
    made = classify.networks(small_series(), task, 3)
    assert list(made) == ["S4D", "SGConv", "LongConv", "no convolution"]
    for network in made.values():
        assert network(task.x).shape == (len(task.x), 2)
        assert torch.equal(network.encoder.weight, made[NONE].encoder.weight)
    # Order is nothing to the control, and something to all others.
    turned = task.x.flip(1)
    for name, network in made.items():
        same = torch.allclose(network(turned), network(task.x), atol=1e-5)
        assert same is (name == NONE), name


def test_rates_of_state_spaces_rise_and_fall_with_the_others(monkeypatch):
    task, rates = small_series().task(), []

    def watched(network, rate):
        optimiser = classify.optimiser(network, rate)
        step = optimiser.step
        optimiser.step = lambda: (
            rates.append([group["lr"] for group in optimiser.param_groups]),
            step(),
        )
        return optimiser

    networks = {STATE_SPACE: classify.networks(small_series(), task, 0)[STATE_SPACE]}
    training.train(networks, task, Recipe(2, 6, 1e-2, 0.5), 0, optimiser=watched)
    assert len(rates) == 8
    for other, slow in rates:
        assert slow == pytest.approx(other * classify.SSM_RATE / 1e-2)
    assert max(other for other, _ in rates) > 2 * rates[0][0]


def test_convolutions_learn_order(one_thread):
    runs = classify.train(small_series(30), small_series(30).whole, 0)
    assert runs[STATE_SPACE].accuracy == 1.0
    assert set(runs) == {"S4D", "SGConv", "LongConv", "no convolution"}


def test_bar_of_the_series_can_be_missed():
    def runs(best):
        return {
            name: Run(torch.nn.Identity(), accuracy, [1.0])
            for name, accuracy in (("S4D", best), ("SGConv", 0.5), (NONE, 0.5))
        }

    assert [bar.met for bar in series.bars(APPLIANCES, runs(0.66))] == [True]
    assert [bar.met for bar in series.bars(APPLIANCES, runs(0.64))] == [False]


def test_section_of_series(monkeypatch, one_thread):
    """Quick: no bar. Whole, with pigs missing: a bar, and what would bring the pigs."""
    pytest.importorskip("matplotlib")

    def missing(half):
        raise data.MissingDataError("no pigs: fetch them")

    said = io.StringIO()
    monkeypatch.setattr(series, "APPLIANCES", small_series(2))
    monkeypatch.setattr(series, "PIGS", small_series()._replace(title="Pigs", read=missing))
    monkeypatch.setattr(pictures, "CLASSES", 2)
    quick = series.run(Stage(True, PlainConsole(said)))
    whole = series.run(Stage(False, PlainConsole(said)))
    assert "4 networks, 64 long" in said.getvalue()
    assert "Quick" in quick.details[-1].text
    assert whole.notes[-1].text == "Pigs would be next: no pigs: fetch them"
    assert len(quick.bars) == 0 and len(whole.bars) == 1
    others = next(block for block in whole.details if isinstance(block, report.Figures)).figures
    kernels = [*whole.pictures, *others]
    assert {each.caption.split(",")[0] for each in kernels} == {"S4D", "SGConv", "LongConv"}
    assert all(each.markup.startswith("<svg") for each in kernels)


def test_taps_are_what_the_layer_convolves_with():
    """A click through the layer's own convolution, less its skip term."""
    made = classify.networks(
        APPLIANCES, Task(*[torch.zeros(2, 100, 1), torch.tensor([0, 1])] * 2), 0
    )
    click = torch.zeros(1, APPLIANCES.width, 100)
    click[..., 0] = 1
    for name, network in made.items():
        if name == NONE:
            continue
        layer = network.layers[0]
        with torch.no_grad():
            if name == STATE_SPACE:
                heard, skip = longtail.s4d(click, *layer.system()), layer.D
            else:
                heard, skip = layer.convolution(click), layer.convolution.skip[0]
        taps = pictures.taps_of(network, 100)
        torch.testing.assert_close(taps[:, 0], heard[0, :, 0] - skip, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(taps[:, 1:], heard[0, :, 1:], atol=1e-5, rtol=1e-5)


def bounces(size, at, absorption, times):
    """(place, loudness) of a source seen along one axis, bounce after bounce."""
    seen = [(at, 1.0)]
    for first in (0, 1):
        place, loud, wall = at, 1.0, first
        for _ in range(times):
            place = -place if wall == 0 else 2 * size - place
            loud *= math.sqrt(1 - absorption[wall])
            wall = 1 - wall
            seen.append((place, loud))
    return seen


@pytest.mark.parametrize(
    "absorption",
    [
        ((1.0, 1.0), (1.0, 1.0), (1.0, 1.0)),
        ((0.3, 0.4), (1.0, 1.0), (1.0, 1.0)),
        ((1.0, 1.0), (0.2, 0.5), (0.6, 0.3)),
        ((0.3, 0.4), (0.2, 0.5), (0.6, 0.3)),
    ],
)
def test_hall_is_all_its_bounces(monkeypatch, absorption):
    """Sum and centre of all pulses, counted one by one."""
    monkeypatch.setattr(room, "UNEVEN", 0.0)
    size, source, ear = (5.0, 4.0, 3.0), (1.0, 1.5, 1.2), (3.2, 2.1, 1.7)
    rate, taps = 16000, 1600
    heard = room.impulse_response(Room(size, absorption, source, (ear,)), taps, rate)[0]
    axes = (bounces(*each, 30) for each in zip(size, source, absorption, strict=True))
    total = moment = 0.0
    for (x, a), (y, b), (z, c) in itertools.product(*axes):
        distance = math.dist((x, y, z), ear)
        delay = distance * rate / room.SPEED_OF_SOUND
        if delay < taps:
            total += a * b * c / (4 * math.pi * distance)
            moment += a * b * c / (4 * math.pi * distance) * delay
    places = torch.arange(taps, dtype=torch.float64)
    assert float(heard.sum()) == pytest.approx(total, rel=2e-3)
    assert float((heard * places).sum()) == pytest.approx(moment, rel=5e-3)
    first = math.dist(source, ear) * rate / room.SPEED_OF_SOUND
    assert float(heard[: int(first) - room.SPREAD].abs().max()) == 0
    assert abs(int(heard.abs().argmax()) - first) < 1


def test_uneven_walls_keep_the_sound_itself():
    rate, taps = 16000, 1600
    even = Room((5.0, 4.0, 3.0), ((1.0, 1.0),) * 3, (1.0, 1.5, 1.2), ((3.2, 2.1, 1.7),))
    only = room.impulse_response(even, taps, rate)[0]
    assert abs(int(only.abs().argmax()) - math.dist((1.0, 1.5, 1.2), (3.2, 2.1, 1.7)) * 46.647) < 1
    assert float(only.sum()) == pytest.approx(1 / (4 * math.pi * 2.3345), rel=1e-2)


def test_reverberation_time_of_an_exponential():
    seconds = torch.arange(48000, dtype=torch.float64) / 48000
    response = 10 ** (-3 * seconds / 0.5)
    assert room.reverberation_time(response, 48000) == pytest.approx(0.5, rel=1e-3)


def test_streams_are_one_convolution(one_thread):
    """Each of them in chunks is float64's direct convolution of the whole."""
    generator = torch.Generator().manual_seed(0)
    taps, signal = (torch.randn(*shape, generator=generator) for shape in ((2, 300), (640,)))
    run_by = reverberation.play(taps, signal.split(64))
    expected = torch.nn.functional.conv1d(
        torch.nn.functional.pad(signal.double(), (299, 0))[None, None],
        taps.double().flip(-1)[:, None],
    )[0]
    assert list(run_by) == [OURS, TORCH, SCIPY]
    for name, each in run_by.items():
        assert reverberation.distance(each.result, expected) < 1, name
        assert len(each.seconds) == 10 and each.milliseconds > 0
    at_once = reverberation.one_call(signal, taps)
    assert all(bar.met for bar in reverberation.bars(run_by, at_once, 10.0))


def test_bars_of_streams_can_be_missed():
    def stream(shift, seconds):
        return streams.Stream(lambda chunk: chunk, [torch.ones(2, 8) + shift], [seconds] * 2)

    at_once = torch.ones(2, 8)

    def verdicts(shift, seconds):
        run_by = {OURS: stream(shift, seconds), SCIPY: stream(0, 1.0)}
        return [bar.met for bar in reverberation.bars(run_by, at_once, 0.1)]

    assert verdicts(0, 0.05) == [True, True, True]
    assert verdicts(2e-6, 0.05) == [True, False, False]
    assert verdicts(0, 0.2) == [False, True, True]


def test_section_of_sound(monkeypatch, one_thread):
    pytest.importorskip("matplotlib")
    pytest.importorskip("scipy")
    read(data.chime_sound, "info")
    monkeypatch.setattr(reverberation, "TAPS", 20000)
    monkeypatch.setattr(reverberation, "QUICK", 2.0)
    said = io.StringIO()
    found = reverberation.run(Stage(True, PlainConsole(said)))
    assert "s of sound" in said.getvalue()
    assert [bar.met for bar in found.bars] == [True, True, True]
    sounds = [each for each in found.pictures if isinstance(each, report.Audio)]
    with wave.open(io.BytesIO(sounds[1].wav)) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, 48000)
        assert file.getnframes() == 48000 * 2 // 4096 * 4096
    html = "".join(block(each) for each in found.pictures)
    assert html.count("<audio controls") == 2 and "data:audio/wav;base64," in html
    assert html.count("<svg") == 2


def test_wav_is_what_it_was_made_of():
    samples = torch.tensor([[0.0, 0.5, -0.5, 1.0, 2.0], [0.25, 0.0, 0.0, -1.0, -2.0]])
    with wave.open(io.BytesIO(wav(samples, 8000))) as file:
        raw = torch.frombuffer(bytearray(file.readframes(9)), dtype=torch.int16).view(-1, 2).T
        assert (file.getframerate(), file.getsampwidth()) == (8000, 2)
    assert raw.tolist() == [[0, 16384, -16384, 32767, 32767], [8192, 0, 0, -32767, -32768]]
