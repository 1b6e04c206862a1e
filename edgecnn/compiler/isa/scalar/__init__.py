# SPDX-License-Identifier: Apache-2.0
"""Cores without SIMD: Cortex-M0+ and M3, RISC-V without vectors."""
