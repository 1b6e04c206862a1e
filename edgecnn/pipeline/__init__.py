# SPDX-License-Identifier: Apache-2.0
"""The main job, one file per step; each step reads a run folder and leaves it with more in it."""
