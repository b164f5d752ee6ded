"""A running trial's own event files for TensorBoard, where tensorboardX is installed: beside all else it writes.

A thread of its own follows `metrics.jsonl`, so that neither the trial nor its reports ever wait for it, and the series
is complete whatever former attempts have written. It begins some seconds after the trial: tensorboardX takes up to a
second to import, and a trial that is over by then does without. So does one that does not use PyTorch where that is
installed: tensorboardX would import it, for seconds and with hundreds of MiB.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import TYPE_CHECKING

from expsdk_runtime.console import say
from expsdk_runtime.contract import Assignment
from expsdk_runtime.journal import FILE_NAME

if TYPE_CHECKING:
    from expsdk_runtime.events import JournalReader, TrialEvents

DIRECTORY = "tensorboard"
SWITCH = "EXPSDK_TENSORBOARD"
"""Environment variable: "off" writes no event files, "on" does so whatever importing tensorboardX takes."""
BEGIN_AFTER_S = 5.0
EVERY_S = 2.0
LAST_WORDS_S = 2.0
LAST_WORDS_WHEN_ON_S = 20.0


class Board:
    """Writes the event files of one attempt at a trial."""

    def __init__(self, assignment: Assignment) -> None:
        """Make a writer that has not begun."""
        self._assignment = assignment
        self._started = time.time()
        self._phase = ""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="expsdk-tensorboard", daemon=True)

    def start(self) -> None:
        """Begin, in the background, unless the environment says that it is not wanted."""
        if os.environ.get(SWITCH) != "off":
            self._thread.start()

    def finish(self, phase: str) -> None:
        """Write what is left, once everything is in the journal; it takes seconds at most."""
        self._phase = phase
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(LAST_WORDS_WHEN_ON_S if os.environ.get(SWITCH) == "on" else LAST_WORDS_S)

    def _run(self) -> None:
        is_over = self._ended.wait(BEGIN_AFTER_S)
        if os.environ.get(SWITCH) != "on" and (is_over or _imports_too_much()):
            return
        try:
            from expsdk_runtime.events import JournalReader, TrialEvents
        except ImportError:  # tensorboardX is not installed, or not for this Python
            return
        try:
            directory = os.path.join(self._assignment.output_dir, DIRECTORY)
            reader = JournalReader(os.path.join(self._assignment.output_dir, FILE_NAME))
            events = TrialEvents(directory, parameters=self._assignment.parameters, started=self._started)
            self._follow(reader, events)
        except Exception as error:  # a full disk, or another version of tensorboardX: the trial can do without
            say(f"expsdk: no more event files for TensorBoard are written: {type(error).__name__}: {error}")

    def _follow(self, reader: JournalReader, events: TrialEvents) -> None:
        events.rewrite(reader.read_all())
        events.flush()
        while not self._ended.wait(EVERY_S):
            points = reader.read_on()
            if points:
                events.add(points)
                events.flush()
        events.add(reader.read_on())
        if events.is_outdated:
            events.rewrite(reader.read_all())
        events.end(self._phase, time.time())


def _imports_too_much() -> bool:
    """Whether importing tensorboardX would import PyTorch for nothing else."""
    from importlib.util import find_spec

    return "torch" not in sys.modules and find_spec("torch") is not None
