"""Prints the accuracy table at the end of a run, also when all is well."""

from __future__ import annotations

import pytest


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """The whole table for ``-k accuracy`` and ``-m full``, else the worst grid of each function."""
    from .report import HEADER, Row, short

    rows = [
        Row(**{**row, "at": tuple(row["at"])})
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, ())
        for key, value in report.user_properties
        if key == "accuracy"
        for row in value
    ]
    if not rows:
        return
    whole = "accuracy" in config.getoption("keyword") or "full" in config.getoption("markexpr")
    terminalreporter.section("accuracy against Arb")
    terminalreporter.write_line(HEADER)
    for row in rows if whole else short(rows):
        terminalreporter.write_line(str(row), red=not row.worst <= row.bound)
    broken = sum(not row.worst <= row.bound for row in rows)
    terminalreporter.write_line(
        f"{len(rows)} rows, {sum(row.points for row in rows)} results, {broken} above the contract"
    )
