# SPDX-License-Identifier: Apache-2.0
"""riscv_qemu answers as the reference kernels do, over a serial port that `edgecnn verify --serial` reads."""

from pathlib import Path

import pytest
from networks import residual
from pictures import reference_output, write_pictures

from edgecnn.pipeline.predict import predict
from edgecnn.pipeline.verify.serial import verify_serial

ASSETS = Path(__file__).parents[1] / "assets"
TINY = (ASSETS / "tiny_int8.tflite").read_bytes()

pytestmark = [
    pytest.mark.needs_tool("riscv64-unknown-elf-gcc", package="gcc-riscv64-unknown-elf"),
    pytest.mark.needs_tool("qemu-system-riscv32", package="qemu-system-misc"),
]


@pytest.mark.parametrize(("model", "picture"), [(TINY, 0), (residual(), -1)], ids=["grey", "rgb"])
def test_it_answers_as_the_reference_does(model, picture, example, tmp_path):
    picture = write_pictures(tmp_path / "pictures", 3)[picture]
    example.make(model, f"PICTURE={picture}", "CFLAGS='-Os -Wundef -Wcast-align -Werror'")
    path, log = example.folder / "given.tflite", tmp_path / "log"
    log.write_text(example.run(f"make -s MODEL={path} PICTURE={picture} run"))
    assert verify_serial(path, log, 115200, 1).bytes_different == 0
    said, answer, output = log.read_text().splitlines()[-3:]
    [prediction] = predict(path, [picture]).predictions
    assert said == "self-test: 0 wrong bytes"
    assert answer.rpartition("  ")[0] == f"picture: {prediction.label}"
    assert output == f"output {' '.join(map(str, reference_output(model, picture)))}"


def test_a_fault_is_said_and_ends_the_run(example):
    main = example.folder / "../cortex_m_qemu/main.c"
    main.write_text(main.read_text().replace("const int wrong =", '__asm__("unimp"); const int wrong ='))
    example.make(TINY)
    done = example.call(f"make -s MODEL={ASSETS}/tiny_int8.tflite run")
    assert done.stdout == "the core faulted\n"
    assert done.returncode != 0


def test_the_readme_is_true(example):
    example.check_readme()


def test_what_is_wrong_is_said(example):
    assert "say which model: make MODEL=" in example.call("make").stderr
