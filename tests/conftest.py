# SPDX-License-Identifier: Apache-2.0
"""Tests that need a tool: skipped where it is absent, and named in one line at the end.

A test says what it runs and where that comes from, Debian or PyPI:

    @pytest.mark.needs_tool("arm-none-eabi-gcc", package="gcc-arm-none-eabi")
    @pytest.mark.needs_tool("pio", pypi="platformio")

A parameter called `target` or `core` that names a target asks for the tools of that target.

With --require-tools (`make test-all`, `.ci/run`) a missing tool fails the run.
"""

import os
import re
import shutil
from pathlib import Path

import pytest

_ORIGINS = {"pypi": "PyPI", "package": "Debian"}
_REASON = "needs {} package {}"
_PACKAGE = re.compile(r"needs (Debian|PyPI) package ([a-z0-9][a-z0-9.+-]+)")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--mutations", type=int, default=3_000, help="how many broken .tflite files are compiled"
    )
    parser.addoption("--require-tools", action="store_true", help="fail if a tool's absence skips a test")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "needs_tool(name, package or pypi): skip unless program `name` is installed"
    )


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("needs_tool"):
        if shutil.which(mark.args[0], os.F_OK) is None:  # a program, or the source of a library
            [(origin, package)] = mark.kwargs.items()
            pytest.skip(_REASON.format(_ORIGINS[origin], package))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files first that take longest: at the end no core waits for one. See `slow` in setup.cfg."""
    seconds: dict[Path, int] = {}
    for item in items:
        for mark in item.iter_markers("slow"):
            seconds[item.path] = max(seconds.get(item.path, 1), mark.kwargs.get("seconds", 1))
    items.sort(key=lambda item: -seconds.get(item.path, 0))


def missing_packages(reporter: pytest.TerminalReporter) -> list[tuple[str, str]]:
    """Names the packages whose absence skipped a test, each behind where it comes from."""
    reasons = (str(report.longrepr) for report in reporter.stats.get("skipped", []))
    return sorted({package for reason in reasons for package in _PACKAGE.findall(reason)})


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if session.config.getoption("require_tools") and reporter and missing_packages(reporter):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_unconfigure(config: pytest.Config) -> None:
    # Here and not in pytest_terminal_summary, because this line is to be the last one.
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter and not hasattr(config, "workerinput"):
        missing = missing_packages(reporter)
        for origin in _ORIGINS.values():
            packages = " ".join(package for whence, package in missing if whence == origin) or "none"
            reporter.write_line(f"{origin} packages whose absence skipped tests: {packages}")
