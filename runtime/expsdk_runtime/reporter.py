"""The background reporter: drains the recorder, keeps the journal, sends one coalesced status per interval.

It never makes training slower or fail: what the sink cannot take is sent again later, as part of a newer
status, and everything is in the journal.
"""

from __future__ import annotations

import math
import selectors
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from expsdk_runtime.journal import Journal
from expsdk_runtime.ledger import Ledger
from expsdk_runtime.sinks import Refused, Sink
from expsdk_runtime.status import build_status
from expsdk_runtime.tracking import Recorder

LONGEST_BACKOFF_S = 60.0
FINAL_ATTEMPTS_S = 20.0
LEAST_FINAL_ATTEMPT_S = 1.0

Keep = Callable[[dict[str, Any]], None]
Find = Callable[[], dict[str, str]]


class Reporter:
    """Reports one attempt at a trial from its start to its end.

    Attributes:
        recorder: Where the training function's values go in.
        ledger: The metrics as they stand after the last drain.
    """

    def __init__(
        self, facts: dict[str, Any], *, ledger: Ledger, journal: Journal, sink: Sink, keep: Keep | None = None
    ) -> None:
        """Make a reporter that has not begun.

        Args:
            facts: What the status says besides metrics.
            ledger: Where metrics are summed up.
            journal: Where all of them go.
            sink: Where statuses go.
            keep: Given the last status before it is sent, and again once it was: its `delivered` says which.
        """
        self.recorder = Recorder(self._wake)
        self.ledger = ledger
        self._facts = facts
        self._journal = journal
        self._sink = sink
        self._keep = keep
        self._backoff_s = 0.0
        self._pace_s = 0.0  # what a busy server has made of the interval
        self._next_at = 0.0
        self._give_up_at = math.inf
        self._stale = True
        self._closing = False
        self._delivered = False
        self._find: Find | None = None
        self._lock = threading.Lock()  # held while the ledger changes or is read, and never while a report is sent
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_writer.settimeout(0)
        self._thread = threading.Thread(target=self._run, name="expsdk-reporter", daemon=True)

    def start(self) -> None:
        """Report the start at once, from the background."""
        self._thread.start()

    def change(self, facts: dict[str, Any]) -> None:
        """Report other facts from now on."""
        with self._lock:
            self._facts = {**self._facts, **facts}
            self._stale = True
        self._wake()

    def learn(self, find: Find) -> None:
        """Have the background find out what takes a while, and report it in the environment; by the end at the latest.

        Args:
            find: Returns it; raises nothing.
        """
        self._find = find
        self._wake()

    def hurry(self, within_s: float) -> None:
        """Be done within so many seconds from now. A signal handler may call it, whatever is going on."""
        self._give_up_at = min(self._give_up_at, time.monotonic() + within_s)

    def close(self) -> None:
        """Stop reporting in the background and bring the ledger up to date."""
        if not self._closing:
            self._closing = True
            self._wake()
            self._drain()
            self.hurry(FINAL_ATTEMPTS_S)
            self._wait_for(self._thread)
            self._find_out()

    def add(self, values: dict[str, float], epoch: int) -> None:
        """Take in final metrics after `close`."""
        with self._lock:
            self._take_in([(values, epoch, time.time())])

    def finish(self, facts: dict[str, Any]) -> bool:
        """Report the end; return whether it was delivered within `FINAL_ATTEMPTS_S` of `close`."""
        self.close()
        self.change(facts)
        if self._keep:
            self._keep({**self._status(), "delivered": False})
        if not self._thread.is_alive():  # or the sink has not given an earlier report back yet
            # However late it is, once it is tried.
            self._give_up_at = max(self._give_up_at, time.monotonic() + LEAST_FINAL_ATTEMPT_S)
            try:
                last = threading.Thread(target=self._deliver, name="expsdk-last-report", daemon=True)
                last.start()
                self._wait_for(last)
            except RuntimeError:  # no memory for another thread, or the user's code has changed `threading`
                self._deliver()
        for end in (self._wake_reader, self._wake_writer):
            with suppress(OSError):  # the user's code may have closed every file
                end.close()
        if self._keep and self._delivered:
            self._keep({**self._status(), "delivered": True})
        return self._delivered

    def _wait_for(self, thread: threading.Thread) -> None:
        """Wait for a thread's end until it is time to give up, which `hurry` may make earlier meanwhile."""
        while thread.is_alive() and (left := self._give_up_at - time.monotonic()) > 0:
            thread.join(min(left, 0.2))

    def _run(self) -> None:
        with suppress(OSError):  # the user's code may have closed every file: `finish` reports still
            self._report_in_turn()

    def _report_in_turn(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake_reader, selectors.EVENT_READ)
            connection = self._sink.listen()
            if connection is not None:
                selector.register(connection, selectors.EVENT_READ)
            while not self._closing:
                if self._stale and time.monotonic() >= self._next_at:
                    self._send()
                ready = selector.select(self._pause_s())
                if any(key.fileobj is self._wake_reader for key, _ in ready):
                    self._wake_reader.recv(4096)
                self.recorder.ask(self._sink.stop())
                self._find_out()
                if connection is not None and self._sink.listen() is None:
                    selector.unregister(connection)
                    connection = None
                if not self._closing:
                    self._drain()

    def _find_out(self) -> None:
        find, self._find = self._find, None
        if find is not None:
            found = find()
            self.change({"environment": {**self._facts["environment"], **found}})

    def _pause_s(self) -> float:
        """Return how long to wait: for the next report if it is due, and no longer than the journal may wait."""
        if not self._stale:
            return self._sink.interval_s
        return min(self._sink.interval_s, max(0.0, self._next_at - time.monotonic()))

    def _deliver(self) -> None:
        """Send the last status, again and again until it is time to give up."""
        self._backoff_s = 0.0
        while not self._send():
            if self._next_at > self._give_up_at:
                return
            time.sleep(max(0.0, self._next_at - time.monotonic()))
        self._delivered = True

    def _status(self) -> dict[str, Any]:
        with self._lock:
            self._stale = False
            return build_status(self._facts, self.ledger)

    def _send(self) -> bool:
        """Send the status as it stands and decide when the next one may go."""
        began = time.monotonic()
        try:
            self._sink.report(self._status())
        except OSError as error:
            self._stale = True
            self._backoff_s = min(LONGEST_BACKOFF_S, max(self._sink.interval_s, 2 * self._backoff_s))
            pause_s = self._backoff_s * _jitter()
            if isinstance(error, Refused):
                pause_s = max(pause_s, error.retry_after_s)
                if error.is_busy:
                    self._pace_s = min(LONGEST_BACKOFF_S, max(2 * self._sink.interval_s, 2 * self._pace_s))
            self._next_at = time.monotonic() + pause_s
            return False
        self._backoff_s = 0.0
        # A slow server is asked less often, and one that was busy only little by little more often again.
        took = time.monotonic() - began
        self._next_at = began + max(self._sink.interval_s, 10 * took, self._pace_s) * _jitter()
        self._pace_s = self._pace_s / 2 if self._pace_s > self._sink.interval_s else 0.0
        return True

    def _drain(self) -> None:
        with self._lock:
            for points in self.recorder.take():
                self._take_in(points)

    def _take_in(self, points: list[tuple[dict[str, float], int | None, float]]) -> None:
        self._journal.write([(values, self.ledger.add(values, epoch), at) for values, epoch, at in points])
        self._stale = True

    def _wake(self) -> bool:
        """Wake the background up; return whether it is there to be woken."""
        with suppress(OSError):  # full of earlier wakes, or closed
            self._wake_writer.send(b"!")
        return self._thread.is_alive()


def _jitter() -> float:
    """Return a factor about 1, by the fraction of the clock's millisecond: trials that start together spread."""
    return 0.9 + 0.2 * (time.time_ns() // 1000 % 1000) / 1000
