"""The coordinator's end of the launcher: start it, send it orders, hear what it tells."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from expsdk.backends.local.verdict import describe_exit
from expsdk.errors import LoadError

_BOOT = (
    "import sys\n"
    # The payload comes first, and the working directory ("") does not come at all.
    "sys.path[:] = [sys.argv[2], *(path for path in sys.path if path)]\n"
    "from expsdk.backends.local.launcher import main\n"
    "sys.exit(main())"
)
LAST_WORDS_S = 5.0


class LauncherProcess:
    """A running launcher.

    Attributes:
        connection: The socket to it; it becomes readable when the launcher has something to tell.
        notice: Why trials are fresh interpreters, or "" where they are forked.
    """

    def __init__(
        self, payload: Path, *, project: Path, root: Path, digest: str, log: Path, threads: int | None
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

        Raises:
            LoadError: The function does not load; nothing is left running.
        """
        self._received = b""
        self.connection, theirs = socket.socketpair()
        environment = dict(os.environ)
        if threads is not None:
            environment.setdefault("OMP_NUM_THREADS", str(threads))
        arguments = [str(theirs.fileno()), str(payload), str(project), str(root), digest, ""]
        with log.open("ab") as output, theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _BOOT, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        try:
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
        """Return what the launcher has told since the last call, waiting if it has not; None where it is gone."""
        try:
            chunk = self.connection.recv(65536)
        except OSError:
            return None
        *lines, self._received = (self._received + chunk).split(b"\n")
        return [json.loads(line) for line in lines] if chunk else None

    def close(self) -> None:
        """End the launcher and all that it started."""
        self.connection.close()
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
        self._process.wait()
        _, ending = describe_exit(self._process.returncode)
        raise LoadError(
            f"the function's module is imported before the first trial, and {ending} meanwhile; the end of what it"
            f" printed:\n{end_of(log)}"
        )


def end_of(log: Path, *, lines: int = 20, at_most_bytes: int = 4096) -> str:
    """Return the last lines of a file, or "" where it is not there."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - at_most_bytes))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


def _line(order: dict[str, Any]) -> bytes:
    return json.dumps(order).encode() + b"\n"
