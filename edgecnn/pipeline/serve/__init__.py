# SPDX-License-Identifier: Apache-2.0
"""A model behind HTTP: the application, the server, and the process that answers."""
