# SPDX-License-Identifier: Apache-2.0
"""Training that is repeatable and can be killed at any moment."""
