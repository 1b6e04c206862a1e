# SPDX-License-Identifier: Apache-2.0
"""Options and settings of the compiler's tests."""

import pytest
from hypothesis import settings

# The same examples on every run; one that fails is kept in the test as an @example.
settings.register_profile("edgecnn", derandomize=True, deadline=None, database=None)
settings.load_profile("edgecnn")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--graphs", type=int, default=60, help="how many random graphs are compiled to C")
    parser.addoption("--update-golden", action="store_true", help="rewrite the stored C of small models")
