# SPDX-License-Identifier: Apache-2.0
"""Whole networks: the C computes TFLite's bytes, row by row, in little memory."""

import networks
import pytest
from generated_c import check

from edgecnn.compiler import compile_tflite

SMALL = [
    networks.autoencoder,
    networks.ds_cnn,
    networks.mobilenet_v1,
    networks.mobilenet_v2,
    networks.mobilenet_v3,
    networks.attention,
    networks.unet,
]


@pytest.mark.parametrize("network", SMALL)
def test_equal_to_the_oracle(network) -> None:  # type: ignore[no-untyped-def]
    check([network()], 2)


def test_a_unet_that_repeats_pixels() -> None:
    check([networks.unet(transposed=False)], 2)


def test_inception() -> None:
    check([networks.inception_v3()], 2)


def test_skips_of_a_unet_need_few_rows_at_any_height() -> None:
    for pixels in (64, 128):
        steps = compile_tflite(networks.unet(pixels), name="net").plan["steps"]
        joins = [number for number, step in enumerate(steps) if step["op"] == "CONCATENATION"]
        assert len(joins) == 3
        skips = [steps[number] for number in (2, 5, 8)]
        assert [step["rows_kept"] for step in skips] == [48, 20, 6]
