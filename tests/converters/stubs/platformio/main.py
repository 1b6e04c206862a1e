# SPDX-License-Identifier: Apache-2.0
"""Build script of the stand-in platforms: everything becomes a program of this machine."""

from SCons.Script import Default, DefaultEnvironment

Default(DefaultEnvironment().BuildProgram())
