"""Draws error maps of log I and log K over the order v and the argument x.

    python tools/error_map.py [--peers-python PATH] [--size 160] [--quick]

One picture a function: E1 in units of eps on logarithmic axes for longtail (with the borders of
its regions), SciPy, TensorFlow Probability and the scheme of Plesner, Sorensen and Hauberg (2024),
against Arb. Written to docs/images/; grey is what comes out infinite or nan.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).parents[1]
sys.path[:1] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tools")]

from paper_scheme import paper_log_bessel  # noqa: E402

from bench.kit.runner import Peer  # noqa: E402
from bessel import metrics, oracle, tables  # noqa: E402

Array = NDArray[np.float64]
Implementation = Callable[[str, Array, Array], Array]

FUNCTIONS = {"log_bessel_i": "log I", "log_bessel_k": "log K"}
ORDERS = (1e-3, 1e5)
ARGUMENTS = (1e-3, 1e6)
LARGEST_SHOWN = 1e6


def longtail(function: str, v: Array, x: Array) -> Array:
    """Ours, as NumPy ufuncs."""
    import longtail

    return np.asarray(getattr(longtail.special, function)(v, x))


def scipy(function: str, v: Array, x: Array) -> Array:
    """What a careful SciPy user writes."""
    from scipy import special

    if function == "log_bessel_i":
        return np.asarray(np.log(special.ive(v, x)) + x)
    return np.asarray(np.log(special.kve(v, x)) - x)


def tfp(peer: Peer) -> Implementation:
    """TensorFlow Probability in its own environment."""

    def implementation(function: str, v: Array, x: Array) -> Array:
        with tempfile.TemporaryDirectory() as folder:
            path, out = Path(folder, "in.npz"), Path(folder, "out.npy")
            np.savez(path, v=v, x=x)
            peer.ask(do="load", function=function, path=str(path), out=str(out))
            return np.asarray(np.load(out))

    return implementation


def points(size: int) -> tuple[Array, Array]:
    """The centres of size x size cells, jittered, so that no method meets only round numbers."""
    rng = np.random.default_rng(11)
    v, x = (
        np.exp(np.log(low) + np.log(high / low) * (np.arange(size) + 0.5) / size)
        for low, high in (ORDERS, ARGUMENTS)
    )
    v, x = np.meshgrid(v, x, indexing="xy")
    width = [np.log(high / low) / size for low, high in (ORDERS, ARGUMENTS)]
    v, x = (
        each * np.exp(step * rng.uniform(-0.4, 0.4, each.shape))
        for each, step in zip((v, x), width, strict=True)
    )
    return v.ravel(), x.ravel()


def exact(function: str, v: Array, x: Array) -> tables.Table:
    """Arb at every point."""
    values = np.array(
        [
            oracle.split(oracle.value(function, a, b))
            for a, b in zip(v.tolist(), x.tolist(), strict=True)
        ]
    )
    return tables.Table(np.full(len(v), ""), v, x, *values.T)


def draw(function: str, maps: dict[str, Array], size: int, folder: Path) -> Path:
    """One picture with a panel for each implementation."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt
    from matplotlib.colors import LogNorm

    figure, axes = plt.subplots(
        1, len(maps), figsize=(3.5 * len(maps), 3.9), sharey=True, layout="constrained"
    )
    colours = plt.get_cmap("viridis").copy()
    colours.set_bad("0.75")
    mesh = None
    for axis, (name, e1) in zip(np.atleast_1d(axes), maps.items(), strict=True):
        shown = np.where(np.isfinite(e1), np.clip(e1, 0.01, LARGEST_SHOWN), np.nan)
        edges = [np.geomspace(*span, size + 1) for span in (ORDERS, ARGUMENTS)]
        mesh = axis.pcolormesh(
            *edges, shown.reshape(size, size), norm=LogNorm(0.1, LARGEST_SHOWN), cmap=colours,
            rasterized=True,
        )  # fmt: skip
        finite = e1[np.isfinite(e1)]
        infinite = 100 * (1 - len(finite) / len(e1))
        axis.set_title(
            f"{name}\nlargest {finite.max():.2g}, median {np.median(finite):.2g}"
            + (f"; {infinite:.0f}% not finite" if infinite > 0 else ""),
            fontsize=9,
        )
        axis.set(xscale="log", yscale="log", xlabel="order v", xlim=ORDERS, ylim=ARGUMENTS)
        if name == "longtail":
            draw_borders(axis, function)
    np.atleast_1d(axes)[0].set_ylabel("argument x")
    assert mesh is not None
    figure.colorbar(mesh, ax=axes, label="E1, in eps", extend="both")
    figure.suptitle(f"Error of {FUNCTIONS[function]} against Arb", fontsize=10)
    path = folder / f"error_map_{function}.png"
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return path


def draw_borders(axis: object, function: str) -> None:
    """Where longtail changes method (csrc/bessel/methods.h)."""
    angle = np.linspace(0, np.pi / 2, 400)[1:-1]
    style = {"color": "white", "linewidth": 0.6, "linestyle": "--"}
    plot = axis.plot
    is_k = function == "log_bessel_k"
    for w in (1.5, 3.0, 6.0, 12.5, 25.0, 60.0, 150.0) if is_k else (6.0, 12.5, 25.0, 60.0, 150.0):
        v, x = w * np.cos(angle), w * np.sin(angle)
        shown = (x > 1) | (w >= 6) | (not is_k)
        plot(v[shown], x[shown], **style)
    if is_k:
        plot([ORDERS[0], np.sqrt(6**2 - 1)], [1, 1], **style)
    else:
        plot([0.5, 0.5], [ARGUMENTS[0], np.sqrt(6**2 - 0.5**2)], **style)


def main() -> None:
    """Draws both maps and prints the worst point of each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--size", type=int, default=160, help="cells along each axis")
    parser.add_argument("--quick", action="store_true", help="48 cells along each axis")
    parser.add_argument("--peers-python", help="a Python that has bench/peers/requirements.txt")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/images")
    options = parser.parse_args()
    size = 48 if options.quick else options.size
    implementations: dict[str, Implementation] = {"longtail": longtail, "SciPy": scipy}
    if options.peers_python:
        peer = Peer(options.peers_python, str(ROOT / "bench/peers/_tfp_worker.py"))
        implementations["TFP"] = tfp(peer)
    implementations["the paper's scheme"] = paper_log_bessel
    options.out.mkdir(parents=True, exist_ok=True)
    v, x = points(size)
    for function in FUNCTIONS:
        start = time.perf_counter()
        truth = exact(function, v, x)
        print(f"{function}: {len(v)} points by Arb in {time.perf_counter() - start:.0f} s")
        maps = {}
        for name, implementation in implementations.items():
            with np.errstate(all="ignore"):
                result = implementation(function, v, x)
                maps[name] = metrics.e1(metrics.errors(result, truth), truth.hi)
            worst = int(np.argmax(np.where(np.isfinite(maps[name]), maps[name], -1)))
            at = f"({v[worst]:g}, {x[worst]:g})"
            print(f"  {name:20} largest E1 {maps[name][worst]:9.3g} at {at}")
        path = draw(function, maps, size, options.out)
        print(f"  {path} ({path.stat().st_size // 1024} KiB)")


if __name__ == "__main__":
    main()
