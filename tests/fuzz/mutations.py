# SPDX-License-Identifier: Apache-2.0
"""Breaks .tflite files: some of the bytes, or what the flatbuffer says, in ways that somebody may come to.

Half of the mutations change bytes where they are: bits, words such as offsets and lengths, the end. The
others change a field of the model and write it anew, so that what is wrong is the content only: shapes too
large for any integer, scales of zero or NaN, missing buffers, tensors made twice or read before they are.
"""

import math
import random
import struct
from collections.abc import Iterator
from typing import Any

import flatbuffers
from ai_edge_litert.schema_py_generated import ModelT

WHOLE = (
    0,
    1,
    -1,
    2,
    3,
    4,
    127,
    128,
    255,
    256,
    -128,
    32767,
    32768,
    65535,
    65536,
    2**31 - 1,
    -(2**31),
    2**63 - 1,
)
REAL = (0.0, -0.0, -1.0, 1.0, math.nan, math.inf, -math.inf, 1e-45, 1e-30, 1e30, 3.4e38, 0.5, 1 / 256)
Site = tuple[Any, Any]  # what holds a value, and the name or number under which it does


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Return `data` with one to three things wrong."""
    change = _in_place if rng.random() < 0.5 else _rewritten
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        data = change(data, rng)
    return data


def _in_place(data: bytes, rng: random.Random) -> bytes:
    if not data:
        return data
    broken, kind = bytearray(data), rng.randrange(6)
    at = rng.randrange(len(broken))
    word = at // 4 * 4
    if kind == 0:
        return data[:at]
    if kind == 1 and word + 4 <= len(broken):
        struct.pack_into("<I", broken, word, rng.choice(WHOLE) & 0xFFFFFFFF)
    elif kind == 2 and word + 4 <= len(broken):
        (old,) = struct.unpack_from("<I", broken, word)
        struct.pack_into("<I", broken, word, (old + rng.choice((-8, -4, -1, 1, 4, 8))) & 0xFFFFFFFF)
    elif kind == 3:
        length = rng.randrange(1, 64)
        other = rng.randrange(len(broken))
        broken[at : at + length] = broken[other : other + length]
    else:
        broken[at] ^= 1 << rng.randrange(8)
    return bytes(broken)


def _rewritten(data: bytes, rng: random.Random) -> bytes:
    try:
        model = ModelT.InitFromPackedBuf(data, 0)
        owner, key = rng.choice(list(_sites(model)))
        _change(owner, key, rng)
        builder = flatbuffers.Builder(len(data))
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())
    except Exception:  # what is broken already may not be read, nor any value be stored in any field
        return _in_place(data, rng)


def _sites(value: Any) -> Iterator[Site]:
    """Yield every place in a model that holds something, weights as a whole."""
    fields = vars(value).items() if hasattr(value, "__dict__") else ()
    for name, held in fields:
        yield value, name
        yield from _sites(held)
        if isinstance(held, list):
            for number, one in enumerate(held):
                yield held, number
                yield from _sites(one)


def _change(owner: Any, key: Any, rng: random.Random) -> None:
    """Put something else where `owner` holds a value under `key`."""
    old = owner[key] if isinstance(owner, list) else getattr(owner, key)
    new: Any
    if isinstance(old, bool) or old is None:
        new = rng.choice((True, False, None, 0, 1))
    elif isinstance(old, int):
        new = rng.choice((*WHOLE, old + 1, old - 1, 2 * old, rng.randrange(16)))
    elif isinstance(old, float):
        new = rng.choice((*REAL, 2 * old, old / 1024, 1024 * old))
    elif hasattr(old, "tolist") or isinstance(old, list):
        values = list(old)
        new = rng.choice(
            (None, [], values[:-1], values + values[-1:], values[::-1], _with_another(values, rng))
        )
    else:
        new = None
    if isinstance(owner, list):
        owner[key] = new
    else:
        setattr(owner, key, new)


def _with_another(values: list[Any], rng: random.Random) -> list[Any]:
    if not values:
        return [rng.choice(WHOLE)]
    changed = list(values)
    at = rng.randrange(len(values))
    same = rng.choice(values)
    odd = rng.choice(REAL if isinstance(same, float) else WHOLE)
    changed[at] = same if hasattr(same, "__dict__") or rng.random() < 0.3 else odd
    return changed
