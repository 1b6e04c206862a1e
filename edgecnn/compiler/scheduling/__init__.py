# SPDX-License-Identifier: Apache-2.0
"""A Graph to a Schedule: which row is made when, and where it lies; searched for the smallest arena."""
