"""longtail.special: that its functions are ufuncs in every respect. Values: tests/bessel."""

from __future__ import annotations

import threading
import warnings

import numpy as np
import pytest

from longtail import special

UFUNCS = [getattr(special, name) for name in special.__all__]
FLOATS = [np.float16, np.float32, np.float64]


@pytest.mark.parametrize("ufunc", UFUNCS, ids=lambda ufunc: ufunc.__name__)
def test_is_a_documented_ufunc(ufunc):
    assert isinstance(ufunc, np.ufunc)
    assert (ufunc.nin, ufunc.nout) == (2, 1)
    assert len(ufunc.__doc__.splitlines()) >= 3


@pytest.mark.parametrize("dtype", FLOATS)
def test_float_types_are_kept_and_rounded_once(dtype):
    v = np.linspace(0.5, 9, 37).astype(dtype)
    x = np.linspace(1, 20, 37).astype(dtype)
    result = special.log_bessel_i(v, x)
    assert result.dtype == dtype
    exact = special.log_bessel_i(v.astype(np.float64), x.astype(np.float64))
    np.testing.assert_array_equal(result, exact.astype(dtype))


INTEGERS = ["?", "b", "B", "h", "H", "i", "I", "l", "L", "q", "Q"]


@pytest.mark.parametrize("code", INTEGERS)
def test_integers_give_float64(code):
    v, x = np.array([0, 1, 1], code), np.array([1, 1, 1], code)
    result = special.log_bessel_k(v, x)
    assert result.dtype == np.float64
    np.testing.assert_array_equal(result, special.log_bessel_k(v.astype("d"), x.astype("d")))


@pytest.mark.parametrize(
    ("first", "second", "result"),
    [
        (2, 3, np.float64),
        (2.5, 3, np.float64),
        (2, np.float32(3), np.float32),
        (np.int8(2), np.float32(3), np.float32),
        (np.float16(2), np.float32(3), np.float32),
        (np.int8(2), np.int32(3), np.float64),
        (np.uint8(200), np.int8(3), np.float64),
    ],
)
def test_mixed_types(first, second, result):
    value = special.log_bessel_i(first, second)
    assert value.dtype == result
    assert np.isclose(value, special.log_bessel_i(float(first), float(second)), rtol=1e-6)


def test_types_without_a_loop():
    for bad in (1j, "text", None):
        with pytest.raises(TypeError, match="log_bessel_i"):
            special.log_bessel_i(bad, 1.0)


def test_strides_and_broadcasting():
    v = np.linspace(0.5, 9, 127)[::-1]
    x = np.linspace(1, 20, 2 * 193)[::2, None]
    result = special.bessel_i_ratio(v, x)
    assert result.shape == (193, 127)
    for i, j in ((0, 0), (192, 126), (17, 101)):
        assert result[i, j] == special.bessel_i_ratio(v[j], x[i, 0])
    np.testing.assert_array_equal(special.bessel_i_ratio.outer(x[:, 0], v).shape, (193, 127))


def test_misaligned_and_foreign_byte_order():
    x = np.linspace(1, 20, 50)
    expected = special.log_hyp0f1(1.5, x)
    record = np.zeros(50, dtype=np.dtype([("tag", "u1"), ("x", "f8")]))
    record["x"] = x
    np.testing.assert_array_equal(special.log_hyp0f1(1.5, record["x"]), expected)
    np.testing.assert_array_equal(special.log_hyp0f1(1.5, x.astype(">f8")), expected)


def test_out_and_where():
    v, x = np.full(2000, 1.5), np.linspace(1, 5, 2000)
    expected = special.log_bessel_k(v, x)
    out = np.full(2000, 7.0)
    mask = np.arange(2000) % 3 == 0
    assert special.log_bessel_k(v, x, out=out, where=mask) is out
    np.testing.assert_array_equal(out, np.where(mask, expected, 7.0))
    strided = np.zeros(4000)
    special.log_bessel_k(v, x, out=strided[::2])
    np.testing.assert_array_equal(strided[::2], expected)
    assert not strided[1::2].any()


def test_output_may_be_an_input():
    x = np.linspace(1, 5, 3000)
    expected = special.log_bessel_k(1.5, x)
    special.log_bessel_k(1.5, x, out=x)
    np.testing.assert_array_equal(x, expected)
    y = np.linspace(1, 5, 3001)
    expected = special.log_bessel_k(1.5, y[1:])
    special.log_bessel_k(1.5, y[1:], out=y[:-1])  # overlapping: NumPy makes a copy
    np.testing.assert_array_equal(y[:-1], expected)


def test_casting_and_dtype():
    x = np.linspace(1, 5, 20)
    single = special.log_bessel_i(1.0, x, dtype=np.float32, casting="same_kind")
    assert single.dtype == np.float32
    with pytest.raises(TypeError, match="[Cc]ast"):
        special.log_bessel_i(1.0, x, dtype=np.float32, casting="safe")
    with pytest.raises(TypeError, match="[Cc]ast"):
        special.log_bessel_i(1.0, x, out=np.zeros(20, np.int64))


def test_empty_and_zero_dimensional():
    assert special.matern(np.zeros((0, 3)), np.ones(3)).shape == (0, 3)
    assert isinstance(special.matern(np.array(1.0), np.array(2.0)), np.float64)


def test_out_of_domain_is_nan_without_a_warning():
    with warnings.catch_warnings(), np.errstate(all="raise"):
        warnings.simplefilter("error")
        result = special.log_bessel_i([0.5, 1.0, np.nan], [-1.0, np.nan, 1.0])
    assert np.isnan(result).all()


def test_threads_share_the_functions():
    x = np.linspace(1, 9, 50_000)
    expected = special.log_bessel_i(2.5, x)
    results = [np.empty_like(x) for _ in range(4)]
    threads = [
        threading.Thread(target=lambda out=out: special.log_bessel_i(2.5, x, out=out))
        for out in results
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for out in results:
        np.testing.assert_array_equal(out, expected)
