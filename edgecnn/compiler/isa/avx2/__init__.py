# SPDX-License-Identifier: Apache-2.0
"""AVX2 and AVX-512 of x86-64."""
