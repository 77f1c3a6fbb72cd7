"""The accuracy table of quantised attention, docs/families/attention-accuracy.md.

    python tools/attention_accuracy.py [--write]

Cosine of the output with exact attention in float64, in percent: mean and worst over heads (and
layers of MiniLM), of the kernels as they are; the last columns have the codes of q and k alone
(weights and values exact), and the largest error of the log-sum-exp against that of the same codes
in float64. Without MiniLM's weights (`longtail demo --fetch`) its row is left out, and said so.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

ROOT = Path(__file__).parents[1]
sys.path[:1] = [str(ROOT / "tests")]

import longtail  # noqa: E402
from attention import datasets  # noqa: E402
from attention.emulation import Variant, attend, exact  # noqa: E402
from longtail.demos.data import MissingDataError  # noqa: E402

PAGE = ROOT / "docs/families/attention-accuracy.md"
VARIANTS = (
    Variant("int4", "none"),
    Variant("int4", "k"),
    Variant("int4", "qk"),
    Variant("int4", "qk", True),
    Variant("int4", "qk", weights="fp8"),
    Variant("q8k4", "k"),
    Variant("q8k4", "qk", True),
    Variant("int8", "none"),
    Variant("int8", "k"),
    Variant("int8", "qk", True),
    Variant("int8", "k", weights="fp8"),
)
SETS = {
    "N(0, 1)": datasets.normal,
    "K bias": datasets.k_biased,
    "Q and K bias": datasets.qk_biased,
    "biases through RoPE": datasets.rope_biased,
    "V with means": datasets.v_mean,
    "attention sink": datasets.sink,
    "peaky": datasets.peaky,
}


def inputs() -> Iterator[tuple[str, list[tuple[Tensor, Tensor, Tensor]]]]:
    """Name and layers of every data set."""
    for name, draw in SETS.items():
        yield name, [draw(datasets.Shape(heads=4, length=512))]
    try:
        yield "MiniLM, 6 layers", datasets.minilm_layers()
    except MissingDataError as problem:
        print(f"MiniLM is left out: {problem}", file=sys.stderr)


def measure(
    layers: list[tuple[Tensor, Tensor, Tensor]], variant: Variant
) -> tuple[Tensor, Tensor, float]:
    """Cosines of heads (kernel; codes alone) and the largest error of the log-sum-exp."""
    kernel, codes, lse_error = [], [], 0.0
    alone = Variant(variant.qk, variant.smooth, variant.rotate, weights="exact")
    for q, k, v in layers:
        truth = exact(q, k, v)
        emulated = attend(q, k, v, variant=alone)
        if variant.weights == "fp8":
            out, lse = attend(q, k, v, variant=variant)[:2]
        else:
            out, lse = longtail.quantized_attention(
                *(q, k, v),
                qk=variant.qk,
                smooth=variant.smooth,
                rotate=variant.rotate,
                return_lse=True,
            )
        kernel.append(datasets.cosines_of_heads(out, truth).flatten())
        codes.append(datasets.cosines_of_heads(emulated.out, truth).flatten())
        lse_error = max(lse_error, (lse - emulated.lse).abs().max().item())
    return torch.cat(kernel), torch.cat(codes), lse_error


def label(variant: Variant) -> str:
    """As the table names it."""
    smooth = {"none": "", "k": ", smooth K", "qk": ", smooth Q and K"}[variant.smooth]
    fp8 = "; FP8 weights and values" * (variant.weights == "fp8")
    return variant.qk + smooth + ", rotated" * variant.rotate + fp8


def table() -> str:
    """Markdown."""
    lines = [
        "| data | variant | mean | worst | codes alone, mean | worst | error of LSE |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, layers in inputs():
        for variant in VARIANTS:
            kernel, codes, lse_error = measure(layers, variant)
            cells = [kernel.mean(), kernel.min(), codes.mean(), codes.min()]
            numbers = " | ".join(f"{100 * each.item():.3f}" for each in cells)
            last = "emulated" if variant.weights == "fp8" else f"{lse_error:.1e}"
            lines.append(f"| {name} | {label(variant)} | {numbers} | {last} |")
    return "\n".join(lines)


HEAD = """# Accuracy of quantised attention

Cosine with exact attention in float64, in percent, over heads (and layers): of the kernels on the
CPU, and with the codes of q and k alone. Written by `tools/attention_accuracy.py --write`; the data
sets are those of `tests/attention/datasets.py`. Rows with FP8 weights and values are what CUDA has
where tensor cores multiply them, emulated in float64.

"""


def main() -> None:
    """Prints the table, or writes the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the page of the docs")
    text = table()
    if parser.parse_args().write:
        PAGE.write_text(HEAD + text + "\n")
    print(text)


if __name__ == "__main__":
    main()
