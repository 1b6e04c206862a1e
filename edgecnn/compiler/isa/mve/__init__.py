# SPDX-License-Identifier: Apache-2.0
"""MVE, the vectors of Cortex-M55 and M85."""
