# SPDX-License-Identifier: Apache-2.0
"""From folders, zips and CSV files to arrays of pixels, in parts that don't leak; and the built-in data."""
