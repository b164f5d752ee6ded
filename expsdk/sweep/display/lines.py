"""The plain display: a line for each event, for files, pipes, and terminals without a cursor to move."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console
from rich.text import Text

from expsdk.analysis.again import Again
from expsdk.analysis.results import Results
from expsdk.resources.experiment import Experiment
from expsdk.resources.words import printable
from expsdk.sweep.display.board import Board
from expsdk.sweep.display.closing import closing_lines
from expsdk.sweep.display.words import (
    ending_line,
    interrupted_line,
    joined,
    opening_lines,
    waiting_line,
    waits_for,
)
from expsdk.sweep.observer import Standing
from expsdk_runtime.contract import Phase


class StandardError(Console):
    """Standard error, without colours; once nobody reads it any more, nothing is written, and the sweep goes on."""

    def __init__(self) -> None:
        super().__init__(stderr=True, no_color=True, highlight=False, force_jupyter=False)

    def on_broken_pipe(self) -> None:
        """Write no more."""
        self.quiet = True


class LineProgress:
    """Prints a line when the sweep starts, when a trial waits or ends, and when the sweep is over."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._ended = 0
        self._trials: int | None = None
        self._told: dict[str, str] = {}  # what was said of a reason last
        self._board: Board | None = None
        self._again = Again("")
        self._looking_on = False

    def started(
        self, experiment: Experiment, *, location: str, notice: str, again: Again, looking_on: bool = False
    ) -> None:
        """Say what starts and where it is kept."""
        self._trials = experiment.spec.trials
        self._again, self._looking_on = again, looking_on
        self._board = Board(experiment, location=location, looking_on=looking_on, at=time.monotonic())
        for line in opening_lines(experiment, location=location, notice=notice):
            self._say(line)

    def found(self, document: dict[str, Any]) -> None:
        """Note what a trial that had ended before has come to."""
        if self._board is not None:
            self._board.found(document)

    def launched(self, document: dict[str, Any]) -> None:
        """Print nothing: its end will be told."""

    def changed(self, document: dict[str, Any], *, alive: bool) -> None:
        """Say how a trial ended, or what it waits for; what many wait for is said once."""
        if alive:
            self._say_waiting(document)
            return
        self._ended += 1
        place = f"{self._ended}/{self._trials}" if self._trials else str(self._ended)
        is_best = self._board is not None and self._board.changed(document, alive=False)
        self._say(joined(f"[{place}] {ending_line(document)}", "the best so far" if is_best else ""))

    def refresh(self, standing: Standing) -> None:
        """Take in how many have ended: what was lost or interrupted is run again, and print nothing."""
        self._ended = sum(standing.counts.get(phase, 0) for phase in Phase.FINISHED)

    def troubled(self, trouble: str) -> None:
        """Say what the trouble is, or that it is over."""
        self._say(trouble or "the trials are heard again")

    def interrupted(self, times: int) -> None:
        """Say what Ctrl-C does."""
        self._say(interrupted_line(times, looking_on=self._looking_on))

    def finished(self, results: Results) -> None:
        """Say how the sweep ended."""
        for line, _ in closing_lines(results, self._again):
            self._say(line)

    def close(self) -> None:
        """Print nothing more."""

    def _say_waiting(self, document: dict[str, Any]) -> None:
        status = document["status"]
        if status["phase"] == Phase.PENDING and status["reason"]:
            words = waits_for(document)
            if self._told.get(status["reason"]) != words:
                self._told[status["reason"]] = words
                self._say(waiting_line(document))

    def _say(self, line: str) -> None:
        """Print a line as it is; the terminal wraps it where it is too long."""
        self._console.print(Text(printable(f"expsdk: {line}")), soft_wrap=True)
