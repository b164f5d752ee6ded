"""What the displays that draw pictures share: they let a board know what happens, and draw it later."""

from __future__ import annotations

import time
from typing import Any

from expsdk.analysis.again import Again
from expsdk.sweep.display.board import Board
from expsdk.sweep.observer import Standing

SHARE = 0.1
"""How much of the time may go into drawing: where a picture costs more, there are fewer."""


class Boarded:
    """Takes in what happens, from when the sweep has started; whoever derives from it draws."""

    def __init__(self) -> None:
        self._board: Board | None = None
        self._again = Again("")

    def found(self, document: dict[str, Any]) -> None:
        """Let the next picture show what a trial that had ended before has come to."""
        if self._board is not None:
            self._board.found(document)

    def launched(self, document: dict[str, Any]) -> None:
        """Let the next picture show that the trial is about to start."""
        self.changed(document, alive=True)

    def changed(self, document: dict[str, Any], *, alive: bool) -> None:
        """Let the next picture show how the trial stands."""
        if self._board is not None:
            self._board.changed(document, alive=alive)

    def refresh(self, standing: Standing) -> None:
        """Let the next picture show the counts."""
        if self._board is not None:
            self._board.refresh(standing, at=time.monotonic())

    def troubled(self, trouble: str) -> None:
        """Show the trouble until it is over."""
        if self._board is not None:
            self._board.troubled(trouble)
