# SPDX-License-Identifier: Apache-2.0
"""arduino, esp32, zephyr, pico and stm32 make packages that are whole, and those that can be compiled run.

That the packages compile for a board and print what they should is tested in tests/converters.
"""

import re
import subprocess
import time
from pathlib import Path

import pytest

from edgecnn.converters.package import make_package
from edgecnn.pipeline.verify.serial import verify_serial

ASSETS = Path(__file__).parents[1] / "assets"
STUBS = Path(__file__).parent / "stubs"
TINY = ASSETS / "tiny_int8.tflite"
WARNINGS = "-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wundef -Wcast-align -Werror"
MADE = {
    "arduino": "examples/demo/demo.ino",
    "esp32": "examples/demo/main/main.c",
    "pico": "example/main.c",
    "stm32": "example/main.c",
    "zephyr": "samples/demo/src/main.c",
}


def serial() -> str:
    """What every one of them prints for the tiny model."""
    return make_package(TINY.read_bytes(), "model").fields["serial"]


@pytest.mark.parametrize("name", MADE)
def test_the_readme_says_board_pins_and_output(name: str, example_of) -> None:
    text = (example_of(name).folder / "README.md").read_text()
    assert {"**Board**", "**Pins**"} <= set(re.findall(r"\*\*\w+\*\*", text))
    [shown] = re.findall(r"```text\n(.*?)\n```", text, re.DOTALL)
    assert shown == serial()
    assert "never for diagnosis" in text


@pytest.mark.parametrize("name", [name for name in MADE if name != "stm32"])
def test_the_command_of_the_readme_writes_the_package(name: str, example_of) -> None:
    example = example_of(name)
    example.check_readme()
    assert (example.folder / "build" / "edgecnn_model" / MADE[name]).exists()
    assert "say which model: make MODEL=" in example.call("make clean && make").stderr


@pytest.mark.needs_tool("gcc", package="gcc")
@pytest.mark.needs_tool("arm-none-eabi-gcc", package="gcc-arm-none-eabi")
def test_the_pico_prints_it_and_compiles_for_its_core(example_of) -> None:
    example = example_of("pico")
    example.make(TINY)
    package = "-I build/edgecnn_model/include build/edgecnn_model/src/*.c"
    demo = "-Dmain=edgecnn_demo build/edgecnn_model/example/main.c"
    arm = f"arm-none-eabi-gcc -std=c99 -mcpu=cortex-m0plus {WARNINGS} -Os -c -I {STUBS}"
    example.run(f"{arm} {package} main.c && {arm} {demo} -I build/edgecnn_model/include")
    example.run(f"gcc -std=c99 {demo} -I build/edgecnn_model/include -c -o demo.o")
    example.run(f"gcc -std=c99 {WARNINGS} -I {STUBS} {package} main.c demo.o -o here")
    assert example.run("./here").strip() == serial()


@pytest.mark.needs_tool("arm-none-eabi-gcc", package="gcc-arm-none-eabi")
@pytest.mark.needs_tool("qemu-system-arm", package="qemu-system-arm")
@pytest.mark.needs_tool("cmake", package="cmake")
def test_the_stm32_prints_it_over_its_serial_port(example_of, tmp_path: Path) -> None:
    example = example_of("stm32")
    example.check_readme()
    log = tmp_path / "log"
    machine = ["qemu-system-arm", "-machine", "netduinoplus2", "-display", "none", "-monitor", "none"]
    ports = ["-serial", "null", "-serial", f"file:{log}"]
    firmware = example.folder / "build" / "firmware" / "stm32.elf"
    board = subprocess.Popen([*machine, *ports, "-kernel", firmware])
    try:
        for _ in range(200):
            if log.exists() and len(log.read_text().splitlines()) >= len(serial().splitlines()):
                break
            time.sleep(0.05)
    finally:
        board.kill()
        board.wait()
    assert log.read_text().startswith(serial() + "\n")
    assert verify_serial(TINY, log, 115200, 1).bytes_different == 0


@pytest.mark.parametrize("main", ["pico/main.c", "stm32/Core/Src/main.c"])
def test_main_is_short(main: str, example_of) -> None:
    examples = example_of("pico").folder.parent
    assert len((examples / main).read_text().splitlines()) < 100
