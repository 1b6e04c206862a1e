# SPDX-License-Identifier: Apache-2.0
"""What each op of ONNX becomes in Keras: one small function each, found by what is in this folder.

A function that `_node.row` enters makes layers; one that `_node.fold` enters computes constants of constants,
as they stand in a file where shapes are computed. Files that begin with an underscore are what several share.
"""

from importlib import import_module
from pkgutil import iter_modules

for _module in iter_modules(__path__):
    if not _module.name.startswith("_"):
        import_module(f"{__name__}.{_module.name}")
