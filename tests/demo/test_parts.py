"""The pieces that the parts of the Bessel demo are made of."""

import importlib.resources
import json

import numpy as np
import pytest
import torch
from scipy import integrate

import longtail
from longtail.demos import data
from longtail.demos.bessel import against_scipy, images, mixture, smoothness, words
from longtail.distributions import VonMisesFisher


@pytest.mark.parametrize("dimension, concentration", [(3, 2.0), (256, 25.7), (256, 1e-8)])
def test_density_of_the_cosine_integrates_to_one(dimension, concentration):
    def density(cosine):
        at = torch.tensor(cosine, dtype=torch.float64)
        return float(words.density_of_cosine(at, dimension, concentration))

    total, _ = integrate.quad(density, -1 + 1e-12, 1 - 1e-12, limit=200)
    assert total == pytest.approx(1, rel=1e-8)


def test_density_of_the_cosine_in_three_dimensions():
    """There it is k exp(k t) / (2 sinh k)."""
    at = torch.tensor([-0.5, 0.1, 0.9], dtype=torch.float64)
    expected = 2 * torch.exp(2 * at) / (2 * np.sinh(2.0))
    torch.testing.assert_close(words.density_of_cosine(at, 3, 2.0), expected, rtol=1e-13, atol=0)


def test_scipys_fit_is_run_and_its_warnings_kept():
    rows = VonMisesFisher(torch.eye(256)[0], 25.0).sample((500,))
    fit = words.scipy_fit(rows)
    assert fit.seconds > 0
    # Should SciPy learn this, the demo says so by itself; this test then needs new words.
    assert fit.concentration == pytest.approx(1e-8) and fit.warnings


def test_split_holds_a_tenth_out_and_repeats():
    vectors = torch.arange(500.0)[:, None]
    train, test = mixture.split(vectors, 200)
    assert len(train) == 180 and len(test) == 20
    assert len(torch.cat([train, test]).unique()) == 200
    assert torch.equal(mixture.split(vectors, 200)[1], test)


def test_crops_are_square_inside_the_image_and_repeat():
    image = torch.rand(3, 300, 400)
    first = images.random_crop(image, torch.Generator().manual_seed(1))
    again = images.random_crop(image, torch.Generator().manual_seed(1))
    assert first.shape == (3, images.SIDE, images.SIDE) and torch.equal(first, again)
    assert float(first.min()) >= -1e-6 and float(first.max()) <= 1 + 1e-6


@pytest.mark.parametrize("cells, size", [(1, 1280), (2, 5120), (4, 20480)])
def test_pooled_features_are_unit_rows(cells, size):
    features = images.pool(torch.rand(2, 1280, 7, 7), cells)
    assert features.shape == (2, size)
    torch.testing.assert_close(features.norm(dim=1), torch.ones(2))


def test_crops_of_two_distributions_are_told_apart_and_noise_is_not():
    torch.manual_seed(0)
    means = torch.nn.functional.normalize(torch.randn(2, 64), dim=1)
    labels = torch.arange(2).repeat_interleave(40)
    near = VonMisesFisher(means[labels], 300.0).sample()
    assert images.recognised(near, labels, 2) == 1.0
    far = VonMisesFisher(means[labels], 0.0).sample()
    assert 0.2 < images.recognised(far, labels, 2) < 0.8


def test_refit_deviates_by_about_a_standard_error():
    fit = VonMisesFisher(torch.eye(2048, dtype=torch.float64)[0], 700.0)
    again, deviation = images.refit(fit, 400)
    assert again != 700.0 and abs(deviation) < 3.5
    # 1 / sqrt(400 A'(700)), A' by differences of the continued fraction for A.
    assert abs((again - 700.0) / deviation - 2.6184) < 1e-3


def test_reference_points_agree_with_scipy_where_it_is_finite():
    content = importlib.resources.files("longtail.demos.bessel").joinpath("reference.json")
    tables = json.loads(content.read_text("utf-8"))
    compared = 0
    for key, rival in (("i", against_scipy.scipy_log_i), ("k", against_scipy.scipy_log_k)):
        for rows in tables[key].values():
            v, x, high, low = np.array(rows).T
            found = rival(v, x)
            usable = np.isfinite(found)
            compared += usable.sum()
            assert np.all(np.abs(low) <= np.spacing(np.abs(high)))
            np.testing.assert_allclose(found[usable], high[usable], rtol=1e-9, atol=1e-9)
    assert compared > 100


def test_grid_d_takes_orders_from_whole_dimensions():
    v, x = against_scipy.draw_points(against_scipy.GRIDS[3], 1000)
    p = 2 * (v + 1)
    assert np.array_equal(p, np.rint(p)) and p.min() >= 64 and p.max() <= 32768
    assert (x / p).min() >= 0.01 * (1 - 1e-12) and (x / p).max() <= 50 * (1 + 1e-12)


def test_series_are_standardised():
    series = data.Series("s", torch.arange(10.0).double(), torch.arange(10.0).double() ** 2, "", "")
    short = smoothness.shorten(series, 6)
    assert short.x[0] == 0 and short.x[-1] == 1 and len(short.y) == 6
    assert float(short.y.mean()) == pytest.approx(0, abs=1e-12)
    assert float(short.y.std()) == pytest.approx(1)


def test_scipy_cell_counts_what_is_finite():
    grid = against_scipy.GRIDS[3]
    pair = against_scipy.Pair("i", "log I", longtail.log_bessel_i, against_scipy.scipy_log_i)
    cell = against_scipy.measure(pair, grid, 2000)
    v, x = against_scipy.draw_points(grid, 2000)
    assert cell.finite == pytest.approx(np.isfinite(against_scipy.scipy_log_i(v, x)).mean())
    assert cell.finite < 0.95
    assert cell.ours_error <= 4
