"""The display in a notebook: one output of the cell, drawn anew twice a second while the sweep runs."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from expsdk.analysis import html
from expsdk.analysis.again import Again
from expsdk.analysis.results import Results
from expsdk.resources.experiment import Experiment
from expsdk.sweep.display.board import Board
from expsdk.sweep.display.boarded import SHARE, Boarded
from expsdk.sweep.display.card import ROWS, card, text
from expsdk.sweep.display.closing import closing_lines
from expsdk.sweep.display.words import opening_lines

if TYPE_CHECKING:
    from IPython.display import DisplayHandle

INTERVAL_S = 0.5
COLOURS = {"green": "#2e9e5b", "red": "#d0453a", "yellow": "#c98a00"}


class NotebookProgress(Boarded):
    """Draws into the output of the cell that runs the sweep; it is left as the summary of how the sweep ended."""

    def __init__(self) -> None:
        super().__init__()
        self._handle: DisplayHandle | None = None
        self._shown = ""
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._draw_on, name="expsdk-display", daemon=True)

    def started(
        self, experiment: Experiment, *, location: str, notice: str, again: Again, looking_on: bool = False
    ) -> None:
        """Make the output, and begin to draw."""
        from IPython.display import display

        self._again = again
        opening = opening_lines(experiment, location=location, notice=notice)
        self._board = Board(experiment, location=location, looking_on=looking_on, at=time.monotonic())
        first = html.page(*map(html.line, opening))
        self._handle = display(_bundle(first, "\n".join(opening)), raw=True, display_id=True)  # type: ignore[no-untyped-call]
        self._thread.start()

    def interrupted(self, times: int) -> None:
        """Show at once what the interruption does."""
        if self._board is not None:
            self._board.interrupted(times)
        self._draw()

    def finished(self, results: Results) -> None:
        """Leave the summary of how the sweep ended."""
        lines = closing_lines(results, self._again)
        pieces = [html.bar(results.counts, results.experiment.spec.trials)]
        pieces += [html.line(line, colour=COLOURS.get(style, "")) for line, style in lines[1:]]
        self._show(html.page(html.heading(lines[0][0]), *pieces), "\n".join(line for line, _ in lines))

    def close(self) -> None:
        """Draw the last picture, which stays where the sweep ends by an exception."""
        if self._closed.is_set():
            return
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join()
        self._draw(is_last=True)

    def _draw_on(self) -> None:
        wait_s = INTERVAL_S
        while not self._closed.wait(wait_s):
            began = time.monotonic()
            self._draw()
            wait_s = max(INTERVAL_S, (time.monotonic() - began) / SHARE)

    def _draw(self, *, is_last: bool = False) -> None:
        if self._board is not None:
            view = self._board.view(at=time.monotonic(), rows=ROWS)
            self._show(card(view, is_last=is_last), text(view))

    def _show(self, page: str, plain: str) -> None:
        """Put something into the output, unless it is there already."""
        with self._lock:
            if self._handle is not None and page != self._shown:
                self._shown = page
                self._handle.update(_bundle(page, plain), raw=True)  # type: ignore[no-untyped-call]


def _bundle(page: str, plain: str) -> dict[str, str]:
    return {"text/html": page, "text/plain": plain}
