# SPDX-License-Identifier: Apache-2.0
"""The passes, each a function from a graph to a graph that computes the same bytes, in the order they run."""

from collections.abc import Callable

from edgecnn.compiler.ir import Graph
from edgecnn.compiler.passes.as_rows import as_rows
from edgecnn.compiler.passes.basic_ops import basic_ops
from edgecnn.compiler.passes.fold_cast import fold_cast
from edgecnn.compiler.passes.fold_constant_channels import fold_constant_channels
from edgecnn.compiler.passes.fold_dilation import fold_dilation
from edgecnn.compiler.passes.fold_views import fold_views
from edgecnn.compiler.passes.fuse_max_pool import fuse_max_pool
from edgecnn.compiler.passes.fuse_pad import fuse_pad
from edgecnn.compiler.passes.integer_edges import integer_edges
from edgecnn.compiler.passes.merge_constant_channels import merge_constant_channels
from edgecnn.compiler.passes.narrow import narrow
from edgecnn.compiler.passes.split_weights import split_weights
from edgecnn.compiler.passes.streams import streams
from edgecnn.compiler.passes.upright import upright
from edgecnn.compiler.passes.widen_weights import widen_weights

PASSES: tuple[Callable[[Graph], Graph], ...] = (
    integer_edges,
    widen_weights,
    fold_dilation,
    fold_cast,
    fold_views,
    basic_ops,
    as_rows,
    upright,
    fuse_pad,
    merge_constant_channels,
    fold_constant_channels,
    fuse_max_pool,
    split_weights,
    narrow,
    streams,
)

# Those that change shapes by the values of weights.
BY_WEIGHTS = (merge_constant_channels, fold_constant_channels)
