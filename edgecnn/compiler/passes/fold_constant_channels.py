# SPDX-License-Identifier: Apache-2.0
"""Placeholder."""

from edgecnn.compiler.ir import Graph


def fold_constant_channels(graph: Graph) -> Graph:
    """Return `graph`."""
    return graph
