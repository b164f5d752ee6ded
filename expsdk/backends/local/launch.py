"""The coordinator's end of the launcher: start it, send it orders, hear what it tells."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from expsdk.backends.local.disk import translating_disk_errors
from expsdk.backends.verdict import describe_exit, last_words
from expsdk.errors import LoadError

_BOOT = (
    "import sys\n"
    # The payload comes first, and the working directory ("") does not come at all.
    "sys.path[:] = [sys.argv[2], *(path for path in sys.path if path)]\n"
    "from expsdk.backends.local.launcher import main\n"
    "sys.exit(main())"
)
LAST_WORDS_S = 10.0
LOOKED_AT_BYTES = 32_768


class LauncherProcess:
    """A running launcher.

    Attributes:
        connection: The socket to it; it becomes readable when the launcher has something to tell.
        notice: Why trials are fresh interpreters, or "" where they are forked.
        ending: How its process ended, in words, as far as that has been told.
    """

    def __init__(
        self,
        payload: Path,
        *,
        project: Path,
        root: Path,
        digest: str,
        log: Path,
        threads: int | None,
        lock: TextIO,
    ) -> None:
        """Start the launcher and wait until it has loaded the user's function.

        Args:
            payload: The payload's file.
            project: Where the payload's project is unpacked.
            root: The user's own project.
            digest: The payload's digest.
            log: Where what the user's modules print while they are imported goes.
            threads: How many threads numerical libraries may use in one trial, where the user does not say; None leaves
                them as many as they like.
            lock: The experiment's; it stays taken until nothing of the launcher's runs any more, however this process
                ends.

        Raises:
            LoadError: The function does not load; nothing is left running.
        """
        self._received = b""
        self.ending = ""
        self.connection, theirs = map(_above_standard_streams, socket.socketpair())
        environment = dict(os.environ)
        if threads is not None:
            environment.setdefault("OMP_NUM_THREADS", str(threads))
        arguments = [str(theirs.fileno()), str(payload), str(project), str(root), digest, str(lock.fileno()), ""]
        command = [sys.executable, *_interpreter_flags(), "-X", "faulthandler", "-c", _BOOT, *arguments]
        self._process: subprocess.Popen[bytes] | None = None
        try:
            with theirs, _open(log) as output:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env=environment,
                    pass_fds=[theirs.fileno(), lock.fileno()],
                    start_new_session=True,
                )
            self.notice = self._greeting(log)
        except BaseException:
            self.close()
            raise

    def launch(self, number: int, *, log: Path, descriptor: int) -> None:
        """Have a trial started with its own end of its socket; raises OSError where the launcher is gone."""
        socket.send_fds(self.connection, [_line({"launch": number, "log": str(log)})], [descriptor])

    def signal(self, number: int, signum: signal.Signals, *, group: bool) -> None:
        """Have a signal sent to a trial's process, or to its whole group."""
        try:
            self.connection.sendall(_line({"signal": number, "as": int(signum), "group": group}))
        except OSError:  # the launcher is gone and its trials with it, which `reports` will tell
            return

    def reports(self) -> list[dict[str, Any]] | None:
        """Return what the launcher has told since the last call, waiting if it has not.

        None means that it is gone, and on Linux so is all that it started.
        """
        try:
            chunk = self.connection.recv(65536)
        except OSError:
            return None
        *lines, self._received = (self._received + chunk).split(b"\n")
        reports = [json.loads(line) for line in lines]
        if reports and "gone" in reports[-1]:
            self.ending = describe_exit(os.waitstatus_to_exitcode(reports.pop()["gone"]))
        return reports if chunk else None

    def close(self) -> None:
        """End the launcher and all that it started."""
        self.connection.close()
        if self._process is None:
            return
        try:
            self._process.wait(LAST_WORDS_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _greeting(self, log: Path) -> str:
        """Wait for the launcher's first words; return its notice."""
        reports: list[dict[str, Any]] | None = []
        while reports == []:
            reports = self.reports()
        if reports and "ready" in reports[0]:
            return str(reports[0]["ready"])
        if reports:
            raise LoadError(
                f"the function's module is imported before the first trial, and it failed:\n{reports[0]['failed']}"
            )
        raise LoadError(
            "the function's module is imported before the first trial, and the process that did so ended"
            f" {self.ending or 'without a word'}; the end of what it printed:\n{end_of(log)}"
        )


def end_of(log: Path) -> str:
    """Return the end of a file in a few lines, or "" where it is not there."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - LOOKED_AT_BYTES))
            return last_words(file.read().decode(errors="replace"))
    except OSError:
        return ""


def _open(log: Path) -> BinaryIO:
    with translating_disk_errors(log):
        return log.open("ab")


def _above_standard_streams(connection: socket.socket) -> socket.socket:
    """Return a socket under a descriptor that no standard stream has: those may be closed in this process."""
    if connection.fileno() > 2:
        return connection
    with connection:
        return socket.socket(fileno=fcntl.fcntl(connection, fcntl.F_DUPFD_CLOEXEC, 3))


def _interpreter_flags() -> list[str]:
    """Return this interpreter's own flags, such as -O and -W, as `multiprocessing` passes them on."""
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    return flags


def _line(order: dict[str, Any]) -> bytes:
    return json.dumps(order).encode() + b"\n"
