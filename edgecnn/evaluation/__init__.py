# SPDX-License-Identifier: Apache-2.0
"""What a model is worth: accuracy with intervals, latency, and the report that shows both."""
