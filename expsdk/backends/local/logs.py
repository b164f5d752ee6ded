"""What a trial printed: one file for each attempt at it, read whole or while it grows.

The last attempt's is `log.txt`; a former one's is `log-<attempt>.txt`, as it is called from the moment when the next
begins. A trial's processes hold a lock on the file that they print to, so a reader knows when nothing more can come.
"""

from __future__ import annotations

import codecs
import fcntl
import io
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

LOG = "log.txt"
READ_BYTES = 65_536


def former_log(directory: Path, attempt: int) -> Path:
    """Return where the log of an attempt before the last is kept."""
    return directory / f"log-{attempt}.txt"


def set_log_aside(directory: Path, attempt: int) -> None:
    """Keep the log of an attempt that has ended under its own name, before another attempt begins."""
    former = former_log(directory, attempt)
    if former.exists():  # the other attempt has begun before, and its coordinator has ended
        return
    with suppress(FileNotFoundError):  # it has printed nothing
        (directory / LOG).rename(former)


def open_log(directory: Path, attempt: int) -> BinaryIO | None:
    """Return the log of the last attempt, or of a former one, or None where there is none."""
    former = former_log(directory, attempt)
    file = _open(former)
    if file is not None:
        return file
    file = _open(directory / LOG)
    if file is not None and former.exists():  # another attempt has begun meanwhile, and this is its log
        file.close()
        return _open(former)
    return file


def is_written(file: BinaryIO) -> bool:
    """Whether a process still prints to a log."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    fcntl.flock(file, fcntl.LOCK_UN)
    return False


class LogReader:
    """Reads lines from a log as it grows; a line that is not whole yet waits until it is."""

    def __init__(self, file: BinaryIO) -> None:
        """Read from the file's beginning."""
        self.file = file
        # Progress bars end what they print with a carriage return: each state of one is a line.
        self._decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("utf-8")("replace"), translate=True)
        self._rest = ""

    def lines(self) -> Iterator[str]:
        """Yield the whole lines that have come since the last call."""
        while chunk := self.file.read(READ_BYTES):
            yield from self._split(self._decoder.decode(chunk))

    def last(self) -> Iterator[str]:
        """Yield what remains where nothing more can come: a line without an end."""
        yield from self._split(self._decoder.decode(b"", final=True))
        if self._rest:
            yield self._rest
            self._rest = ""

    def _split(self, text: str) -> Iterator[str]:
        *lines, self._rest = (self._rest + text).split("\n")
        yield from (f"{line}\n" for line in lines)


def _open(path: Path) -> BinaryIO | None:
    try:
        return path.open("rb")
    except FileNotFoundError:
        return None
