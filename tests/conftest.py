"""Hooks and fixtures of the test kit; see tests/kit/README.md."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("kit")

from kit import bad_input, plugin  # noqa: E402  (after the rewrite of its asserts is set up)
from kit.fixtures import device, fake_processes, fresh_dynamo, one_thread, tool  # noqa: E402, F401


def pytest_configure(config: pytest.Config) -> None:
    plugin.configure(config)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    plugin.generate_tests(metafunc)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    plugin.select(config, items)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    bad_input.print_table(terminalreporter)
