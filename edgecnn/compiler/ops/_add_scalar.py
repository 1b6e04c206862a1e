# SPDX-License-Identifier: Apache-2.0
"""ADD without SIMD: the kernel that serves DSP instructions needs none."""

from edgecnn.compiler.ops._add_dsp import faster

__all__ = ["faster"]
