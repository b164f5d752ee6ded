"""The launcher: a process that has the user's imports loaded and forks every trial from there.

Runs as a process of its own, from the payload, with the standard library alone. It owns the trials' processes: it
starts them, passes signals on, reaps them and tells how they ended. When its coordinator goes away, however that
happens, it ends them all, SIGTERM first; when the launcher itself is killed, Linux ends them. What else they started,
the guard ends: see `guard`.

Where forking is not safe (threads that a fork would lose, CUDA in use, macOS), it starts a fresh interpreter for each
trial instead and says why.

Over the socket to the coordinator go lines of JSON:

    to the launcher    {"launch": number, "log": path}    with the descriptor of the trial's socket
                       {"signal": number, "as": 15, "group": false}
    to the coordinator {"ready": notice} or {"failed": message}
                       {"ended": number, "status": wait status}
                       {"gone": wait status}                  from the guard, when the launcher has ended
"""

from __future__ import annotations

import gc
import json
import os
import select
import selectors
import signal
import socket
import sys
import time
import traceback
from typing import Any

from expsdk.backends.local import processes
from expsdk.backends.local.guard import stand_guard
from expsdk_runtime import failure
from expsdk_runtime.bootstrap import run_attached
from expsdk_runtime.installed import environment_of
from expsdk_runtime.payload import Payload
from expsdk_runtime.seeding import load_lazy_generators

ARGUMENTS = ("descriptor", "payload", "project", "root", "digest", "lock", "fresh_because")
PARTING_S = 1.0
"""How long trials without a coordinator may take to end; below the guard's patience with the launcher."""
EXIT_BROKEN = 70
"""What a trial's process ends with when expsdk itself has failed in it (EX_SOFTWARE of sysexits.h)."""


def main() -> int:
    """Serve the coordinator whose socket is given, until it goes away."""
    options = dict(zip(ARGUMENTS, sys.argv[1:], strict=True))
    connection = socket.socket(fileno=int(options["descriptor"]))
    payload = Payload(options["payload"])
    function = None
    if not options["fresh_because"]:
        stand_guard(connection)
        os.close(int(options["lock"]))  # the guard holds it, and what runs here must not
        try:
            function = _load(payload, options)
        except BaseException as error:  # whatever the user's module raises when it is imported
            processes.send_line(connection, {"failed": failure.describe(error, project_dir=options["project"])})
            return 0
        unsafe = processes.why_forking_is_unsafe()
        if unsafe:
            _start_over(options, unsafe)
        gc.collect()
        gc.freeze()
    processes.adopt_orphans()
    launcher = Launcher(connection, payload, function, options)
    processes.send_line(connection, {"ready": options["fresh_because"]})
    return launcher.serve()


