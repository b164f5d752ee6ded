"""The background reporter: drains the recorder, keeps the journal, sends one coalesced status per interval.

It never makes training slower or fail: what the sink cannot take is sent again later, as part of a newer
status, and everything is in the journal.
"""

from __future__ import annotations

import selectors
import socket
import threading
import time
from contextlib import suppress
from typing import Any

from expsdk_runtime.journal import Journal
from expsdk_runtime.ledger import Ledger
from expsdk_runtime.sinks import Sink
from expsdk_runtime.status import build_status
from expsdk_runtime.tracking import Recorder

LONGEST_BACKOFF_S = 60.0
FINAL_ATTEMPTS_S = 20.0


class Reporter:
    """Reports one attempt at a trial from its start to its end.

    Attributes:
        recorder: Where the training function's values go in.
        ledger: The metrics as they stand after the last drain.
    """

    def __init__(self, facts: dict[str, Any], *, ledger: Ledger, journal: Journal, sink: Sink) -> None:
        self.recorder = Recorder(self._wake)
        self.ledger = ledger
        self._facts = facts
        self._journal = journal
        self._sink = sink
        self._backoff_s = 0.0
        self._next_at = 0.0
        self._give_up_at = 0.0
        self._stale = True
        self._closing = False
        self._delivered = False
        self._lock = threading.Lock()  # held while the ledger changes or is read, and never while a report is sent
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_writer.settimeout(0)
        self._thread = threading.Thread(target=self._run, name="expsdk-reporter", daemon=True)

    def start(self) -> None:
        """Report the start at once, from the background."""
        self._thread.start()

    def close(self) -> None:
        """Stop reporting in the background and bring the ledger up to date."""
        if not self._closing:
            self._closing = True
            self._wake()
            self._drain()
            self._give_up_at = time.monotonic() + FINAL_ATTEMPTS_S
            self._thread.join(FINAL_ATTEMPTS_S)

    def add(self, values: dict[str, float], epoch: int) -> None:
        """Take in final metrics after `close`."""
        with self._lock:
            self._take_in([(values, epoch, time.time())])

    def finish(self, facts: dict[str, Any]) -> bool:
        """Report the end; return whether it was delivered within `FINAL_ATTEMPTS_S` of `close`."""
        self.close()
        self._facts = {**self._facts, **facts}
        if not self._thread.is_alive():  # or the sink has not given an earlier report back yet
            try:
                last = threading.Thread(target=self._deliver, name="expsdk-last-report", daemon=True)
                last.start()
                last.join(max(0.0, self._give_up_at - time.monotonic()))
            except RuntimeError:  # no memory for another thread, or the user's code has changed `threading`
                self._deliver()
        for end in (self._wake_reader, self._wake_writer):
            with suppress(OSError):  # the user's code may have closed every file
                end.close()
        return self._delivered

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
                if connection is not None and self._sink.listen() is None:
                    selector.unregister(connection)
                    connection = None
                if not self._closing:
                    self._drain()

    def _pause_s(self) -> float:
        """Return how long to wait: for the next report if it is due, and no longer than the journal may wait."""
        if not self._stale:
            return self._sink.interval_s
        return min(self._sink.interval_s, max(0.0, self._next_at - time.monotonic()))

    def _deliver(self) -> None:
        """Send the last status, again and again until it is time to give up."""
        self._backoff_s = 0.0
        while not self._send():
            if time.monotonic() + self._backoff_s > self._give_up_at:
                return
            time.sleep(self._backoff_s)
        self._delivered = True

    def _send(self) -> bool:
        """Send the status as it stands and decide when the next one may go."""
        began = time.monotonic()
        with self._lock:
            status = build_status(self._facts, self.ledger)
        try:
            self._sink.report(status)
        except OSError:
            self._backoff_s = min(LONGEST_BACKOFF_S, max(self._sink.interval_s, 2 * self._backoff_s))
            self._next_at = time.monotonic() + self._backoff_s * _jitter()
            return False
        self._backoff_s = 0.0
        self._stale = False
        # A slow server is asked less often.
        took = time.monotonic() - began
        self._next_at = began + max(self._sink.interval_s, 10 * took) * _jitter()
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
