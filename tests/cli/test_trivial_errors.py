# SPDX-License-Identifier: Apache-2.0
"""A wrong word or path is told at once: before TensorFlow, which takes seconds, is loaded."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

TINY = Path(__file__).parents[1] / "assets" / "tiny_int8.tflite"
ALL_IN_ONE = """
import io, json, sys
from contextlib import redirect_stderr
from edgecnn.cli import main

said = []
for call in json.loads(sys.argv[1]):
    sys.argv, error = ["edgecnn", *call.split()], io.StringIO()
    try:
        with redirect_stderr(error):
            main()
    except SystemExit as end:
        loaded = sorted({"tensorflow", "matplotlib"} & set(sys.modules))
        said.append([end.code, loaded, error.getvalue()])
print(json.dumps(said))
"""
CASES = {
    "train --data nosuch --out new": "there is no nosuch; give a folder of images",
    "train --data empty --out new": "empty needs a folder of images per class, at least two, but has none",
    "train --data circle --out new": "there is no circle; give a folder of images",
    "train --data few --out new": "few holds no image that can be decoded",
    "train --data few --out new --model cainvs": 'Did you mean "cainvas"?',
    "train --data few --out new --model absent.keras": "there is no file absent.keras",
    "train --data few --out new --model absent.py:net": "there is no file absent.py",
    "train --data few --out new --augment rotatoin=3": 'Did you mean "rotation"?',
    "train --data few --out new --weights imagenet": 'no pretrained weights for model "cainvas"',
    "train --data few --out new --model inception-transfer --weights absent.h5": "there is no absent.h5",
    "train --data few --out run": "run holds a run already; choose another --out",
    "train --data few --out file": "can't make the run folder file: it is a file",
    "train --out new": "Missing option '--data'",
    "train --resume --out empty": "empty is not a run: it has no run.json",
    "compress empty": "empty is not a run: it has no run.json",
    "compress absent --resume": "absent is not a run: it has no run.json",
    "compress run": "lacks train.seed",
    "compress run --resume": "has no interrupted 'compress' to resume",
    "compress run --ptq --sparsity 0.5": "--ptq leaves nothing to do for --sparsity; give one or the other",
    "compress run --ptq --qat-epochs 1": "--ptq leaves nothing to do for --qat-epochs; give one or the other",
    "compress run --ptq --flash 16K": "--ptq leaves nothing to do for --flash; give one or the other",
    "compress run --sparsity 0.5 --filters 0.5": "--sparsity leaves nothing to do for --filters; give one or",
    "compress run --ptq --weight-bits 4": "--ptq leaves nothing to do for --weight-bits; give one or",
    "compress run --sparsity 0.5 --weight-bits 4": "--sparsity leaves nothing to do for --weight-bits; give",
    "compress run --sparsity 0.5 --max-loss 2": "--sparsity leaves nothing to do for --max-loss; give one or",
    "compress run --filters 0.5 --ram 8K": "--filters leaves nothing to do for --ram; give one or the other",
    "compress run --part RP2040 --target cortex-m4": "--part has its own core; leave out --target",
    "compress run --part RP2041": "'RP2041' is not one of 'RP2040'",
    "compress run --flash 0": "'0' is no size; write bytes, or a number with K or M, such as 20K",
    "compress run --instructions 1G": "'1G' is no size; write a number, or one with K or M, such as 20K",
    "compress run --model cainvas": "--model cainvas defines no layers; give FILE.py",
    "demo --out full": "full holds something that is not a demo",
    "demo --out circle": "circle holds something that is not a demo",
    "models cainvs": 'Did you mean "cainvas"?',
    "models absent.h5": "there is no file absent.h5",
    "export absent --out new": "there is no absent; give a run",
    "export empty --out new": "empty is neither a run (no run.json) nor a SavedModel",
    "export file --out new": "file is none of: a run",
    "export net.h5 --out new": "give images like those it will see by --data",
    "export net.h5 --out new --data nosuch": "there is no nosuch; give a folder of images",
    "export tiny.tflite --out new --format cmke": 'Did you mean "cmake"?',
    "export tiny.tflite --out new --incbin --format c": "--incbin is of the C array: add --format c-array",
    "export tiny.tflite --out new --target cortex-m4": "--target cortex-m4 is of C that needs no interpreter",
    "export tiny.tflite --out new --data nosuch": "there is no nosuch; give a folder of images",
    "benchmark absent --data few": "absent is not a run",
    "benchmark tiny.tflite --data nosuch": "there is no nosuch",
    "report absent": "absent is not a run",
    "report circle": "circle is not a run",
    "predict absent x.png": "absent can't be read",
    "predict file x.png": "file: not a .tflite file",
    "inspect absent": "absent can't be read",
    "compile absent --out new": "absent can't be read",
    "budget absent": "absent can't be read",
    "budget tiny.tflite": "nothing is limited, and there is no budget.toml",
    "drift absent tiny.tflite": "absent can't be read",
    "verify absent": "absent can't be read",
    "verify tiny.tflite --target cortex-m5": 'Did you mean "cortex-m55"?',
    "inspect tiny.tflit": 'can\'t be read: No such file or directory. Did you mean "tiny.tflite"?',
    "verify tyni.tflite": 'Did you mean "tiny.tflite"?',
    "compress rnu": 'Did you mean "run"?',
    "benchmark rnu --data few": 'Did you mean "run"?',
    "export net.h6 --out new": 'Did you mean "net.h5"?',
    "train --data fwe --out new": 'Did you mean "few"?',
    "train --data few --out new --model inception-transfer --weights imagnet": 'Did you mean "imagenet"?',
    "export tiny.tflite --out new --part RP2041": 'Did you mean "RP2040"?',
    "compile tiny.tflite --out new --part RP2040 --target c99": "--part has its own core; leave out --target",
    "export tiny.tflite --out new --title Lungs": "--title is of a page: add --format web to tflite, c-array",
    "trian": 'Did you mean "train"?',
    "data phantom": 'Did you mean "phantoms"?',
    "train --optimizer adm": 'Did you mean "adam"?',
    "compress new --part stm32f103": 'Did you mean "STM32F103C8"?',
    "compress run --sparsty 0.5": "'--sparsity'?",
}


def test_no_trivial_error_waits_for_tensorflow(tmp_path: Path) -> None:
    for name in ("empty", "few/a", "few/b", "run", "full/other"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "file").write_bytes(b"nothing")
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "net.h5").write_bytes(b"nothing")
    (tmp_path / "tiny.tflite").write_bytes(TINY.read_bytes())
    record = {"model": "cainvas", "input_shape": [64, 64, 1], "train": {}, "data": {"source": "../few"}}
    (tmp_path / "run" / "run.json").write_text(json.dumps(record))
    call = [sys.executable, "-c", ALL_IN_ONE, json.dumps(list(CASES))]
    done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, check=True)
    said = dict(zip(CASES, json.loads(done.stdout), strict=True))
    for case, (code, loaded, error) in said.items():
        assert code == 1, case
        assert CASES[case] in error, (case, error)
        assert error.startswith("Error: "), (case, error)
        assert error.count("\n") == 1, (case, error)
        assert loaded == [], case
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("number", [2, 15])
def test_a_signal_before_the_commands_are_loaded_is_told_in_one_line(number: int) -> None:
    """What Ctrl-C does while the program begins: `click`, imported first, sends the signal here."""
    code = (
        "import os, signal, sys\n"
        "class Sender:\n"
        "    def find_spec(self, name, *_):\n"
        f"        if name == 'click': os.kill(os.getpid(), {number})\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "sys.meta_path.insert(0, Sender())\n"
        "from edgecnn.cli import main\n"
        "main()"
    )
    done = subprocess.run([sys.executable, "-c", code, "models"], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (128 + number, "")
    assert done.stderr == "Interrupted; nothing half-written is left.\n"
