# SPDX-License-Identifier: Apache-2.0
"""Every network that `edgecnn train` offers, exported with random weights: its C computes TFLite's bytes."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from generated_c import check

from edgecnn.runtime.isolation import call_isolated

# A small input that each takes, and the width; InceptionV3's layers have the channels they have.
SYSTEMS = {
    "cainvas": (64, 1.0),
    "cbam": (64, 0.25),
    "inception-transfer": (75, 0.1),
    "melanoma-v1": (191, 0.1),
    "melanoma-v2": (200, 0.05),
    "melanoma-v3": (280, 0.05),
    "unet": (32, 0.25),
}


def export(name: str, side: int, width: float, path: Path) -> None:
    """Write an int8 .tflite with random weights, calibrated on random images."""
    from edgecnn.converters.keras_to_tflite import keras_to_int8
    from edgecnn.models import architecture

    found, rng = architecture(name), np.random.default_rng(0)
    shape = (side, side, found.input_shape[2])
    model = found.build(shape, found.classes, width)
    # Kernels such that activations keep their size; what else there is near 1, as scales and variances are.
    model.set_weights(
        [
            rng.normal(0, np.sqrt(2 / np.prod(one.shape[:-1])), one.shape)
            if one.ndim > 1
            else rng.uniform(0.5, 1.5, one.shape)
            for one in model.get_weights()
        ]
    )
    path.write_bytes(keras_to_int8(model, rng.integers(0, 256, (4, *shape), np.uint8)))


def test_all_are_here() -> None:
    from edgecnn.models import architectures

    assert set(SYSTEMS) == set(architectures())


@pytest.mark.slow
@pytest.mark.skipif(find_spec("tensorflow") is None, reason="needs TensorFlow: edgecnn[train]")
@pytest.mark.parametrize("name", SYSTEMS)
def test_compiled_and_verified(name: str, tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    # In a process of its own: TensorFlow and tflite-runtime can't share one.
    call_isolated(export, name, *SYSTEMS[name], path)
    plan = check([path.read_bytes()], 2)[0].plan
    assert plan["arena_bytes"] <= plan["arena_bytes_whole"]
