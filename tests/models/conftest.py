# SPDX-License-Identifier: Apache-2.0
"""Lets tests import the networks beside them."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))  # for own_networks.py
