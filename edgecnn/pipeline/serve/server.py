# SPDX-License-Identifier: Apache-2.0
"""The HTTP server: waitress, which reads requests in one thread and never waits for a single client.

What it lacks, a bound on how long a request may trickle in and on connections that say nothing, is here.
"""

import json
import socket
from typing import Any

from flask import Flask
from waitress import create_server
from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer
from waitress.task import ErrorTask

from edgecnn.errors import EdgecnnError

CONNECTIONS = 1000
_FILES = 2 * CONNECTIONS  # open at a time: connections, and what is received of large requests
_SECONDS = 30  # in which a request has to be received, and an answer to go on being taken


class _JsonErrorTask(ErrorTask):  # type: ignore[misc]
    """Answers what is no HTTP request, or a too large one, as the application does: in one line of JSON."""

    def execute(self) -> None:
        error = self.request.error
        body = json.dumps({"error": f"{error.reason}: {error.body}"}).encode() + b"\n"
        self.status = f"{error.code} {error.reason}"
        self.response_headers.append(("Content-Type", "application/json"))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class _Channel(HTTPChannel):  # type: ignore[misc]
    """A connection."""

    error_task_class = _JsonErrorTask
    last_activity: float

    def __init__(self, server: BaseWSGIServer, *args: Any, **kwargs: Any) -> None:
        super().__init__(server, *args, **kwargs)
        silent = [other for other in server.active_channels.values() if not other.requests]
        if len(server.active_channels) > CONNECTIONS and silent:
            min(silent, key=lambda other: other.last_activity).will_close = True

    def handle_read(self) -> None:
        """Receive; a request that trickles in is as old as its first byte."""
        began: float | None = self.last_activity if self.request is not None else None
        super().handle_read()
        if began is not None and self.request is not None:
            self.last_activity = began


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that is bound to an address; port 0 takes any free one.

    Raises:
        EdgecnnError: it can't be bound.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "that is no name of a machine"
        raise EdgecnnError(
            f"can't listen at {host} port {port}: {reason}; choose another --host or --port"
        ) from error


def _allow_files() -> None:
    """Let this process open as many files as it may need."""
    try:
        import resource  # not on Windows, which has no such limit
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < _FILES:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(_FILES, hard), hard))


def make_server(app: Flask, at: socket.socket, threads: int, most_bytes: int) -> BaseWSGIServer:
    """Return a server that has a method `run`.

    Args:
        app: the application.
        at: a socket that `listen` has bound.
        threads: how many requests are worked on at a time; the others wait.
        most_bytes: how large a request may be.
    """
    _allow_files()
    server = create_server(
        app,
        sockets=[at],
        threads=threads,
        max_request_body_size=most_bytes,
        connection_limit=CONNECTIONS + 100,  # beyond ours, which makes room
        backlog=CONNECTIONS,
        channel_timeout=_SECONDS,
        cleanup_interval=5,
        asyncore_use_poll=True,  # select takes no file numbers of 1024 and more
    )
    server.channel_class = _Channel
    return server
