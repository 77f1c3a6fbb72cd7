"""Part 2: a mixture of von Mises-Fisher distributions over the words, by EM."""

from __future__ import annotations

import time
from itertools import pairwise

import torch
from torch import Tensor

from longtail.demos import Finding, Stage, data
from longtail.demos.measuring import Bar
from longtail.distributions import VonMisesFisher, VonMisesFisherMixture
from longtail.report import Fact, Figure, Figures, Table, Text
from longtail.report import figures as draw

SEED = 7
HELD_OUT = 0.1
WORDS_SHOWN = 8


def run(stage: Stage) -> Finding:
    """Fit on nine words in ten, score the tenth, and name the components by their words."""
    words = data.wordllama()
    components, limit, iterations = (12, 10000, 25) if stage.quick else (32, 32000, 100)
    train, test = split(words.vectors, limit)
    single = VonMisesFisher.fit(train)
    single_score = float(single.log_prob(test).mean())

    with stage.console.step(f"EM, {components} components, {len(train)} words", iterations) as step:

        def moved(done: int, total: int, note: str = "") -> None:
            del total
            step.advance()
            step.note(f"step {done}, {note}")

        model = VonMisesFisherMixture(
            components, max_iterations=iterations, generator=SEED, progress=moved
        )
        start = time.perf_counter()
        model.fit(train)
        seconds = time.perf_counter() - start
    history = model.history_
    score = model.score(test)
    worst = min((after - before for before, after in pairwise(history)), default=0.0)

    concentrations = model.concentrations_
    low, high = float(concentrations.min()), float(concentrations.max())
    return Finding(
        today=[Fact(f"{single_score:.2f}", "nats a held-out word, one direction for all words")],
        ours=[
            Fact(
                f"{score:.2f}",
                f"nats a held-out word, a mixture of {components} directions "
                f"({score - single_score:+.2f})",
            )
        ],
        pictures=[],
        bars=[Bar("mixture over one direction, nats a held-out word", score - single_score, 0)],
        details=[
            Text(
                f"{components} components over {len(train)} words, each with its own mean "
                f"direction and concentration; {len(test)} words were held out. EM may never lower "
                f"the likelihood: over {model.n_iter_} steps the smallest change was {worst:+.1e} "
                f"nats. A step took {seconds / model.n_iter_:.3f} s, the start included; "
                f"concentrations are {low:.0f} to {high:.0f}."
            ),
            Figures([_curve(history, single_score, score), _scatter(model)]),
            Table(
                ("Weight", "kappa", "Nearest words"),
                [
                    (f"{weight:.3f}", f"{kappa:.0f}", ", ".join(near))
                    for weight, kappa, near in meanings(model, words)
                ],
                "Components, heaviest first, by the whole words nearest to their mean directions.",
            ),
        ],
    )


def split(vectors: Tensor, limit: int) -> tuple[Tensor, Tensor]:
    """At most `limit` rows in random order, and the last tenth of them apart."""
    order = torch.randperm(len(vectors), generator=torch.Generator().manual_seed(SEED))[:limit]
    held = int(len(order) * HELD_OUT)
    return vectors[order[:-held]], vectors[order[-held:]]


def meanings(
    model: VonMisesFisherMixture, words: data.Words
) -> list[tuple[float, float, list[str]]]:
    """(weight, concentration, nearest whole words) of each component, heaviest first."""
    whole = [
        i
        for i, token in enumerate(words.tokens)
        if token.startswith("▁") and len(token) > 3 and token[1:].isalpha()
    ]
    cosines = model.means_.to(torch.float32) @ words.vectors[whole].T  # [components, words]
    nearest = cosines.topk(WORDS_SHOWN, dim=1).indices.tolist()
    weights, concentrations = model.weights_.tolist(), model.concentrations_.tolist()
    return [
        (weights[k], concentrations[k], [words.tokens[whole[i]][1:] for i in nearest[k]])
        for k in sorted(range(len(weights)), key=lambda k: -weights[k])
    ]


def _curve(history: list[float], single: float, score: float) -> Figure:
    with draw.drawing() as drawn:
        ax = drawn.ax
        ax.plot(range(len(history)), history, color=draw.OURS, label="mixture, training")
        ax.axhline(score, color=draw.OURS, linestyle="--", linewidth=1.2, label="mixture, held out")
        ax.axhline(
            single, color=draw.RIVAL, linestyle="--", linewidth=1.2, label="one vMF, held out"
        )
        ax.set_xlabel("EM step")
        ax.set_ylabel("mean log-likelihood, nats a word")
        ax.legend()
    return drawn.figure(
        "EM climbs without a step back; the held-out words gain as well.",
        "Line rising with the EM iterations, above two horizontal lines.",
    )


def _scatter(model: VonMisesFisherMixture) -> Figure:
    with draw.drawing() as drawn:
        ax = drawn.ax
        ax.scatter(model.weights_, model.concentrations_, color=draw.OURS, s=26)
        ax.set_xlabel("weight of the component")
        ax.set_ylabel("kappa")
        ax.set_yscale("log")
    return drawn.figure(
        "Small components are tight clusters; the large ones hold what has no theme.",
        "Scatter of weight against concentration, one point a component.",
    )
