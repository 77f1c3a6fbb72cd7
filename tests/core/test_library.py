"""Finding and loading the native libraries, lazily and with reasons."""

from __future__ import annotations

import pytest

import longtail
from kit.processes import printed, run_code
from longtail import _library


def test_special_needs_no_torch():
    code = (
        "import json, sys\nfrom longtail import special\n"
        "print(json.dumps(['torch' in sys.modules, float(special.log_bessel_i(0.5, 1.0))]))"
    )
    has_torch, value = printed(code)
    assert not has_torch
    assert value == pytest.approx(-0.0643519910735318, rel=1e-14)


def test_operators_are_there_if_torch_is():
    code = (
        "import torch, longtail, json\n"
        "print(json.dumps(hasattr(torch.ops.longtail, 'log_bessel_i')))"
    )
    assert printed(code) is True


def test_unknown_name():
    with pytest.raises(AttributeError, match="no attribute 'log_bessel_j'"):
        longtail.log_bessel_j  # noqa: B018


def test_every_public_name_is_importable():
    assert set(longtail.__all__) <= set(dir(longtail))
    for name in longtail._DEFINED_IN:
        assert callable(getattr(longtail, name))


def test_cpu_library_is_loaded():
    assert _library.cpu_library.loaded
    assert _library.cpu_library.path is not None


def test_missing_library_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr(longtail, "__path__", [str(tmp_path)])
    with pytest.raises(ImportError, match=r"liblongtail\.so is in none of .*pip install"):
        _library._load_cpu()
    assert "no CUDA library" in _library._load_cuda().problem


def test_cuda_library_can_be_switched_off(monkeypatch):
    if _library.find_library("liblongtail_cuda.so") is None:
        pytest.skip("built without CUDA")
    monkeypatch.setenv("LONGTAIL_DISABLE_CUDA", "1")
    assert "LONGTAIL_DISABLE_CUDA" in _library._load_cuda().problem


def test_cuda_library_that_does_not_load_keeps_the_reason(monkeypatch, tmp_path):
    (tmp_path / "liblongtail_cuda.so").write_bytes(b"not a library")
    monkeypatch.setattr(longtail, "__path__", [str(tmp_path)])
    monkeypatch.setattr("torch.version.cuda", "13.0")
    status = _library._load_cuda()
    assert not status.loaded
    assert "loading it failed" in status.problem


def test_cuda_library_loads_beside_a_cpu_torch():
    if _library.find_library("liblongtail_cuda.so") is None:
        pytest.skip("built without CUDA")
    # It must not need libtorch_cuda even where it is of no use.
    code = (
        "import torch, longtail\nfrom longtail import _library\n"
        "torch.ops.load_library(_library.find_library('liblongtail_cuda.so'))\nprint('true')"
    )
    assert run_code(code, LONGTAIL_DISABLE_CUDA="1").returncode == 0
