# SPDX-License-Identifier: Apache-2.0
"""The DSP instructions of Cortex-M4, M7 and M33."""

BASE = "scalar"  # the set whose kernels serve where there are none here
