"""The live display: a thread that draws what the board knows, a few times in a second."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Sequence
from types import FrameType
from typing import Any, TextIO

from rich.console import Console
from rich.text import Text

from expsdk.analysis.again import Again
from expsdk.analysis.results import Results
from expsdk.resources.experiment import Experiment
from expsdk.resources.words import printable
from expsdk.sweep.display.board import Board
from expsdk.sweep.display.boarded import SHARE, Boarded
from expsdk.sweep.display.closing import closing_lines
from expsdk.sweep.display.glyphs import glyphs_for
from expsdk.sweep.display.picture import draw
from expsdk.sweep.display.screen import Screen
from expsdk.sweep.display.streams import LIMIT_CHARS, Diversion
from expsdk.sweep.display.words import opening_lines

INTERVAL_S = 0.2
APART_S = 0.05
"""How long what is printed may wait, so that many lines are written at once."""
WHOLE_EVERY_S = 1.0
"""How often a picture is drawn that has not changed: a key that is pressed leaves its mark on the terminal."""
CELLS_PER_BLOCK = 50
ROOM_FROM_LINES = 30
ROOM = 1 / 8
"""How much of a high terminal is left to what is printed."""


class LiveProgress(Boarded):
    """Draws a picture at the end of a terminal; what is printed meanwhile goes above it."""

    def __init__(self, stream: TextIO) -> None:
        """Draw on a stream that is a terminal."""
        super().__init__()
        self._screen = Screen(stream, os.environ)
        self._glyphs = glyphs_for(getattr(stream, "encoding", None))
        self._console = Console(file=stream, legacy_windows=False, highlight=False)  # it renders; the screen writes
        self._diversion = Diversion(stream, self._print)
        self._printed: list[str] = []
        self._printed_chars = 0
        self._drawn: tuple[tuple[int, int], list[str]] | None = None
        self._drawn_at = 0.0
        self._lock = threading.RLock()
        self._wake, self._closed = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._draw_on, name="expsdk-display", daemon=True)
        self._former: Any = None

    def started(
        self, experiment: Experiment, *, location: str, notice: str, again: Again, looking_on: bool = False
    ) -> None:
        """Say what starts, and begin to draw."""
        self._again = again
        for line in opening_lines(experiment, location=location, notice=notice):
            self._say(line, "")
        self._board = Board(experiment, location=location, looking_on=looking_on, at=time.monotonic())
        self._diversion.begin()
        if threading.current_thread() is threading.main_thread():
            self._former = signal.signal(signal.SIGCONT, self._continued)
        self._thread.start()

    def interrupted(self, times: int) -> None:
        """Show what Ctrl-C does."""
        if self._board is not None:
            self._board.interrupted(times)

    def finished(self, results: Results) -> None:
        """Say how the sweep ended."""
        for line, style in closing_lines(results, self._again):
            self._say(line, style)

    def close(self) -> None:
        """Take the picture away; what is printed goes its own way again."""
        if self._closed.is_set():
            return
        self._closed.set()
        self._wake.set()
        try:
            if self._thread.is_alive():
                self._thread.join()
        finally:
            rest = self._diversion.end()
            with self._lock:
                self._show_printed()
                self._screen.erase()
                if rest:
                    self._screen.say(rest)
            if self._former is not None:
                signal.signal(signal.SIGCONT, self._former)

    def _draw_on(self) -> None:
        next_at = 0.0
        while not self._closed.is_set():
            self._wake.wait(max(0.0, next_at - time.monotonic()))
            self._wake.clear()
            with self._lock:
                self._show_printed()
                began = time.monotonic()
                if began >= next_at and not self._closed.is_set():
                    self._draw(began)
                    took_s = time.monotonic() - began
                    next_at = began + max(INTERVAL_S, took_s / SHARE)
            self._closed.wait(APART_S)

    def _draw(self, at: float) -> None:
        """Draw a picture, unless it is the same as the one that is there."""
        if self._board is None:
            return
        if self._screen.is_in_background():
            self._screen.forget()
            return
        width, height = self._screen.size()
        view = self._board.view(at=at, rows=height * max(1, width // CELLS_PER_BLOCK))
        # The last cell of a line stays free, since terminals differ in where the cursor is after it; the last line is
        # the cursor's.
        left = int(height * ROOM) if height >= ROOM_FROM_LINES else 0
        lines = draw(view, width=width - 1, height=height - 1 - left, glyphs=self._glyphs)
        picture = ((width, height), self._rendered(lines))
        if picture != self._drawn or at - self._drawn_at >= WHOLE_EVERY_S:
            self._drawn, self._drawn_at = picture, at
            self._screen.draw(picture[1], [line.cell_len for line in lines])

    def _rendered(self, lines: Sequence[Text]) -> list[str]:
        """Return lines with their colours, as this terminal has them."""
        with self._console.capture() as capture:
            for line in lines:
                self._console.print(line, soft_wrap=True)
        return capture.get().split("\n")[: len(lines)]

    def _print(self, text: str) -> None:
        """Take in what the program prints; many lines are shown at once, and no more wait than fit into memory."""
        with self._lock:
            self._printed.append(text)
            self._printed_chars += len(text)
            if self._printed_chars > LIMIT_CHARS or self._closed.is_set():
                self._show_printed()
        self._wake.set()

    def _show_printed(self) -> None:
        if self._printed:
            text = "".join(self._printed)
            self._printed.clear()
            self._printed_chars = 0
            self._screen.say(text)

    def _say(self, line: str, style: str) -> None:
        self._screen.say(self._rendered([Text(printable(f"expsdk: {line}"), style=style)])[0])

    def _continued(self, signum: int, frame: FrameType | None) -> None:
        """Begin a new picture where the shell has left the cursor: after Ctrl-Z and `fg`."""
        self._screen.forget()
        if callable(self._former):
            self._former(signum, frame)
