# SPDX-License-Identifier: Apache-2.0
"""The run folder: where things are, what was asked for, what became of it; it knows nothing of the steps."""

from edgecnn.pipeline.run.folder import Run

__all__ = ["Run"]
