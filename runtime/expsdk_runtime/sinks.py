"""Where a trial's reports go: a small seam, so that runner and reporter know neither backend nor network."""

from __future__ import annotations

import json
import os
import select
import socket
from typing import Any, Protocol

from expsdk_runtime.contract import Phase

SEND_TIMEOUT_S = 5.0
LAST_STATUS = "status.json"


class Sink(Protocol):
    """Takes statuses of one trial and tells what is asked of it. Called by one thread at a time.

    Attributes:
        interval_s: The time between two reports.
    """

    interval_s: float

    def report(self, status: dict[str, Any]) -> None:
        """Deliver a status, whole; raises OSError where it could not be delivered within seconds."""

    def stop(self) -> str:
        """Return what the trial is asked, as far as is known here: "" or one of `contract.Stop`. Never blocks."""

    def listen(self) -> socket.socket | None:
        """Return a socket that becomes readable when `stop` may have changed, or None where only replies tell."""


class Refused(OSError):
    """The other side is there and has not taken a status.

    Attributes:
        retry_after_s: How long it wants to be left alone, at least.
        is_busy: Whether it is to be asked less often from now on, and not this once.
    """

    retry_after_s = 0.0
    is_busy = False


class SocketSink:
    """Reports over a stream socket, one line of JSON each; a line that comes back is a stop signal.

    A last status that cannot be sent is left in a file: the user's code may have closed the socket with all other
    files, or the coordinator be stopped (Ctrl-Z).
    """

    def __init__(
        self, connection: socket.socket, *, interval_s: float, received: bytes = b"", directory: str | None = None
    ) -> None:
        """Report over `connection`, of which `received` has been read already; leave a last status in `directory`."""
        self.interval_s = interval_s
        self._connection = connection
        self._begun = b""
        self._received = received
        self._stop = ""
        self._directory = directory
        self._open = True

    def report(self, status: dict[str, Any]) -> None:
        """Send the status as one line, after what is left of a line that was begun."""
        text = json.dumps(status, separators=(",", ":"))
        try:
            self._send(self._begun)
            self._send(text.encode() + b"\n")
        except OSError:
            if status["phase"] not in Phase.FINISHED or self._directory is None:
                raise
            with open(os.path.join(self._directory, LAST_STATUS), "w", encoding="utf-8") as file:
                file.write(text)

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

    def _send(self, data: bytes) -> None:
        """Send bytes, remembering those of a line that was begun and could not be ended in time."""
        while data:
            if not _can_send(self._connection):
                raise TimeoutError(f"the other side has read nothing for {SEND_TIMEOUT_S:g} seconds")
            self._begun = data = data[self._connection.send(data, socket.MSG_DONTWAIT) :]


def read_last_status(directory: str, *, attempt: int) -> dict[str, Any] | None:
    """Return the status that an attempt at a trial has left in its directory, if it has."""
    try:
        with open(os.path.join(directory, LAST_STATUS), encoding="utf-8") as file:
            status: dict[str, Any] = json.load(file)
    except (OSError, ValueError):
        return None
    return status if status["attempt"] == attempt else None


def _can_send(connection: socket.socket) -> bool:
    poller = select.poll()
    poller.register(connection, select.POLLOUT)
    return bool(poller.poll(SEND_TIMEOUT_S * 1000))
