# SPDX-License-Identifier: Apache-2.0
"""Makes a damaged and a truncated file beside a file of weights: spoil.py WEIGHTS."""

import sys
from pathlib import Path


def main(weights: Path) -> None:
    """Write damaged.bin, with a bit changed in its middle, and truncated.bin, without its last bytes."""
    data = bytearray(weights.read_bytes())
    weights.with_name("truncated.bin").write_bytes(data[:-16])
    data[len(data) // 2] ^= 0x10
    weights.with_name("damaged.bin").write_bytes(data)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
