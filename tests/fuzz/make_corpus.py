# SPDX-License-Identifier: Apache-2.0
"""Writes the corpus: small networks that are sound, so many that every op of the compiler is in one of them.

    python tests/fuzz/make_corpus.py

Files of the corpus that begin with "found-" were broken files that once ended in something else than C or an
error; they stay.
"""

import sys
from pathlib import Path

FOLDER = Path(__file__).parent
sys.path.append(str(FOLDER.parent / "helpers"))
import networks  # noqa: E402
from every_op import networks_of_every_op, ops_of  # noqa: E402
from random_operators import KINDS, Draw  # noqa: E402
from tflite_builder import Builder  # noqa: E402

SMALL = (networks.small, networks.float_edges, networks.two_heads, networks.two_ends, networks.uint8_edges)


def main() -> None:
    """Write a file for each kind of operator, and some small networks."""
    corpus = FOLDER / "corpus"
    for file in corpus.glob("*.tflite"):
        if not file.name.startswith("found-"):
            file.unlink()
    models = {network.__name__: network() for network in SMALL} | kinds("int8") | kinds("int16")
    models |= {f"every-op-{number}": model for number, model in enumerate(networks_of_every_op())}
    for name, model in models.items():
        (corpus / f"{name}.tflite").write_bytes(model)


def kinds(dtype: str) -> dict[str, bytes]:
    """Return networks of one piece between two convolutions, one for each set of ops that comes of it."""
    models, seen, suffix = {}, set[frozenset[str]](), "" if dtype == "int8" else f"-{dtype}"
    for number, piece in enumerate(KINDS[dtype]):
        for variant in range(6):
            builder = Builder(number, dtype=dtype)
            source = builder.input((1, 6, 5, 2))
            at = piece(Draw(builder, builder.conv(source, 3, (1, 1)), 2 + variant // 3, 2, variant))
            made, found = builder.conv(at, 1, (1, 1)), frozenset(ops_of(builder))
            if found not in seen:
                models[f"{piece.__name__}-{variant}{suffix}"] = builder.build((source,), (made,))
            seen.add(found)
    return models


if __name__ == "__main__":
    main()
