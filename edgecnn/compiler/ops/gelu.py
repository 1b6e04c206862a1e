# SPDX-License-Identifier: Apache-2.0
"""GELU: x times the normal distribution's integral up to x, or its approximation by a tanh."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgecnn.compiler import geometry
from edgecnn.compiler.ir import Graph, Operator, Options
from edgecnn.compiler.ops import _channels, _elementwise


@dataclass(frozen=True, kw_only=True)
class GeluOptions(Options):
    """Whether the tanh is taken."""

    approximate: bool


OPTIONS = GeluOptions
channels, range_of = _channels.same, _channels.looked_up
check, macs, needs, lower = _elementwise.check, _elementwise.macs, _elementwise.needs, _elementwise.lower
turned = _elementwise.turned


def reference(graph: Graph, operator: Operator, inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Compute the output as TFLite's kernel fills its table: in float32."""
    approximate = geometry.options(graph, operator, GeluOptions).approximate
    return _elementwise.through_float32(graph, operator, inputs, _by_tanh if approximate else _by_erf)


def _by_erf(real: _elementwise.Float32s) -> _elementwise.Float32s:
    scaled = (real * np.float32(math.sqrt(0.5))).astype(np.float64)
    integral: _elementwise.Float32s = np.vectorize(math.erf, otypes=[np.float32])(scaled)
    return np.float32(0.5) * real * (np.float32(1) + integral)


def _by_tanh(real: _elementwise.Float32s) -> _elementwise.Float32s:
    inner = np.float32(math.sqrt(2 / math.pi)) * (real + np.float32(0.044715) * real * real * real)
    tanh: _elementwise.Float32s = np.tanh(inner.astype(np.float64)).astype(np.float32)
    return np.float32(0.5) * real * (np.float32(1) + tanh)