class Launcher:
    """Starts, signals and reaps trials."""

    def __init__(self, connection: socket.socket, payload: Payload, function: Any, options: dict[str, str]) -> None:
        """Serve `connection`; `function` is the user's, loaded, or None where trials are fresh interpreters."""
        self._connection = connection
        self._payload = payload
        self._function = function
        # Once, instead of in every trial.
        self._environment = {} if function is None else environment_of(payload.imports)
        self._options = options
        self._received = b""
        self._descriptors: list[int] = []
        self._pids: dict[int, int] = {}
        self._numbers: dict[int, int] = {}
        self._own_pid = os.getpid()
        self._imported = frozenset(processes.children())
        self._children = processes.watch_children()
        # The guard's is for a launcher that hangs; a trial's own may come before the trial is ready for it.
        self._signal_mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})

    def serve(self) -> int:
        """Serve until the coordinator goes away, then end the trials and return an exit code."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._connection, selectors.EVENT_READ)
            selector.register(self._children, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is self._children:
                        self._children.recv(4096)
                        self._reap()
                    elif not self._receive():
                        self._part()
                        return 0

    def _part(self) -> None:
        """End the trials, now that nobody hears of them any more.

        Each may write down what it has logged before: its checkpoints may be of that epoch, and another attempt goes on
        from there.
        """
        for pid in self._numbers:
            processes.send_signal(pid, signal.SIGTERM, group=False)
        give_up_at = time.monotonic() + PARTING_S
        while self._numbers and (left_s := give_up_at - time.monotonic()) > 0:
            if select.select([self._children], [], [], left_s)[0]:
                self._children.recv(4096)
                self._reap()
        for pid in self._numbers:
            processes.send_signal(pid, signal.SIGKILL, group=True)

    def _receive(self) -> bool:
        """Take in what the coordinator sent; return whether it is still there."""
        try:
            data, descriptors, _, _ = socket.recv_fds(self._connection, 65536, 64)
        except ConnectionResetError:
            return False
        self._descriptors += descriptors
        *lines, self._received = (self._received + data).split(b"\n")
        for line in lines:
            self._obey(json.loads(line))
        return bool(data)

    def _obey(self, order: dict[str, Any]) -> None:
        if "launch" in order:
            self._launch(order["launch"], order["log"], self._descriptors.pop(0))
        elif order["signal"] in self._pids:
            processes.send_signal(self._pids[order["signal"]], order["as"], group=order["group"])

    def _launch(self, number: int, log: str, descriptor: int) -> None:
        try:
            pid = os.fork()
        except OSError as error:
            os.close(descriptor)
            self._tell({"ended": number, "status": None, "error": f"no process could be started: {error}"})
            return
        if pid == 0:
            self._become_trial(log, descriptor)
        os.close(descriptor)
        processes.make_group(pid)
        self._pids[number] = pid
        self._numbers[pid] = number

    def _become_trial(self, log: str, descriptor: int) -> None:
        """Run a trial in the forked process; does not return."""
        code = EXIT_BROKEN
        try:
            processes.make_group(0)
            processes.die_with_parent(self._own_pid)
            processes.adopt_orphans()
            processes.unwatch_children(self._children)
            processes.forget_exit_handlers()
            self._connection.close()
            processes.redirect_output(log)
            signal.pthread_sigmask(signal.SIG_SETMASK, self._signal_mask)
            if self._function is None:
                os.set_inheritable(descriptor, True)
                options = self._options
                attach = ["--attach", str(descriptor), options["project"], options["root"], options["digest"]]
                flags = sys.orig_argv[1 : sys.orig_argv.index("-c")]
                os.execv(sys.executable, [sys.executable, *flags, self._payload.path, *attach])
            sys.argv[:] = [self._payload.path]
            code = run_attached(
                lambda: self._function,
                socket.socket(fileno=descriptor),
                project_dir=self._options["project"],
                digest=self._options["digest"],
                environment=self._environment,
            )
        except BaseException:  # nothing may get back into the launcher's own code
            traceback.print_exc()
        finally:
            processes.leave(code)

    def _reap(self) -> None:
        """Tell of trials that have ended; end what they left running."""
        for pid, status in processes.ended_children():
            number = self._numbers.pop(pid, None)
            if number is not None:
                del self._pids[number]
                processes.send_signal(pid, signal.SIGKILL, group=True)
                self._tell({"ended": number, "status": status})
        for pid in processes.children():
            # A trial adopts its own orphans while it lives, so this is left by one that does not.
            if pid not in self._numbers and pid not in self._imported:
                processes.send_signal(pid, signal.SIGKILL, group=False)

    def _tell(self, report: dict[str, Any]) -> None:
        try:
            processes.send_line(self._connection, report)
        except OSError:  # the coordinator is gone, which `serve` will see
            return


def _load(payload: Payload, options: dict[str, str]) -> Any:
    """Return the user's function, with nothing left to write of what its modules have printed."""
    processes.write_by_lines()
    try:
        function = payload.load(options["project"], root=options["root"])
        load_lazy_generators()  # once, instead of in every trial
        return function
    finally:
        processes.write_by_lines()  # they may have replaced the streams


def _start_over(options: dict[str, str], reason: str) -> None:
    """Replace this process by one that has loaded nothing: from there, trials are fresh interpreters."""
    options["fresh_because"] = reason
    processes.end_children()  # what the user's module started: every trial imports it again
    os.set_inheritable(int(options["descriptor"]), True)
    os.execv(sys.executable, [*sys.orig_argv[:-1], reason])
