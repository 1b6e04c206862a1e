# SPDX-License-Identifier: Apache-2.0
"""How sums are scaled with MVE: TFLite's two roundings, for every shift, at the values where they differ."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgecnn.compiler import quant
from edgecnn.compiler.isa import mve
from edgecnn.compiler.targets import find_target
from edgecnn.runtime.emulated_core import EmulatedCore
from edgecnn.runtime.program import Program

ZERO_POINT, MAX = -3, 101
CHANNELS = 32  # at once
SETUP = "int program_setup(void);\nint program_setup(void) { return 0; }\n"
# Scales sums, with multipliers and shifts behind, by rows and by fours, with each way of rounding.
SOURCE = """
#pragma GCC diagnostic ignored "-Wunused-function"
#include "mve_scale.h"
#include "program.h"
int program_run(const int8_t *input, int8_t *output)
{{
    static const int32_t bias[{count}];
    const int32_t *sums = (const int32_t *)(const void *)input, *multiplier = sums + {count};
    const int8_t *shift = (const int8_t *)(multiplier + {count});
    for (int rounding = 2; rounding >= 0; --rounding) {{
        const int32_t min = rounding ? -128 : {zero_point};
        const kernel_scaling scaling = {{bias, multiplier, shift, {zero_point}, min, {max}, rounding}};
        for (int c = 0; c < {count}; c += {channels}, output += 7 * {channels}) {{
            int32_t rows[5 * {channels}];
            for (int i = 0; i < 5; ++i) {{
                memcpy(rows + i * {channels}, sums + c, sizeof rows / 5);
            }}
            kernel_scale_sums(&scaling, rows, c, {channels}, 5, output, {channels}); /* three, then two */
            kernel_scale_sums(&scaling, rows, c, {channels}, 1, output + 5 * {channels}, 0);
            for (int i = 0; i < {channels}; i += 4) {{
                kernel_scale_four(&scaling, rows + i, c + i, 1, output + 6 * {channels} + i, 4);
            }}
        }}
    }}
    return 0;
}}
"""


def cases() -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return sums, multipliers and shifts: sums around what makes halves and outputs, and the extremes."""
    multipliers = np.array([1 << 30, 1518500250, (1 << 31) - 1])
    outputs = np.array([-130, -126, -2, -1, 0, 1, 2, 103, 104])
    found = []
    for right in range(32):
        half = 1 << right >> 1
        high = (outputs[:, np.newaxis] << right) + half + np.arange(-2, 3)
        sums = (
            high[..., np.newaxis] * (1 << 31) // multipliers + np.array([[[0]], [[1]]])[:, np.newaxis]
        ).ravel()
        every = np.broadcast_to(multipliers, (2, *high.shape, 3)).ravel()
        found.append(np.stack([sums, every, np.full(sums.size, -right)]))
    largest = (1 << 31) - 256  # a zero point must still fit
    extremes = [[sign * largest, multipliers[2], -right] for sign in (-1, 1) for right in range(32)]
    every = np.concatenate([*found, np.array(extremes).T], axis=1)
    every = every[:, np.abs(every[0]) <= largest]
    sums, multiplier, shift = every[:, : every.shape[1] // CHANNELS * CHANNELS]
    return sums, multiplier, shift


@pytest.mark.needs_tool("arm-none-eabi-gcc", package="gcc-arm-none-eabi")
@pytest.mark.needs_tool("qemu-system-arm", package="qemu-system-arm")
def test_scaling_rounds_as_the_reference(tmp_path: Path) -> None:
    sums, multiplier, shift = cases()
    given = (
        sums.astype("<i4").tobytes() + multiplier.astype("<i4").tobytes() + shift.astype(np.int8).tobytes()
    )
    source = tmp_path / "scaling.c"
    source.write_text(SOURCE.format(count=sums.size, channels=CHANNELS, zero_point=ZERO_POINT, max=MAX))
    kernels = Path(str(mve.__file__)).parent
    program = Program((source,), SETUP, len(given), 21 * sums.size, (kernels,))
    core = EmulatedCore(find_target("cortex-m55"), "-O2")
    made = np.frombuffer(core.run(core.build(program, tmp_path), [given]).outputs[0], np.int8)
    value = quant.requantize(sums, multiplier, shift) + ZERO_POINT
    for mode, minimum in zip(made.reshape(3, -1, 7, CHANNELS), (-128, -128, ZERO_POINT), strict=True):
        expected = np.clip(value, minimum, MAX).reshape(-1, 1, CHANNELS)
        np.testing.assert_array_equal(mode, np.broadcast_to(expected, mode.shape))
