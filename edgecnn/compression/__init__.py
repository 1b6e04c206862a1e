# SPDX-License-Identifier: Apache-2.0
"""Making a trained model smaller: pruning and quantization-aware training."""
