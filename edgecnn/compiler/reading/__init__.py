# SPDX-License-Identifier: Apache-2.0
"""A file to a Graph; the same vocabulary of ops and options, whatever the file is."""
