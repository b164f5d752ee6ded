"""Where a trial's reports go: a small seam, so that runner and reporter know neither backend nor network."""

from __future__ import annotations

import json
import socket
from typing import Any, Protocol


class Sink(Protocol):
    """Takes statuses of one trial and tells what is asked of it.

    Attributes:
        interval_s: The time between two reports.
    """

    interval_s: float

    def report(self, status: dict[str, Any]) -> None:
        """Deliver a status, whole; raises OSError where it could not be delivered."""

    def stop(self) -> str:
        """Return what the trial is asked, as far as is known here: "" or one of `contract.Stop`. Never blocks."""

    def listen(self) -> socket.socket | None:
        """Return a socket that becomes readable when `stop` may have changed, or None where only replies tell."""


class SocketSink:
    """Reports over a stream socket, one line of JSON each; a line that comes back is a stop signal."""

    def __init__(self, connection: socket.socket, *, interval_s: float) -> None:
        self.interval_s = interval_s
        self._connection = connection
        self._received = b""
        self._stop = ""
        self._open = True

    def report(self, status: dict[str, Any]) -> None:
        """Send the status as one line."""
        self._connection.sendall(json.dumps(status, separators=(",", ":")).encode() + b"\n")

    def stop(self) -> str:
        """Return the signal of the last line that came."""
        while self._open:
            try:
                chunk = self._connection.recv(4096, socket.MSG_DONTWAIT)
            except BlockingIOError:
                break
            except OSError:
                chunk = b""
            self._open = bool(chunk)
            self._received += chunk
        *lines, self._received = self._received.split(b"\n")
        if lines:
            self._stop = json.loads(lines[-1])["stop"]
        return self._stop

    def listen(self) -> socket.socket | None:
        """Return the connection while the other side holds it open."""
        return self._connection if self._open else None
