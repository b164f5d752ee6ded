"""Processes that outlive the command that started them, and their end: by pid, and never a stranger's."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from commands import ClusterError
from places import Places, write_whole

_PATIENCE_S = 1.0  # what they would tidy up in longer goes with the cluster's directory
_KILLED_WITHIN_S = 10.0
_START_TIME = 22  # its place in /proc/PID/stat, proc(5)


@dataclass(frozen=True)
class Process:
    """A process that cannot be mistaken for a later one with its pid."""

    pid: int
    started: int  # in clock ticks after boot
    boot: str  # pids and ticks begin anew with every boot

    @classmethod
    def of(cls, pid: int) -> Process | None:
        """Return the process with this pid as it is now; None: there is none, or it has ended."""
        try:
            after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        if after_name[0] in ("Z", "X"):
            return None
        return cls(pid, int(after_name[_START_TIME - 3]), boot())

    def is_alive(self) -> bool:
        return Process.of(self.pid) == self


def start(name: str, command: Sequence[str | Path], places: Places) -> None:
    """Start a component in a session of its own; its output goes to its log."""
    places.pids.mkdir(parents=True, exist_ok=True)
    places.logs.mkdir(parents=True, exist_ok=True)
    note = _note(places, name)

    def leave_note() -> None:
        """Runs in the new process before the program does, so that none is ever without its note."""
        itself = Process.of(os.getpid())
        assert itself is not None
        write_whole(note, json.dumps(asdict(itself)))

    with places.log(name).open("ab") as log:
        subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            start_new_session=True,
            preexec_fn=leave_note,
        )


def noted(places: Places, name: str) -> Process | None:
    """Return the component's process as noted when it was started; None: it was not, or the machine died meanwhile."""
    try:
        return Process(**json.loads(_note(places, name).read_text()))
    except (FileNotFoundError, ValueError):
        return None


def is_alive(places: Places, name: str) -> bool:
    """Return whether the component was started and has not ended."""
    process = noted(places, name)
    return process is not None and process.is_alive()


def end(processes: Iterable[Process], patience_s: float = _PATIENCE_S) -> None:
    """End the processes: all are asked, and killed if they have not ended when the patience has."""
    handles = {handle: process for process in processes if (handle := _open(process)) is not None}
    deadline = time.monotonic() + patience_s
    try:
        for number, limit in ((signal.SIGTERM, deadline), (signal.SIGKILL, deadline + _KILLED_WITHIN_S)):
            for handle in handles:
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(handle, number)
            _wait(handles, limit)
        if handles:
            pids = " ".join(str(process.pid) for process in handles.values())
            raise ClusterError(f"these do not end even when killed; see what they wait for, then try again: ps {pids}")
    finally:
        for handle in handles:
            os.close(handle)


def boot() -> str:
    """Return which of the machine's boots this is."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _wait(handles: dict[int, Process], deadline: float) -> None:
    """Wait for the processes to end; those that have are closed and left out."""
    poll = select.poll()
    for handle in handles:
        poll.register(handle, select.POLLIN)
    while handles and (remaining_s := deadline - time.monotonic()) > 0:
        for handle, _ in poll.poll(remaining_s * 1000):
            poll.unregister(handle)
            del handles[handle]
            os.close(handle)


def _open(process: Process) -> int | None:
    """Return a handle of exactly this process; None: it has ended, and its pid may be another's."""
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return None
    if process.is_alive():
        return handle
    os.close(handle)
    return None


def _note(places: Places, name: str) -> Path:
    return places.pids / f"{name}.json"
