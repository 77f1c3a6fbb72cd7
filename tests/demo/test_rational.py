"""The pieces of the rational demo: digits, networks, recipe, and what must be learnt."""

import pytest
import torch

from kit.installed import read
from longtail.demos import data, training
from longtail.demos.measuring import Bar
from longtail.demos.rational import mnist, transformer
from longtail.demos.training import Recipe, Task
from longtail.nn import GroupRational
from longtail.report import Verdict


def test_digits_of_mnist():
    images, labels = read(data.mnist_digits)
    assert images.shape == (5000, 28, 28) and images.dtype == torch.uint8
    assert labels.bincount().tolist() == [500] * 10
    assert int(images.max()) == 255 and int(images[:, 0, 0].max()) == 0
    # Digits of one class are closer to their own mean than to the means of others, mostly.
    rows = images.flatten(1).double()
    means = torch.stack([rows[labels == digit].mean(0) for digit in range(10)])
    assert float((torch.cdist(rows, means).argmin(1) == labels).double().mean()) > 0.75


def test_small_digits():
    images, labels = read(data.small_digits)
    assert images.shape == (1797, 8, 8) and int(images.max()) == 16
    assert labels[:12].tolist() == [*range(10), 0, 1]


def test_split_leaves_no_example_out():
    x, y = torch.arange(11), torch.arange(11) * 10
    task = Task.split(x, y, 4)
    assert task.test_x.tolist() == [3, 7] and torch.equal(task.test_y, task.test_x * 10)
    assert sorted([*task.x.tolist(), *task.test_x.tolist()]) == list(range(11))


@pytest.mark.parametrize("rise", [0.0, 0.25])
def test_rate_rises_and_falls(rise):
    recipe = Recipe(1, 1, rate=2.0, rise=rise)
    rates = [recipe.rate_at(step, 99) for step in range(99)]
    top = rates.index(max(rates))
    assert top == (24 if rise else 0) and rates[top] == pytest.approx(2.0, rel=0.02)
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True) and 0 < rates[-1] < 0.05


def test_times_are_the_median_of_pairs():
    """A pause of the machine in one epoch does not count."""
    assert training.times([3.0, 99.0, 3.0], [1.5, 1.0, 1.5]) == 2
    assert training.times([1.0, 5.0, 1.0], [1.0, 5.0, 10.0]) == 1


def test_bars_are_met_or_missed():
    assert Bar("a", 0.89, 0.89, at_most=True).met
    assert str(Bar("a", 0.891, 0.89, at_most=True)) == "a  0.891  ≤ 0.89  MISSED"
    assert Bar("a", 0.915, 0.915).verdict() == Verdict("a", "0.915", "≥ 0.915", True)
    assert not Bar("a", 0.914, 0.915).verdict().met


def test_networks_start_equal_and_linear():
    """All but GELU's are the same function, and an affine one."""
    networks = mnist.networks(3)
    x = torch.randn(3, 784)
    middle = (x[0] + x[1]) / 2
    with torch.no_grad():
        expected = networks[mnist.FROZEN](x)
        for name in (mnist.LEARNT, mnist.ALSO_INPUT):
            torch.testing.assert_close(networks[name](x), expected)
        halfway = (expected[0] + expected[1]) / 2
        torch.testing.assert_close(networks[mnist.FROZEN](middle[None])[0], halfway)
        assert not torch.allclose(networks[mnist.GELU](x), expected)
    assert networks[mnist.ALSO_INPUT][0].channels // 8 == 98


def test_frozen_stay_and_others_move(one_thread):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(60, 784, generator=generator)
    task = Task.split(x, (x[:, 0] > 0).long(), 3)
    seen = []
    runs = training.train(mnist.networks(0), task, Recipe(2, 16, 1e-2), 0, seen.append)
    assert seen == [0, 1]
    fresh = GroupRational(128, 8)
    frozen, learnt = (runs[name].network[2] for name in (mnist.FROZEN, mnist.LEARNT))
    assert torch.equal(frozen.numerator, fresh.numerator)
    assert not torch.equal(learnt.numerator, fresh.numerator)
    assert not torch.equal(learnt.denominator, fresh.denominator)
    assert len(runs[mnist.GELU].seconds) == 2


def test_curves_are_one_a_group():
    activation = GroupRational(24, 8, shared_numerator=False)
    with torch.no_grad():
        activation.numerator[:, 1] = torch.arange(8.0)
        grid = torch.linspace(-1, 1, 5)
        torch.testing.assert_close(
            mnist.curves(activation, grid), grid[:, None] * torch.arange(8.0)
        )


def test_rationals_learn_what_a_linear_network_cannot(one_thread):
    """The bars of the design on one seed; times are left to the demo and the benchmarks."""
    task = mnist.pixels(*read(data.mnist_digits))
    done = training.train(mnist.networks(0), task, mnist.RECIPE, 0)
    frozen = done[mnist.FROZEN].accuracy
    assert frozen <= 0.890
    for name in (mnist.LEARNT, mnist.ALSO_INPUT):
        assert done[name].accuracy >= 0.915
        assert done[name].accuracy - frozen >= 0.02


def test_kat_reads_digits(one_thread):
    task = transformer.shuffled(*read(data.small_digits))
    assert sorted(task.test_y.unique().tolist()) == list(range(10))
    depth, recipe = transformer.QUICK
    done = training.train({mnist.LEARNT: transformer.transformer(depth)}, task, recipe, 0)
    assert done[mnist.LEARNT].accuracy >= 0.95


def test_the_rival_has_no_rational():
    model = transformer.with_gelu(transformer.transformer(2))
    assert not any(isinstance(module, GroupRational) for module in model.modules())
    assert sum(isinstance(module, torch.nn.GELU) for module in model.modules()) == 2
