"""How another process of this machine asks a sweep to stop: by a line in a pipe that its driver listens to.

The pipe is a FIFO in the experiment's directory. Its driver opens it for reading, so whoever writes wakes that up, and
learns at once where nobody reads: one that a killed driver has left behind is harmless. A line is shorter than what the
system writes whole, so several may be written at once. Nobody but the user may open it. A FIFO connects processes of
one machine, also where its directory is on a disk that others share.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

from expsdk.backends.base import StopRequest

CONTROL = "control"
_READ_BYTES = 65_536


class Control:
    """The driver's end."""

    def __init__(self, path: Path) -> None:
        """Make the pipe, in place of one that an earlier driver has left.

        Raises:
            OSError: The file system has no such thing, or it cannot be made.
        """
        self._path = path
        self._received = b""
        path.unlink(missing_ok=True)
        os.mkfifo(path, 0o600)
        self._reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        # As long as somebody could write, an empty pipe is silent; else it would say over and over that it has ended.
        self._writer = os.open(path, os.O_WRONLY | os.O_NONBLOCK)

    def fileno(self) -> int:
        """Return the descriptor that becomes readable when somebody asks for something."""
        return self._reader

    def requests(self) -> list[StopRequest]:
        """Return what has been asked for since the last call; what is no request is passed over."""
        chunks = [self._received]
        with suppress(BlockingIOError):
            while chunk := os.read(self._reader, _READ_BYTES):
                chunks.append(chunk)
        *lines, self._received = b"".join(chunks).split(b"\n")
        return [request for request in map(_parse, lines) if request is not None]

    def close(self) -> None:
        """Listen no more, and leave nothing behind."""
        with suppress(OSError):  # its directory is another's by now, or read-only
            self._path.unlink()
        os.close(self._reader)
        os.close(self._writer)


def send(path: Path, request: StopRequest) -> bool:
    """Ask whoever listens at a pipe; whether somebody does.

    Raises:
        PermissionError: It is another user's.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except PermissionError:
        raise
    except OSError:  # it is not there, or nobody reads it
        return False
    try:
        line = json.dumps({"stop": request.number}).encode() + b"\n"
        return os.write(descriptor, line) == len(line)
    except (BlockingIOError, BrokenPipeError):  # full, since who listens is stuck; or that has just ended
        return False
    finally:
        os.close(descriptor)


def _parse(line: bytes) -> StopRequest | None:
    """Return what a line asks for, or None where it is nothing: anything of the user's may write into a file."""
    try:
        said = json.loads(line)
    except ValueError:
        return None
    if not isinstance(said, dict) or "stop" not in said:
        return None
    number = said["stop"]
    return StopRequest(number) if number is None or type(number) is int else None
