"""A trial's log as it grows: the last lines of it, as text that a page can show."""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from collections.abc import Generator
from itertools import islice

from expsdk.backends.base import Records
from expsdk.dashboard.live import Live
from expsdk.dashboard.watching import READING_ERRORS, in_words

KEPT_LINES = 2000
LINE_LIMIT_CHARS = 2000
_TURN_S = 0.5
_AGAIN_S = 2.0
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_])")
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class LogWatch(Live):
    """The end of one trial's log; what comes before the last lines is counted only.

    The lines are read by a thread of their own, since a log that is followed says nothing while nothing is printed. It
    ends with the log, or with the first line that nobody wants any more.
    """

    def __init__(self, records: Records, trial: str, *, previous: bool = False) -> None:
        """Read nothing yet.

        Args:
            records: What is kept.
            trial: The trial's name.
            previous: Whether to read the attempt before the last.
        """
        super().__init__()
        self._records = records
        self._trial = trial
        self._is_previous = previous
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._count = 0
        self._trouble = ""
        self.has_ended = False

    def look(self, after: int) -> tuple[list[str], int, str]:
        """Return the kept lines after the first `after` ones, how many there are in all, and any trouble."""
        with self._changed:
            new = min(self._count - after, len(self._lines))
            return list(islice(self._lines, len(self._lines) - new, None)), self._count, self._trouble

    def turns(self) -> Generator[None, None, None]:
        """Follow the log; see `Live`."""
        reader = threading.Thread(target=self._read, name=f"expsdk-dashboard-log-{self._trial}", daemon=True)
        reader.start()
        while True:
            reader.join(_TURN_S)
            yield
            if not reader.is_alive():
                time.sleep(_TURN_S)

    def _read(self) -> None:
        while not (self.is_over or self.has_ended):
            trouble = self._try_to_read()
            if trouble and trouble != self._trouble:
                self._trouble = trouble
                self.tell()
            if trouble:  # it may not have begun yet
                time.sleep(_AGAIN_S)

    def _try_to_read(self) -> str:
        """Read the log to its end; return what kept that from being done, or ""."""
        try:
            self._read_to_the_end()
        except READING_ERRORS as error:
            return in_words(error)
        return ""

    def _read_to_the_end(self) -> None:
        lines = self._records.logs(self._trial, follow=not self._is_previous, previous=self._is_previous)
        known = self._count  # where the way to the log broke off, it comes once more from its beginning
        for number, line in enumerate(lines):
            if self.is_over:
                return
            if number < known:
                continue
            with self._changed:
                self._lines.append(as_shown(line))
                self._count += 1
                self._trouble = ""
            self.tell()
        self.has_ended = True
        self.tell()


def as_shown(line: str) -> str:
    """Return a line as a terminal would show it: without colours, and of what overwrites itself the last."""
    text = _ESCAPES.sub("", line.rstrip("\r\n")).rpartition("\r")[2]
    text = _UNSEEN.sub("", text)
    return text if len(text) <= LINE_LIMIT_CHARS else text[: LINE_LIMIT_CHARS - 1] + "…"
