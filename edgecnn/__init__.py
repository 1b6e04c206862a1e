# SPDX-License-Identifier: Apache-2.0
"""edgecnn: from a folder of images to a small neural network on a five-euro device."""

__version__ = "0.1.0"
DISCLAIMER = "For research and education, not for diagnosis."
