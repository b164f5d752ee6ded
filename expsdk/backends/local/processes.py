"""What the launcher asks of the operating system: process groups, orphans, signals, output.

Linux has all of it, other systems what they have. Standard library only: it is loaded inside the launcher and in every
trial that it forks.
"""

from __future__ import annotations

import atexit
import ctypes
import fcntl
import json
import os
import signal
import socket
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import suppress
from functools import cache

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
# jemalloc's (pyarrow brings it, and pandas imports that) stands still over a fork, and is not missed after it.
_KNOW_ABOUT_FORKS = frozenset({"jemalloc_bg_thd"})
_PATIENCE_S = 5.0
_IS_LINUX = sys.platform == "linux"


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ends, instead of init (Linux)."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(parent: int) -> None:
    """Have this process killed when its parent ends (Linux)."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before this was in force
        os._exit(1)


def make_group(pid: int) -> None:
    """Put a process (0: this one) in a group of its own; both sides do it, so that neither comes too late."""
    try:
        os.setpgid(pid, pid)
    except OSError:
        return


def send_signal(pid: int, number: int, *, group: bool) -> None:
    """Send a signal to a process or to its group; one that has ended is passed over."""
    try:
        if group:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)
    except (ProcessLookupError, PermissionError):  # macOS says the latter of a zombie
        return


def watch_children() -> socket.socket:
    """Return a socket that becomes readable when a child of this process has ended."""
    reader, writer = socket.socketpair()
    reader.settimeout(0)
    writer.settimeout(0)
    signal.signal(signal.SIGCHLD, lambda _signal, _frame: None)
    signal.set_wakeup_fd(writer.detach(), warn_on_full_buffer=False)
    return reader


def unwatch_children(reader: socket.socket) -> None:
    """Undo `watch_children` in a forked process."""
    descriptor = signal.set_wakeup_fd(-1)
    if descriptor >= 0:  # asyncio, where the user's module imports it, resets it in forked processes from 3.12 on
        os.close(descriptor)
    reader.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def ended_children() -> Iterator[tuple[int, int]]:
    """Reap and yield the children that have ended, as process id and wait status."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        yield pid, status


def children() -> list[int]:
    """Return the children of this process, which has a single thread (Linux; elsewhere none)."""
    try:
        # Not by pathlib: this module is in the launcher and in every trial, and pathlib is slow to import.
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:  # noqa: PTH123
            return [int(pid) for pid in file.read().split()]
    except OSError:
        return []


def end_children() -> None:
    """Kill all children and what they leave to this process, and wait until they are gone (Linux)."""
    give_up_at = time.monotonic() + _PATIENCE_S
    with suppress(ChildProcessError):  # none is left
        while time.monotonic() < give_up_at:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                for pid in children():
                    send_signal(pid, signal.SIGKILL, group=False)
                time.sleep(0.002)


def why_forking_is_unsafe() -> str:
    """Return why trials must not be forked from this process, or "" where they can be."""
    if not _IS_LINUX:
        return f"forking is not safe on {sys.platform}"
    torch = sys.modules.get("torch")
    if torch is not None and getattr(torch, "cuda", None) is not None and torch.cuda.is_initialized():
        return "the user's module uses CUDA when it is imported"
    names = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    if names:
        return f"the user's module starts threads when it is imported ({', '.join(names)})"
    # Libraries that know about forks (OpenBLAS, for one) end their threads before it: only what outlives one counts.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        os._exit(0)
    with suppress(ChildProcessError):  # the user's module has SIGCHLD ignored
        os.waitpid(pid, 0)
    count = sum(_thread_name(task) not in _KNOW_ABOUT_FORKS for task in os.scandir("/proc/self/task"))
    return f"a library that the user's module imports runs threads ({count - 1})" if count > 1 else ""


def _thread_name(task: os.DirEntry[str]) -> str:
    """Return what the kernel calls a thread, or "" where it has just ended."""
    with suppress(OSError), open(f"{task.path}/comm", encoding="utf-8", errors="replace") as name:  # noqa: PTH123
        return name.read().strip()
    return ""


def send_line(connection: socket.socket, report: dict[str, object]) -> None:
    """Send a line of JSON to the coordinator."""
    connection.sendall(json.dumps(report).encode() + b"\n")


def redirect_output(log: str) -> None:
    """Send all that this process prints to the end of a file, and let it read nothing.

    As long as anything that it starts can print there, the file is locked: see `logs`.
    """
    nothing = os.open(os.devnull, os.O_RDONLY)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    with suppress(OSError):  # no locks there; somebody has just looked whether it is locked
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    os.dup2(nothing, 0)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.close(nothing)
    os.close(file)
    write_by_lines()


def write_by_lines() -> None:
    """Write out what was printed, and from here on every line at once: a crash must not take it along."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError, OSError):  # the stream may be the user's own, or closed
            stream.flush()
            stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # or an AttributeError


def forget_exit_handlers() -> None:
    """In a forked process, leave to its parent what was to happen at the parent's end.

    As `multiprocessing` does: else a temporary directory that the user's module makes when it is imported would go
    with the first trial that ends. What every process needs at its end stays.
    """
    atexit._clear()
    for module, name in (("logging", "shutdown"), ("multiprocessing.util", "_exit_function")):
        handler = getattr(sys.modules.get(module), name, None)
        if handler is not None:
            atexit.register(handler)
    getattr(sys.modules.get("multiprocessing.process"), "_children", set()).clear()


def leave(code: int) -> None:
    """End this forked process as an interpreter ends: threads joined, exit handlers run, output flushed.

    Taking the whole interpreter down would cost more than many a trial.
    """
    try:
        threading._shutdown()  # type: ignore[attr-defined]  # as multiprocessing does at the end of its processes
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with suppress(AttributeError, ValueError):  # the stream may be the user's own, or closed
                stream.flush()
    except BaseException as error:
        os.write(2, f"expsdk: {type(error).__name__} while the process ended: {error}\n".encode())
    finally:
        os._exit(code)


def _prctl(option: int, argument: int) -> None:
    if _IS_LINUX:
        _libc().prctl(option, argument, 0, 0, 0)


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)
