# SPDX-License-Identifier: Apache-2.0
"""budget.toml: limits of one or several devices, and files that are none."""

import re
from pathlib import Path

import pytest

from edgecnn.errors import DataError
from edgecnn.pipeline.budget_file import beside, read_budget

TEXT = """
data = "photos"
tolerance = 2
[STM32F103C8]
instructions = "2M"
ram = "8K"
[cortex-m55]
stack = 512
accuracy = 0.9
"""


def test_each_table_is_a_device(tmp_path: Path) -> None:
    file = beside(tmp_path / "net.tflite")
    file.write_text(TEXT)
    budget = read_budget(file)
    assert (budget.data, budget.tolerance) == (tmp_path / "photos", 2)
    small, large = budget.limits
    assert (small.target, small.part) == ("cortex-m3", "STM32F103C8")
    assert small.most == {"flash": 65_536, "ram": 8192, "instructions": 2_000_000}
    assert (large.target, large.part, large.most) == ("cortex-m55", None, {"stack": 512, "accuracy": 0.9})
    assert beside(tmp_path) == file


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names no device"),
        ("[cortex-m4", "is no TOML"),
        ("a = 1\n[cortex-m4]", "it has a, which is none of data, tolerance"),
        (
            "[cortex-m5]",
            "[cortex-m5] is no part and no target; 'edgecnn targets' lists them. Did you mean \"cortex-m55\"",
        ),
        (
            "[cortex-m4]\nflsh = 1",
            'flsh, which is none of flash, ram, stack, instructions, accuracy, loss. Did you mean "flash"',
        ),
        ('[cortex-m4]\nflash = "64KB"', "cortex-m4.flash is '64KB'; write a number, or one with K or M"),
        ("[cortex-m4]\nflash = true", "cortex-m4.flash is True"),
        ("[cortex-m4]\nflash = -1", "cortex-m4.flash is -1"),
        ("[cortex-m4]\naccuracy = 90", "cortex-m4.accuracy is 90; it must be a number from 0 to 1"),
        ("[cortex-m4]\nloss = nan", "cortex-m4.loss is nan"),
        ('tolerance = "2%"\n[cortex-m4]', "tolerance is '2%'"),
        ("data = 3\n[cortex-m4]", "data is 3"),
    ],
)
def test_another_file_is_refused(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "budget.toml"
    file.write_text(text)
    with pytest.raises(DataError, match=re.escape(message)):
        read_budget(file)
