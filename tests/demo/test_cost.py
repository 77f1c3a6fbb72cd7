"""The activation whose cost the demo shows: it is the same one by longtail and in torch."""

import torch

import longtail
from longtail.demos.rational import cost


def test_written_out_it_is_the_same():
    given = cost.problem(64)
    wide = [each.double() for each in given[:3]]
    torch.testing.assert_close(longtail.rational(*wide), cost.in_torch(*wide), rtol=1e-12, atol=0)


def test_error_is_that_of_the_gradient(monkeypatch):
    given = cost.problem(64)
    assert 0 < cost.error(given) < 1
    monkeypatch.setattr(longtail, "rational", lambda x, a, b: cost.in_torch(x, 1.001 * a, b))
    assert 900 < cost.error(given) < 1100


def test_all_take_their_turns(one_thread):
    rounds = []
    ns = cost.times(cost.problem(64), 3, lambda: rounds.append(1))
    assert len(rounds) == 3 and list(ns) == list(cost.FUNCTIONS)
    assert all(each > 0 for each in ns.values())
