"""The background reporter: drains the recorder, keeps the journal, sends one coalesced status per interval.

It never makes training slower or fail: what the sink cannot take is sent again later, as part of a newer
status, and everything is in the journal.
"""

from __future__ import annotations

import os
import selectors
import threading
import time
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
        self._stale = True
        self._closing = False
        self._wake_reader, self._wake_writer = os.pipe()
        self._thread = threading.Thread(target=self._run, name="expsdk-reporter", daemon=True)

    def start(self) -> None:
        """Report the start at once, from the background."""
        self._thread.start()

    def close(self) -> None:
        """Stop reporting in the background and bring the ledger up to date."""
        if not self._closing:
            self._closing = True
            self._wake()
            self._thread.join(FINAL_ATTEMPTS_S)
            self._drain()

    def add(self, values: dict[str, float], epoch: int) -> None:
        """Take in final metrics after `close`."""
        self.recorder.log_together(values, epoch)
        self._drain()

    def finish(self, facts: dict[str, Any]) -> bool:
        """Report the end, trying for a bounded time; return whether it was delivered."""
        self.close()
        self._facts = {**self._facts, **facts}
        give_up_at = time.monotonic() + FINAL_ATTEMPTS_S
        while not self._send():
            if time.monotonic() + self._backoff_s > give_up_at:
                return False
            time.sleep(self._backoff_s)
        return True

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake_reader, selectors.EVENT_READ)
            connection = self._sink.listen()
            if connection is not None:
                selector.register(connection, selectors.EVENT_READ)
            while not self._closing:
                if self._stale and time.monotonic() >= self._next_at:
                    self._send()
                ready = selector.select(
                    max(0.0, self._next_at - time.monotonic()) if self._stale else self._sink.interval_s
                )
                if any(key.fd == self._wake_reader for key, _ in ready):
                    os.read(self._wake_reader, 4096)
                self.recorder.stop = self._sink.stop() or self.recorder.stop
                if connection is not None and self._sink.listen() is None:
                    selector.unregister(connection)
                    connection = None
                if not self._closing:
                    self._drain()

    def _send(self) -> bool:
        """Send the status as it stands and decide when the next one may go."""
        began = time.monotonic()
        try:
            self._sink.report(build_status(self._facts, self.ledger))
        except OSError:
            self._backoff_s = min(LONGEST_BACKOFF_S, max(self._sink.interval_s, 2 * self._backoff_s))
            self._next_at = time.monotonic() + self._backoff_s
            return False
        self._backoff_s = 0.0
        self._stale = False
        # A slow server is asked less often; the fraction of the clock spreads trials that start together.
        took = time.monotonic() - began
        self._next_at = began + max(self._sink.interval_s, 10 * took) * (0.9 + 0.2 * (time.time_ns() % 1000) / 1000)
        return True

    def _drain(self) -> None:
        points = self.recorder.take()
        if points:
            self._journal.write([(values, self.ledger.add(values, epoch), at) for values, epoch, at in points])
            self._stale = True

    def _wake(self) -> None:
        os.write(self._wake_writer, b"!")
