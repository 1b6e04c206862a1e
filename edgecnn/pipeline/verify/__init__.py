# SPDX-License-Identifier: Apache-2.0
"""Proofs that the C of a model computes what TensorFlow Lite does: here, on emulators and on boards."""

from edgecnn.pipeline.verify.compiled import Verified, verify, verify_compiled

__all__ = ["Verified", "verify", "verify_compiled"]
