"""Turns the check classes into parametrised tests, and splits default run and full product.

A class with an attribute ``specs`` gets one test per op, and per dtype, layout, shape, raw op or
device where the test function asks for one. Cells marked ``full`` run under ``pytest -m full``,
which runs everything else too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from kit.spec import OpSpec
from kit.tensors import LAYOUTS, SHAPES, short

# Dtypes whose cells are in the default run where every dtype takes the same path.
_DEFAULT_DTYPES = ("float64", "float32")


def configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "full: a cell of the full product (pytest -m full)")


def generate_tests(metafunc: pytest.Metafunc) -> None:
    specs = getattr(metafunc.cls, "specs", None)
    if specs is None or "spec" not in metafunc.fixturenames:
        return
    names = metafunc.fixturenames
    axes = [axis for axis in ("dtype", "raw", "layout", "shape", "device") if axis in names]
    test = metafunc.definition.originalname.removeprefix("test_")
    cells = []
    for spec in specs:
        marks = []
        if reason := spec.skipped.get(test):
            marks.append(pytest.mark.skip(reason=reason))
        if spec is not specs[0] and test in getattr(metafunc.cls, "first_op_only", ()):
            marks.append(pytest.mark.full)
        for values, labels, extra in _product(spec, axes, metafunc.cls):
            label = "-".join([spec.name, *labels])
            cells.append(pytest.param(spec, *values, id=label, marks=[*marks, *extra]))
    indirect = [axis for axis in axes if axis == "device"]
    metafunc.parametrize(["spec", *axes], cells, indirect=indirect)


def _product(spec: OpSpec, axes: list[str], cls: Any) -> Iterable[tuple[list, list, list]]:
    """(values, labels, marks) of every cell."""
    rows: list[tuple[list, list, list]] = [([], [], [])]
    for axis in axes:
        choices = list(_choices(spec, axis, cls))
        rows = [
            ([*values, value], [*labels, label], [*marks, *extra])
            for values, labels, marks in rows
            for value, label, extra in choices
        ]
    return rows


def _choices(spec: OpSpec, axis: str, cls: Any) -> Iterable[tuple[Any, str, list]]:
    full = [pytest.mark.full]
    if axis == "dtype":
        always = getattr(cls, "default_dtypes", _DEFAULT_DTYPES)
        for dtype in spec.dtypes:
            yield dtype, short(dtype), [] if short(dtype) in always else full
    elif axis == "raw":
        seen = set()
        for raw in spec.raw:
            yield raw, str(raw), full if raw.overload in seen else []
            seen.add(raw.overload)
    elif axis == "layout":
        for name, layout in LAYOUTS.items():
            yield layout, name, []
    elif axis == "shape":
        always = getattr(cls, "default_shapes", SHAPES)
        for shape in SHAPES:
            yield shape, "x".join(map(str, shape)) or "scalar", [] if shape in always else full
    elif axis == "device":
        yield from (("cpu", "cpu", []), ("cuda", "cuda", []))


def select(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the full product out of a default run; ``-m full`` means all there is."""
    expression = config.getoption("markexpr")
    if expression == "full":
        for item in items:
            item.add_marker(pytest.mark.full)
    elif "full" not in expression:
        left_out = [item for item in items if item.get_closest_marker("full")]
        if left_out:
            config.hook.pytest_deselected(items=left_out)
            items[:] = [item for item in items if not item.get_closest_marker("full")]
