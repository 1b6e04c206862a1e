# SPDX-License-Identifier: Apache-2.0
"""Graph, Schedule and target to C; the only files that write any."""
