"""The guard: the launcher's parent, which outlives it and ends whatever it leaves running.

It loads nothing of the user's, so that nothing of the user's can hang it or crash it. It sees the launcher end, be it
by SIGKILL, and the coordinator go away, be it while the launcher is busy with the user's imports. Then it ends all
that descends from the launcher (on Linux, where it adopts it) before it ends itself: when the coordinator's socket
closes, nothing runs any more.
"""

from __future__ import annotations

import os
import select
import signal
import socket
from contextlib import suppress

from expsdk.backends.local import processes

GRACE_S = 2.0
"""How long a launcher without a coordinator may take for its exit handlers."""


def stand_guard(connection: socket.socket) -> None:
    """Return in a child of this process, which is to be the launcher; here, guard it and never return."""
    processes.adopt_orphans()
    children = processes.watch_children()
    guard = os.getpid()
    launcher = os.fork()
    if launcher == 0:
        processes.unwatch_children(children)
        processes.die_with_parent(guard)
        return
    try:
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        status = _await_end(launcher, connection, children)
        processes.end_children()
        with suppress(OSError):  # the coordinator is gone
            processes.send_line(connection, {"gone": status})
    finally:
        os._exit(0)


def _await_end(launcher: int, connection: socket.socket, children: socket.socket) -> int:
    """Return the wait status of the launcher, which is to end when the coordinator has closed `connection`."""
    poller = select.poll()
    poller.register(connection, 0)  # to hear of its end alone: what comes over it is the launcher's to read
    poller.register(children, select.POLLIN)
    patience_ms: float | None = None
    while True:
        ready = [descriptor for descriptor, _ in poller.poll(patience_ms)]
        if connection.fileno() in ready:
            poller.unregister(connection)
            # A launcher that serves blocks it and ends by itself; one that imports the user's modules is ended by it.
            processes.send_signal(launcher, signal.SIGTERM, group=False)
            patience_ms = GRACE_S * 1000
        if children.fileno() in ready:
            children.recv(4096)
            for pid, status in processes.ended_children():
                if pid == launcher:
                    return status
        if not ready:
            processes.send_signal(launcher, signal.SIGKILL, group=False)
