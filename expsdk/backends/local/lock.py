"""One coordinator drives an experiment: it holds a lock on a file, and so does what it has started."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import TextIO

from expsdk.errors import BackendError

POLL_S = 0.1


def take(path: Path, name: str, *, patience_s: float = 0.0) -> TextIO:
    """Take an experiment for this process, as long as the returned file is open here or in what inherits it.

    Args:
        path: The lock's file.
        name: The experiment's name.
        patience_s: How long to wait for what a coordinator that is gone has left running, in seconds.

    Raises:
        BackendError: Another coordinator drives it.
        OSError: The file cannot be written.
    """
    give_up_at = time.monotonic() + patience_s
    file = path.open("a+")
    while not _is_free(file, fcntl.LOCK_EX):
        driver = _driver(file)
        if time.monotonic() >= give_up_at or _is_alive(driver):
            file.close()
            raise BackendError(
                f"one coordinator drives an experiment, and process {driver} drives {name!r} now; end that one"
                f" first, or look on: expsdk.attach({name!r}).watch()"
            )
        time.sleep(POLL_S)
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def release(file: TextIO) -> None:
    """Give an experiment back, also where a process that was forked meanwhile has `file` open."""
    with file:
        fcntl.flock(file, fcntl.LOCK_UN)


def is_taken(path: Path) -> bool:
    """Whether somebody has taken the experiment."""
    try:
        with path.open("r") as file:
            return not _is_free(file, fcntl.LOCK_SH)
    except FileNotFoundError:
        return False


def driver_of(path: Path) -> int:
    """Return the process that has taken the experiment last, or 0 where that is not known."""
    try:
        with path.open() as file:
            return _driver(file)
    except FileNotFoundError:
        return 0


def _is_free(file: TextIO, how: int) -> bool:
    """Whether the lock was free, which it is no more where it has been taken for this process."""
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _driver(file: TextIO) -> int:
    """Return the process that has taken an experiment last, 0 where that is not known yet."""
    file.seek(0)
    text = file.read().strip()
    return int(text) if text.isdecimal() else 0


def _is_alive(pid: int) -> bool:
    """Whether a process is there, dead ones that nobody has buried aside."""
    if not pid:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:  # no /proc on macOS
        return True
