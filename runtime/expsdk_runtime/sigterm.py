"""SIGTERM while a trial runs: `TrialStopped`, once, wherever the function is; in what it forks, as before."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from expsdk_runtime import tracking

PREEMPTED = "preempted"
"""What a recorder is asked by SIGTERM, beside the words of `contract.Stop`."""


class Sigterm:
    """The signal's handler in this process."""

    def __init__(self) -> None:
        self._former: Any = None
        self._is_taken = False
        self._masks = threading.local()

    def take(self, recorder: tracking.Recorder, hear: Callable[[], None]) -> None:
        """Let SIGTERM call `hear` and stop the trial of `recorder` until `give_back`."""

        def stop(_signal: int, _frame: FrameType | None) -> None:
            hear()
            recorder.ask(PREEMPTED)
            if tracking.current_trial() is not None and not recorder.was_told:
                recorder.tell()

        try:
            self._former = signal.signal(signal.SIGTERM, stop)
        except ValueError:  # not the main thread: a trial of the debug backend, run from a thread
            return
        self._is_taken = True

    def give_back(self) -> None:
        """Let SIGTERM do what it did before."""
        if self._is_taken:
            self._is_taken = False
            signal.signal(signal.SIGTERM, signal.SIG_DFL if self._former is None else self._former)

    def hold(self) -> None:
        """Keep SIGTERM back while this thread forks: one for the child may come before the child is ready for it."""
        self._masks.former = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM}) if self._is_taken else None

    def release(self) -> None:
        """Let SIGTERM come again."""
        if self._masks.former is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, self._masks.former)

    def begin_child(self) -> None:
        """In a process that the trial has forked, let SIGTERM end it.

        Else `Process.terminate` would be lost on it, and a multiprocessing pool would wait for it for ever.
        """
        self.give_back()
        self.release()


sigterm = Sigterm()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=sigterm.hold, after_in_parent=sigterm.release, after_in_child=sigterm.begin_child)
