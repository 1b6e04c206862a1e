# SPDX-License-Identifier: Apache-2.0
"""Makes what goes wrong on the way of a signed file: spoil.py UPDATE.signed."""

import struct
import sys
import zlib
from pathlib import Path

SIGNATURE = 64


def main(update: Path) -> None:
    """Write damaged.signed, truncated.signed and forged.signed: a changed weight, and a CRC that fits it."""
    signed = update.read_bytes()
    damaged = bytearray(signed)
    damaged[len(damaged) // 2] ^= 0x10
    weights, signature = bytes(damaged[:-SIGNATURE]), signed[-SIGNATURE:]
    crc = zlib.crc32(weights[:28] + weights[32:])
    forged = weights[:28] + struct.pack("<I", crc) + weights[32:] + signature
    for name, data in (("damaged", damaged), ("truncated", signed[:-16]), ("forged", forged)):
        update.with_name(f"{name}.signed").write_bytes(data)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
