# SPDX-License-Identifier: Apache-2.0
"""`edgecnn benchmark --ssh` against an sshd of the test's own on loopback."""

import getpass
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from edgecnn.cli.benchmark import command
from edgecnn.data.arrays import load_part
from edgecnn.data.dataset import open_dataset
from edgecnn.errors import EdgecnnError
from edgecnn.pipeline.benchmark_ssh import join_report
from edgecnn.pipeline.evaluate import describe_data
from edgecnn.pipeline.model_file import image_shape
from edgecnn.pipeline.report import evaluate_run, rewrite_report
from edgecnn.pipeline.run import Run
from edgecnn.progress import silent
from edgecnn.runtime.ssh_host import SshHost

ASSETS = Path(__file__).parents[1] / "assets"
SSHD = "/usr/sbin/sshd"

pytestmark = [
    pytest.mark.needs_tool("ssh", package="openssh-client"),
    pytest.mark.needs_tool("ssh-keygen", package="openssh-client"),
    pytest.mark.skipif(not Path(SSHD).exists(), reason="needs Debian package openssh-server"),
    pytest.mark.needs_tool("gcc", package="gcc"),
]

SERVER = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/user_key.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
ForceCommand PATH={path} sh -c "$SSH_ORIGINAL_COMMAND"
"""
CLIENT = """\
Host pi
    HostName 127.0.0.1
    Port {port}
    User {user}
    IdentityFile {folder}/user_key
    IdentitiesOnly yes
    UserKnownHostsFile {folder}/known_hosts
    StrictHostKeyChecking accept-new
"""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def wait_for(port: int) -> None:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("sshd does not answer")


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a machine with this one's Python, by an ssh on PATH that knows it."""
    folder, port = tmp_path_factory.mktemp("ssh"), free_port()
    for key in ("host_key", "user_key"):
        make_key = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / key]
        subprocess.run(make_key, check=True)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    (folder / "sshd_config").write_text(SERVER.format(port=port, folder=folder, path=path))
    (folder / "config").write_text(CLIENT.format(port=port, folder=folder, user=getpass.getuser()))
    ssh = folder / "bin" / "ssh"
    ssh.parent.mkdir()
    ssh.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {folder}/config "$@"\n')
    ssh.chmod(0o755)
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where root's sshd wants to shut itself in
    server = subprocess.Popen([SSHD, "-D", "-f", folder / "sshd_config", "-E", folder / "log"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{ssh.parent}:{os.environ['PATH']}")
        wait_for(port)
        yield "pi"
    server.terminate()
    server.wait()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    draw = np.random.default_rng(0)
    for name in ("a", "b", "c"):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for number in range(10):
            pixels = draw.integers(0, 256, (14, 15), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pictures" / name / f"{number}.png")
    return tmp_path / "pictures"


@pytest.fixture
def run(pictures: Path, tmp_path: Path) -> Run:
    """A run of the tiny models, measured on the pictures."""
    run, dataset = Run(tmp_path / "first"), open_dataset(pictures, seed=0)
    data = describe_data("../pictures", dataset)
    run.update_record(
        model="tiny", input_shape=[12, 12, 1], parameters=9, train={"seed": 0, "weights": "none"}, data=data,
        classes=["a", "b", "c"],
    )  # fmt: skip
    run.write_labels(("a", "b", "c"))
    for variant, file in (("float32", "tiny_float32"), ("int8_ptq", "tiny_int8")):
        shutil.copyfile(ASSETS / f"{file}.tflite", run.variant(variant))
    evaluate_run(run, load_part(dataset, "test", image_shape(run.variant("float32")), silent), silent)
    return run


def test_models_and_c_are_measured_there_and_join_the_report(board: str, pictures: Path, run: Run) -> None:
    options = ["--data", pictures, "--ssh", board, "--runs", 3, "--warmup", 1, "--json", pictures / "json"]
    result = CliRunner().invoke(command, list(map(str, [run.path, *options])), catch_exceptions=False)
    assert result.exit_code == 0
    assert "int8, post-training, C" in result.stdout
    report = json.loads((pictures / "json").read_text())
    rewrite_report(run)  # in place of what is there already
    names = list(report["models"])
    assert names[:2] == ["float32", "int8_ptq"]
    assert names[-1] == "int8_ptq, C"
    assert set(names[2:-1]) <= {"int8_ptq, LiteRT"}
    assert report["models"]["int8_ptq, C"]["runtime"].startswith("edgecnn")
    images = {result["input_crc32"] for name, result in report["models"].items() if "int8" in name}
    assert len(images) == 1
    assert json.loads((run.path / "device_pi.json").read_text()) == report
    page = run.report_file.read_text()
    assert page.count("<h2>On pi</h2>") == 1
    assert page.index("<h2>Results</h2>") < page.index("int8, post-training, C") < page.index("<details>")
    assert report["address"] == "pi"
    assert SshHost(board).run("ls -d /tmp/tmp.*/on_device.py 2>/dev/null || true") == ""


def test_a_run_without_evidence_keeps_its_report_and_its_figures(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    """What older versions made can't be made anew."""
    run.evidence_file.unlink()
    before = run.report_file.read_bytes()
    join_report(run, {"address": "pi"})
    assert json.loads((run.path / "device_pi.json").read_text()) == {"address": "pi"}
    assert run.report_file.read_bytes() == before
    assert "is of an older edgecnn, and stays as it is: run 'edgecnn compress' again" in caplog.text


def test_what_is_wrong_is_one_line(board: str) -> None:
    with pytest.raises(EdgecnnError, match=r"can't reach nobody@127\.0\.0\.1: .*without a password"):
        SshHost("nobody@127.0.0.1").run("true")
    with pytest.raises(EdgecnnError, match=r"pi: it is not there$"):
        SshHost(board).run("echo line; echo 'Error: it is not there' >&2; exit 3")
    with pytest.raises(EdgecnnError, match=r"pi: no answer within 0\.5 seconds"):
        SshHost(board).run("sleep 5", timeout=0.5)
