# SPDX-License-Identifier: Apache-2.0
"""A machine that is reached by ssh, such as a Raspberry Pi."""

import io
import subprocess
import tarfile
from pathlib import Path

from edgecnn.errors import EdgecnnError
from edgecnn.runtime.program import need_tool

_NO_CONNECTION = 255  # ssh's own exit code; others are the command's
# Nothing is asked: a password would be, by a program that nobody looks at.
_OPTIONS = ("-o", "BatchMode=yes", "-o", "ConnectTimeout=10")


class SshHost:
    """A machine on which commands are run with the user's own ssh, its configuration and its keys."""

    def __init__(self, address: str) -> None:
        """Choose a machine.

        Args:
            address: as ssh takes it: a host, user@host, ssh://user@host:port, or a name of ~/.ssh/config.

        Raises:
            MissingToolError: ssh is not installed.
        """
        need_tool("ssh", ["openssh-client"])
        self.address = address

    def run(self, command: str, stdin: bytes = b"", timeout: float = 600) -> str:
        """Run a command line in the home folder there, and return what it prints.

        Raises:
            EdgecnnError: the machine can't be reached, the command fails, or takes longer than `timeout`
                seconds.
        """
        try:
            done = subprocess.run(
                ["ssh", *_OPTIONS, "--", self.address, command],
                input=stdin,
                capture_output=True,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise EdgecnnError(f"{self.address}: no answer within {timeout:g} seconds; stopped") from None
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines() or ["it says nothing"]
            if done.returncode == _NO_CONNECTION:
                raise EdgecnnError(
                    f"can't reach {self.address}: {said[-1]}; "
                    f"'ssh {self.address}' must work without a password"
                )
            raise EdgecnnError(f"{self.address}: {said[-1].removeprefix('Error: ')}")
        return done.stdout.decode(errors="replace")

    def send(self, folder: Path, into: str) -> None:
        """Copy what `folder` holds into a folder there.

        Args:
            folder: where the files are.
            into: a path there, of letters that a shell takes as they are.
        """
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            archive.add(folder, ".")
        self.run(f"tar -xf - -C {into}", packed.getvalue())
