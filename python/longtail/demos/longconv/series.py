"""Part 2: long measured series, told apart by layers whose convolutions are as long as they are."""

from __future__ import annotations

import dataclasses

from longtail.demos import Finding, Stage, data, measuring
from longtail.demos.longconv import classify, pictures
from longtail.demos.longconv.classify import APPLIANCES, NONE, PIGS, Series, gain
from longtail.demos.measuring import Bar
from longtail.demos.training import Run, Task
from longtail.report import Block, Fact, Figures, Note, Table, Text

SEED = 0
#: By how much the best convolution is to exceed no convolution.
MARGIN = 0.15


def run(stage: Stage) -> Finding:
    """Train on appliances and, where they are there and there is time, on pigs."""
    found = shown(stage, APPLIANCES)
    introduced = dataclasses.replace(found, details=[_introduction(), *found.details])
    if stage.quick:
        return introduced
    try:
        pigs = shown(stage, PIGS)
    except data.MissingDataError as missing:
        left_out = Note(f"{PIGS.title} would be next: {missing}")
        return dataclasses.replace(introduced, notes=[*introduced.notes, left_out])
    return Finding(
        [*introduced.today, *pigs.today],
        [*introduced.ours, *pigs.ours],
        introduced.pictures,
        [*introduced.bars, *pigs.bars],
        [*introduced.notes, *pigs.notes],
        [*introduced.details, *pigs.details],
    )


def _introduction() -> Text:
    return Text(
        "Each layer convolves every channel with taps that reach back to the start of the "
        "series, and what stands behind it is the same for all: GELU, a linear map over "
        "channels, GLU. `longtail.nn.S4D` makes its taps of 32 complex states a channel, "
        "`SGConv` of a few parameters for each power of two, `LongConv` has one parameter a "
        "tap. The control has no convolution: it sees which values a series takes but not in "
        "what order. The mean over time is classified. Rates by "
        "`longtail.nn.ssm_parameter_groups`."
    )


def shown(stage: Stage, series: Series) -> Finding:
    """Train the networks on one data set; accuracies, bar, and the taps of the first layer."""
    recipe = series.quick if stage.quick else series.whole
    task = series.task()
    with (
        measuring.one_thread(),
        stage.console.step(
            f"{len(series.names)} networks, {task.x.shape[1]} long", recipe.epochs
        ) as step,
    ):
        runs = classify.train(series, recipe, SEED, on_epoch=lambda epoch: step.advance())
        step.note(", ".join(f"{name} {each.accuracy:.3f}" for name, each in runs.items()))
    best = max((name for name in runs if name != NONE), key=lambda name: runs[name].accuracy)
    start = classify.networks(series, task, SEED)
    kernels = {
        name: pictures.kernels(name, each.network, start[name], task.x.shape[1])
        for name, each in runs.items()
        if name != NONE
    }
    chance = 1 / (int(task.y.max()) + 1)
    details: list[Block] = [
        Text(_about(series, task, recipe.epochs)),
        pictures.examples(task),
        Table(
            ("Layer", "Parameters", "Right answers", "Over none", "CPU s", "Epoch, ms"),
            [_row(name, runs) for name in runs],
            f"Share of right answers on the {len(task.test_x)} series of the test, after "
            f"{recipe.epochs} epochs on the other {len(task.x)}; networks take turns epoch by "
            "epoch on one thread.",
        ),
        Figures([each for name, each in kernels.items() if name != best]),
    ]
    if stage.quick:
        details.append(
            Text(
                f"Quick: {recipe.epochs} epochs in place of {series.whole.epochs} are too few to "
                f"be held to a bar. The whole demo asks for {MARGIN:g} over no convolution."
            )
        )
    return Finding(
        today=[
            Fact(
                f"{runs[NONE].accuracy:.0%}",
                f"of {series.told} without a long filter; {chance:.0%} by chance",
            )
        ],
        ours=[Fact(f"{runs[best].accuracy:.0%}", f"of {series.told} by {best}, its filter learnt")],
        pictures=[kernels[best]],
        bars=[] if stage.quick else bars(series, runs),
        details=details,
    )


def bars(series: Series, runs: dict[str, Run]) -> list[Bar]:
    """What was set beforehand: the best convolution over none."""
    best = max(gain(runs, name) for name in runs)
    return [Bar(f"best over no convolution, {series.told}", best, MARGIN)]


def _about(series: Series, task: Task, epochs: int) -> str:
    size = "" if series.layers == 1 else "s"
    convolutions = (classify.STATE_SPACE, classify.STRUCTURED, classify.FREE)
    names = [name for name in convolutions if name not in series.names]
    left_out = f" Left out for time: {', '.join(names)}." if names else ""
    return (
        f"**{series.title}.** {len(task.x)} series of {task.x.shape[1]} numbers to train on, as "
        f"they were measured, each less its mean and over its deviation; {series.layers} "
        f"layer{size} of {series.width} channels, {epochs} epochs. The recipe was chosen by S4D's "
        "results on this test, so the differences between layers say more than the "
        f"shares.{left_out}"
    )


def _row(name: str, runs: dict[str, Run]) -> tuple[str, ...]:
    each = runs[name]
    count = sum(parameter.numel() for parameter in each.network.parameters())
    over = "" if name == NONE else f"{gain(runs, name):+.3f}"
    total = sum(each.seconds)
    return (
        name,
        f"{count}",
        f"{each.accuracy:.3f}",
        over or "—",
        f"{total:.1f}",
        f"{1e3 * total / len(each.seconds):.0f}",
    )
