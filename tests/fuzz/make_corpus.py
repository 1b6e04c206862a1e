# SPDX-License-Identifier: Apache-2.0
"""Writes the corpus: small networks that are sound, so many that every op of the compiler is in one of them.

    python tests/fuzz/make_corpus.py

Files of the corpus that begin with "found-" were broken files that once ended in something else than C or an
error; they stay. What another file holds follows from its name, or its name from what it holds, so that a new
operator changes no file of others.
"""

import sys
import zlib
from pathlib import Path

FOLDER = Path(__file__).parent
sys.path.append(str(FOLDER.parent / "helpers"))
import networks  # noqa: E402
from every_op import networks_of_every_op, ops_of  # noqa: E402
from random_operators import KINDS, Draw  # noqa: E402
from tflite_builder import Builder  # noqa: E402

SMALL = (networks.small, networks.float_edges, networks.two_heads, networks.two_ends, networks.uint8_edges)


def main() -> None:
    """Write a file for each kind of operator, and some small networks; remove what is none of them."""
    models = {network.__name__: network() for network in SMALL} | kinds("int8") | kinds("int16")
    models |= {f"every-op-{zlib.crc32(model):08x}": model for model in networks_of_every_op()}
    corpus = FOLDER / "corpus"
    for file in corpus.glob("*.tflite"):
        if file.stem not in models and not file.name.startswith("found-"):
            file.unlink()
    for name, model in models.items():
        (corpus / f"{name}.tflite").write_bytes(model)


def kinds(dtype: str) -> dict[str, bytes]:
    """Return networks of one piece between two convolutions, one for each set of ops that comes of it."""
    models, seen, suffix = {}, set[frozenset[str]](), "" if dtype == "int8" else f"-{dtype}"
    for piece in KINDS[dtype]:
        for variant in range(6):
            builder = Builder(zlib.crc32(piece.__name__.encode()), dtype=dtype)
            source = builder.input((1, 6, 5, 2))
            at = piece(Draw(builder, builder.conv(source, 3, (1, 1)), 2 + variant // 3, 2, variant))
            answer, ops = builder.conv(at, 1, (1, 1)), frozenset(ops_of(builder))
            if ops not in seen:
                models[f"{piece.__name__}-{variant}{suffix}"] = builder.build((source,), (answer,))
            seen.add(ops)
    return models


if __name__ == "__main__":
    main()
