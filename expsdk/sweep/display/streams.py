"""What this process prints while a picture is drawn goes above the picture, line by line.

`sys.stdout` and `sys.stderr` are replaced where they are the picture's terminal, and so are the streams of the
handlers of `logging` that write there. A stream that goes to a file or a pipe is left alone.
"""

from __future__ import annotations

import io
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, TextIO

LIMIT_CHARS = 1 << 20
"""How much may wait to be shown; more is shown at once."""


class Above(io.TextIOBase):
    """Stands for a stream of the terminal: whole lines are handed on, the last one waits until it is whole.

    Everything but writing is the stream's own.
    """

    def __init__(self, stream: TextIO, hand_on: Callable[[str], None]) -> None:
        self._stream = stream
        self._hand_on = hand_on
        self._process = os.getpid()
        self._rest = ""
        self._lock = threading.Lock()

    def write(self, text: str) -> int:
        """Take in text; a forked process writes straight to the terminal, since nobody draws there."""
        if os.getpid() != self._process:
            return self._stream.write(text)
        with self._lock:
            whole, newline, self._rest = (self._rest + text).rpartition("\n")
            if not newline and len(self._rest) > LIMIT_CHARS:
                whole, self._rest = self._rest, ""
        if whole or newline:
            self._hand_on("\n".join(map(_as_it_ended, whole.split("\n"))) + "\n")
        return len(text)

    def flush(self) -> None:
        """Flush the terminal; a line that is not whole waits on."""
        with suppress(OSError, ValueError):
            self._stream.flush()

    def finish(self) -> str:
        """Return what has no end of line yet, and wait for no more of it."""
        with self._lock:
            rest, self._rest = self._rest, ""
        return rest

    def fileno(self) -> int:
        """Return the terminal's descriptor."""
        return self._stream.fileno()

    def isatty(self) -> bool:
        """Return True: it is a terminal."""
        return self._stream.isatty()

    def writable(self) -> bool:
        """Return True."""
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The terminal's encoding."""
        return self._stream.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        """How the terminal's stream treats what it cannot encode."""
        return self._stream.errors

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class Diversion:
    """Has what is printed on a terminal handed on, from `begin` to `end`."""

    def __init__(self, terminal: TextIO, hand_on: Callable[[str], None]) -> None:
        """Divert what goes where `terminal` goes.

        Args:
            terminal: The stream that the picture is drawn on.
            hand_on: Is given whole lines, by whatever thread prints them.
        """
        self._terminal = terminal
        self._hand_on = hand_on
        self._replaced: dict[str, tuple[TextIO, Above]] = {}
        self._handlers: list[tuple[logging.StreamHandler[Any], TextIO]] = []

    def begin(self) -> None:
        """Replace the streams."""
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if _is_same_terminal(stream, self._terminal):
                self._replaced[name] = (stream, Above(stream, self._hand_on))
                setattr(sys, name, self._replaced[name][1])
        for handler in _handlers():
            for stream, above in self._replaced.values():
                if handler.stream is stream:
                    self._handlers.append((handler, stream))
                    handler.setStream(above)

    def end(self) -> str:
        """Put the streams back, but for those that somebody else has replaced since; return what had no end of line."""
        rest = ""
        for handler, stream in self._handlers:
            if isinstance(handler.stream, Above):
                handler.setStream(stream)
        for name, (stream, above) in self._replaced.items():
            if getattr(sys, name) is above:
                setattr(sys, name, stream)
            rest += above.finish()
        self._handlers.clear()
        self._replaced.clear()
        return rest


def _handlers() -> Iterator[logging.StreamHandler[Any]]:
    """Yield the handlers of all loggers that write to streams."""
    loggers: Iterable[object] = [logging.getLogger(), *logging.Logger.manager.loggerDict.values()]
    for logger in loggers:
        for handler in getattr(logger, "handlers", ()):
            if isinstance(handler, logging.StreamHandler):
                yield handler


def _is_same_terminal(stream: Any, terminal: TextIO) -> bool:
    """Whether two streams are the same terminal."""
    try:
        return bool(stream.isatty()) and os.path.sameopenfile(stream.fileno(), terminal.fileno())
    except (AttributeError, OSError, ValueError):
        return False


def _as_it_ended(line: str) -> str:
    """Return a line as a terminal would show it in the end: a carriage return begins it anew, as progress bars do."""
    return line.rstrip("\r").rpartition("\r")[2]
