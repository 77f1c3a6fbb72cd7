"""Multigrid beside what users of Python have today.

    python bench/peers/multigrid.py [--name NAME] [--repeats N] [--quick] [--bars] [--only PART]

Parts: `solve` (Poisson and Darcy problems to 1e-8: PyAMG, SciPy's SuperLU, conjugate gradients and
sine transforms, multigrid in torch), `cycle` (a V(1,1)-cycle and a preconditioner beside the bytes
they move), `data` (darcy_dataset beside SuperLU), `krylov` (products of a sequence of systems
beside SciPy's gmres, gcrotmk, cg), `mgno` (a training step beside plain torch in both layouts and
torch.compile). All providers of a case on the same inputs, taking turns, at one and at two threads;
those that ignore threads once. Errors of `solve` and `krylov` are true relative residuals. Memory
is warm: glibc is told to keep what is freed (the script starts itself again with those settings).
Stores records in bench/results/multigrid-cpu-<name>.jsonl; 6 minutes on an idle machine with
--repeats 3.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:1] = [str(ROOT)]

from bench.kit import parts  # noqa: E402

PARTS = ("solve", "cycle", "data", "krylov", "mgno")

if __name__ == "__main__":
    sys.exit(parts.run("multigrid", __doc__, PARTS, ("numpy", "pyamg", "scipy", "torch")))
