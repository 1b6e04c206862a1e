# SPDX-License-Identifier: Apache-2.0
"""One file per conversion, named after what goes in and what comes out.

This folder sits beside edgecnn/ and is installed as edgecnn.converters only.
"""

if __name__ != "edgecnn.converters":  # two copies of one module would not share their classes
    raise ImportError(f"{__name__!r} is edgecnn.converters: import it by that name")
