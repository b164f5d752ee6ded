"""A terminal with a picture at its end: lines go above it, it is drawn anew in one piece, and sizes may change.

rich's Live erases line by line before it draws, and counts on the width that it drew with; this neither flickers nor
leaves pieces behind when the terminal is made narrower. Between two pictures nothing is changed about the terminal: the
cursor is there and stands below the picture, so that whatever ends the process leaves a terminal that works. Only what
a narrower terminal breaks into more rows than it has stays behind, in what can be scrolled back to.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TextIO

# Output is synchronised where the terminal knows how (https://contour-terminal.org/vt-extensions/synchronized-output/)
# and the cursor is hidden. Where a terminal cuts lines when it is made narrower, it is to cut those that it finds wider
# than we do; one that breaks them has to do so always, since it may tell of its new size a moment late.
_BEGIN, _END = "\x1b[?2026h\x1b[?25l", "\x1b[?25h\x1b[?2026l"
_CUT, _BREAK = "\x1b[?7l", "\x1b[?7h"
_ERASE_LINE, _ERASE_BELOW, _PLAIN = "\x1b[K", "\x1b[J", "\x1b[0m"


class Screen:
    """What is drawn on one terminal.

    Attributes:
        is_gone: Whether the terminal is there no more; then nothing is written.
    """

    def __init__(self, stream: TextIO, environment: Mapping[str, str]) -> None:
        """Take a stream that is a terminal."""
        self.is_gone = False
        self._stream = stream
        self._reflows = reflows(environment)
        self._begin, self._end = (_BEGIN, _END) if self._reflows else (_BEGIN + _CUT, _BREAK + _END)
        self._drawn: list[int] = []  # the cells of each line
        self._text: list[str] = []

    def size(self) -> tuple[int, int]:
        """Return how many cells a line has and how many lines there are, at this moment.

        The terminal's own word counts before COLUMNS and LINES, which do not change with it.
        """
        with suppress(OSError, ValueError):
            size = os.get_terminal_size(self._stream.fileno())
            if size.columns > 0 and size.lines > 0:
                return size.columns, size.lines
        return shutil.get_terminal_size()

    def is_in_background(self) -> bool:
        """Whether another job of the shell has the terminal now, which nothing should be drawn over."""
        try:
            return os.tcgetpgrp(self._stream.fileno()) != os.getpgrp()
        except (OSError, ValueError, AttributeError):  # it is not this session's terminal
            return False

    def draw(self, lines: Sequence[str], cells: Sequence[int]) -> None:
        """Draw a picture where the former one was.

        Args:
            lines: Its lines, with their colours.
            cells: How many cells each of them has.
        """
        body = "".join(f"{line}{_ERASE_LINE}\n" for line in lines)
        self._write(f"{self._begin}{self._to_top()}{body}{_ERASE_BELOW}{self._end}")
        self._drawn, self._text = list(cells), list(lines)

    def say(self, text: str) -> None:
        """Write whole lines above the picture."""
        if text and not text.endswith("\n"):
            text += "\n"
        picture = "".join(f"{line}{_ERASE_LINE}\n" for line in self._text)
        above = f"{self._blank()}{text}{_PLAIN}"
        self._write(f"{above}{self._begin}{picture}{self._end}" if picture else above)

    def erase(self) -> None:
        """Take the picture away."""
        self._write(self._blank())
        self.forget()

    def forget(self) -> None:
        """Leave the picture where it is: the next one is drawn below whatever the terminal shows by then."""
        self._drawn, self._text = [], []

    def _to_top(self) -> str:
        """Return what moves the cursor to the beginning of the picture, as the terminal shows it now."""
        rows = self._rows()
        return f"\r\x1b[{rows}A" if rows else "\r"

    def _blank(self) -> str:
        """Return what erases the picture and moves the cursor to where it began.

        Line by line: of a screen that is erased at once from its first line on, tmux keeps a copy to scroll back to.
        """
        rows = self._rows()
        # The cursor's own line, too: keys that were pressed have left their marks there.
        return f"{self._to_top()}{f'{_ERASE_LINE}{chr(10)}' * rows}{_ERASE_LINE}{self._to_top()}" if rows else ""

    def _rows(self) -> int:
        """Return how many rows of the terminal, as wide as it is now, the picture takes up."""
        width, height = self.size()
        rows = sum(max(1, -(-cells // width)) for cells in self._drawn) if self._reflows else len(self._drawn)
        return max(0, min(rows, height - 1))

    def _write(self, text: str) -> None:
        if self.is_gone:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):  # hung up, or closed
            self.is_gone = True


def reflows(environment: Mapping[str, str]) -> bool:
    """Return whether the terminal breaks lines anew when it is made narrower, rather than cut them.

    Nearly all do: VTE's, kitty, Konsole, iTerm, Windows Terminal, tmux. xterm, screen and Linux' console do not.
    """
    if "TMUX" in environment:
        return True
    term = environment.get("TERM", "")
    return not (environment.get("XTERM_VERSION") or term == "linux" or term.startswith("screen"))
