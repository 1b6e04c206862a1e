# SPDX-License-Identifier: Apache-2.0
"""NEON, the vectors of Arm's larger cores."""
