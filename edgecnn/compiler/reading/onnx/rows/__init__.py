# SPDX-License-Identifier: Apache-2.0
"""What each op of a quantized ONNX network becomes: one small function each, found by what is in this folder.

Files that begin with an underscore are what several share.
"""

from importlib import import_module
from pkgutil import iter_modules

for _module in iter_modules(__path__):
    if not _module.name.startswith("_"):
        import_module(f"{__name__}.{_module.name}")
