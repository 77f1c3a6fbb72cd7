"""Part 2: a mixture of von Mises-Fisher distributions over the words, by EM."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from longtail.demos import Stage, data
from longtail.distributions import VonMisesFisher, VonMisesFisherMixture
from longtail.report import Block, Fact, Facts, Figure, Figures, Table, Text
from longtail.report import figures as draw

SEED = 7
HELD_OUT = 0.1
WORDS_SHOWN = 8


def run(stage: Stage) -> Sequence[Block]:
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
    return [
        Text(
            f"{components} components over {len(train)} words, each with its own mean direction "
            f"and concentration; {len(test)} words were held out. EM may never lower the "
            f"likelihood: over {model.n_iter_} steps the smallest change was {worst:+.1e} nats."
        ),
        Facts(
            [
                Fact(f"{score - single_score:+.3f}", "nats a held-out word, over one vMF"),
                Fact(f"{low:.0f} to {high:.0f}", "kappa of the components"),
                Fact(f"{seconds / model.n_iter_:.3f} s", "an EM step, start included"),
            ]
        ),
        Figures([_curve(history, single_score, score), _scatter(model)]),
        Table(
            ("Weight", "kappa", "Nearest words"),
            [
                (f"{weight:.3f}", f"{kappa:.0f}", ", ".join(near))
                for weight, kappa, near in meanings(model, words)
            ],
            "The components, heaviest first, by the whole words nearest to their mean directions.",
        ),
    ]


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
