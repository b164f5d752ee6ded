"""What a check has found: a state, words, and a remedy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

from expsdk.errors import ExpsdkError

__all__ = ["LIMIT_S", "Finding", "State", "TooLate", "found", "within"]

_T = TypeVar("_T")

LIMIT_S = 10.0
"""How long one check may take."""


class State(str, Enum):
    """How things stand."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check has found.

    Attributes:
        check: The check's name.
        state: How things stand.
        message: What is so, in words.
        remedy: What to do about it, or "".
    """

    check: str
    state: State
    message: str
    remedy: str = ""

    @classmethod
    def of_error(cls, check: str, error: Exception) -> Finding:
        """Return the finding that an error is; expsdk's own state the rule and the value, and then the remedy."""
        message, _, remedy = str(error).partition("; ")
        return cls(check, State.FAIL, message, remedy)

    def softened(self) -> Finding:
        """Return it as a warning where it is a failure: of what the sweeps in question do not need."""
        return replace(self, state=State.WARN) if self.state is State.FAIL else self


class TooLate(Exception):
    """A check has not ended in its time."""


def found(check: str, look: Callable[[], Finding]) -> Finding:
    """Return what a check finds within its time; an error, and no answer, are findings too."""
    try:
        return within(LIMIT_S, look)
    except (ExpsdkError, OSError) as error:
        return Finding.of_error(check, error)
    except TooLate as error:
        return Finding(check, State.FAIL, str(error), "see whether the disk, or the network behind it, answers")


def within(limit_s: float, look: Callable[[], _T]) -> _T:
    """Return what a function returns; raises what it raises.

    Raises:
        TooLate: It takes longer than `limit_s` seconds; it is left alone, and ends with the process.
    """
    outcome: SimpleQueue[tuple[_T] | BaseException] = SimpleQueue()

    def run() -> None:
        try:
            outcome.put((look(),))
        except BaseException as error:  # it is raised again below
            outcome.put(error)

    Thread(target=run, daemon=True).start()
    try:
        ended = outcome.get(timeout=limit_s)
    except Empty:
        raise TooLate(f"a check takes seconds, and this one had not ended after {limit_s:g} s") from None
    if isinstance(ended, BaseException):
        raise ended
    return ended[0]
