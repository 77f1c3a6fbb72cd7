"""``python -m kit.save_results MODULE FILE``: the tensors of MODULE.results() on the CPU level that
LONGTAIL_CPU_LEVEL names."""

from __future__ import annotations

import importlib
import sys

import torch

from longtail import _native

print(_native.cpu_level())
torch.save(importlib.import_module(sys.argv[1]).results(), sys.argv[2])
