"""That long real series are told apart by convolutions, and not without one.

The networks, recipes and data are those of `longtail demo --only longconv`.
"""

from __future__ import annotations

import pytest

from kit.installed import read
from longtail.demos.longconv import classify
from longtail.demos.longconv.classify import (
    APPLIANCES,
    FREE,
    NONE,
    PIGS,
    STATE_SPACE,
    STRUCTURED,
    Series,
    gain,
)
from longtail.demos.longconv.series import MARGIN


def gains(series: Series, seed: int, *names: str) -> dict[str, float]:
    """Right answers of those networks over those without a convolution."""
    read(series.task)
    runs = classify.train(series, series.whole, seed, (*names, NONE))
    print(seed, {name: round(run.accuracy, 3) for name, run in runs.items()})
    return {name: gain(runs, name) for name in names}


def test_state_spaces_know_appliances() -> None:
    assert gains(APPLIANCES, 0, STATE_SPACE)[STATE_SPACE] >= MARGIN


@pytest.mark.full
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_all_convolutions_know_appliances(seed: int) -> None:
    found = gains(APPLIANCES, seed, STATE_SPACE, STRUCTURED, FREE)
    assert min(found.values()) >= MARGIN, found


@pytest.mark.full
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_convolutions_know_pigs(seed: int) -> None:
    found = gains(PIGS, seed, STATE_SPACE, STRUCTURED)
    assert min(found.values()) >= MARGIN, found
