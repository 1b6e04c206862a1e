# SPDX-License-Identifier: Apache-2.0
"""cortex_m_qemu answers on every core as the reference kernels do, and says so when something is wrong."""

from pathlib import Path

import pytest
from networks import residual, small
from pictures import reference_output, write_pictures

from edgecnn.pipeline.predict import predict
from edgecnn.pipeline.verify.serial import verify_serial

ASSETS = Path(__file__).parents[1] / "assets"
TINY = (ASSETS / "tiny_int8.tflite").read_bytes()
CORES = ("cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55")

pytestmark = [
    pytest.mark.needs_tool("arm-none-eabi-gcc", package="gcc-arm-none-eabi"),
    pytest.mark.needs_tool("qemu-system-arm", package="qemu-system-arm"),
]


def check(example, model, picture, core, tmp_path):
    options = f"CORE={core} PICTURE={picture}"
    example.make(model, options, "CFLAGS='-Os -Wundef -Wcast-align -Werror'")
    path = example.folder / "given.tflite"
    log = tmp_path / "log"
    log.write_text(example.run(f"make -s MODEL={path} {options} run"))
    assert verify_serial(path, log, 115200, 1).bytes_different == 0
    output = log.read_text().splitlines()[-3:]
    [prediction] = predict(path, [picture]).predictions
    assert output[0] == "self-test: 0 wrong bytes"
    assert output[1].rpartition("  ")[0] == f"picture: {prediction.label}"
    assert output[2] == f"output {' '.join(map(str, reference_output(model, picture)))}"


@pytest.mark.parametrize("core", CORES)
def test_every_core_answers_alike(core, example, tmp_path):
    check(example, TINY, write_pictures(tmp_path / "pictures", 3)[0], core, tmp_path)


@pytest.mark.parametrize(("model", "core"), [(small(), "cortex-m0plus"), (residual(), "cortex-m55")])
def test_other_models_and_pictures(model, core, example, tmp_path):
    check(example, model, write_pictures(tmp_path / "pictures", 3)[-1], core, tmp_path)


def changed(example, file, old, new):
    """Build with a change to a file, and return what comes of the run."""
    path = example.folder / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return example.call(f"make -s MODEL={ASSETS}/tiny_int8.tflite run")


def test_a_wrong_byte_is_found(example):
    example.make(TINY)
    done = changed(example, "build/cortex-m4/model_test.c", "output_1[3] = {", "output_1[3] = {1 + ")
    assert "self-test: 1 wrong bytes" in done.stdout
    assert done.returncode != 0


def test_start_up_fills_initialized_data(example):
    old, new = "const int wrong = edgecnn_model_test(say)", "static volatile int wrong = 7"
    assert "self-test: 7 wrong bytes" in changed(example, "main.c", old, new).stdout


def test_a_stack_that_overflows_is_a_fault(example):
    done = changed(example, "link.ld", "4K", "64")
    assert "the core faulted" in done.stdout
    assert done.returncode != 0


def test_the_compiler_has_nothing_to_say_at_any_level(example):
    for level in ("-O0", "-O3"):
        example.make(residual(), f"CORE=cortex-m55 CFLAGS='{level} -Wundef -Wcast-align -Werror'")


def test_the_readme_is_true(example):
    example.check_readme()


def test_what_is_wrong_is_said(example):
    tiny = f"MODEL={ASSETS}/tiny_int8.tflite"
    assert "say which model: make MODEL=" in example.call("make").stderr
    assert "CORE is one of cortex-m0plus, -m3" in example.call(f"make {tiny} CORE=avr").stderr
    done = example.call(f"make {tiny} PICTURE=main.c")
    assert "Error: main.c is not an image that edgecnn reads" in done.stderr
    assert "Traceback" not in done.stderr


def test_main_is_short(example):
    assert len((example.folder / "main.c").read_text().splitlines()) < 100
