# SPDX-License-Identifier: Apache-2.0
"""MUL without SIMD: the kernel that serves DSP instructions needs none."""

from edgecnn.compiler.ops._mul_dsp import faster

__all__ = ["faster"]
