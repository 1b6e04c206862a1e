# SPDX-License-Identifier: Apache-2.0
"""The framework of the stand-in platforms: our Arduino.h, which lies beside it."""

from pathlib import Path

from SCons.Script import DefaultEnvironment

env = DefaultEnvironment()
env.Append(CPPPATH=[str(Path(env["BUILD_SCRIPT"]).parent)], CPPDEFINES=["STUB_MAIN"])
