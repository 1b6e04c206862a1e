# SPDX-License-Identifier: Apache-2.0
"""PADV2: PAD with any constant."""

from edgecnn.compiler.ops import pad

check, macs, needs = pad.check, pad.macs, pad.needs
reference, lower = pad.reference, pad.lower
