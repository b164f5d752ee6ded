"""Running programs to their end, and the one error that is for the reader."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PATIENCE_S = 10.0
SHOWN_LINES = 15


class ClusterError(Exception):
    """What went wrong and what to do about it, in words for the person who typed the command."""


def say(text: str) -> None:
    """Tell how things go. Standard output is kept for what scripts read."""
    print(f"cluster: {text}", file=sys.stderr, flush=True)


def run(*command: str | Path, **options: Any) -> str:
    """Run a program and return what it printed; a ClusterError with the end of its output when it fails."""
    settings: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stderr": subprocess.STDOUT, "text": True, **options}
    try:
        done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, check=False, **settings)
    except FileNotFoundError as exc:
        raise ClusterError(f"{command[0]} is not installed or not on PATH") from exc
    if done.returncode:
        shown = f"{' '.join(map(str, command))!s:.300}"
        raise ClusterError(f"this failed with status {done.returncode}: {shown}\n{last_lines(done.stdout)}")
    return str(done.stdout)


def run_logged(command: Sequence[str | Path], log: Path, **options: Any) -> None:
    """Run a program that takes long, its output in a file that can be followed; all that it started ends with us."""
    log.parent.mkdir(parents=True, exist_ok=True)
    arguments = [str(part) for part in command]
    with log.open("ab") as stream:
        settings: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": stream, "stderr": stream, **options}
        process = subprocess.Popen(arguments, start_new_session=True, **settings)
        try:
            status = process.wait()
        except BaseException:
            _end_session(process)
            raise
    if status:
        end = last_lines(log.read_text(errors="replace"))
        raise ClusterError(f"this failed with status {status}: {' '.join(arguments)!s:.300}\n{end}\nread {log}")


def _end_session(process: subprocess.Popen[bytes]) -> None:
    """End a process and all of its session, while it is not waited for and so its id is its own."""
    if process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE_S
    while (
        time.monotonic() < deadline and os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
    ):
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def last_lines(text: str, count: int = SHOWN_LINES) -> str:
    """Return the end of a text, set in."""
    return "\n".join(f"    {line[:400]}" for line in text.strip().splitlines()[-count:])
