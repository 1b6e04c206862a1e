# SPDX-License-Identifier: Apache-2.0
"""CALL_ONCE: values of variables before the first inference."""

from edgecnn.compiler.ops import _moving

macs = _moving.macs
