"""How a trial ended, as its Result says it: pure judgement of its own word, of requests to end and of exit codes."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from expsdk_runtime.contract import Phase, Reason
from expsdk_runtime.status import keep_end, timestamp

LINES = 20
_PHASES = {
    Reason.INTERRUPTED: Phase.CANCELLED,
    Reason.CANCELLED: Phase.CANCELLED,
    Reason.PRUNED: Phase.PRUNED,
}


@dataclass(frozen=True, slots=True)
class Sentence:
    """Why the coordinator had a trial's process ended."""

    reason: str
    message: str


def judge(status: dict[str, Any], exit_code: int, sentence: Sentence | None, words: str) -> dict[str, Any]:
    """Return the final status of a trial whose process has ended.

    Args:
        status: The last that the trial reported, or that was written for it before it did.
        exit_code: How its process ended, as `os.waitstatus_to_exitcode` gives it.
        sentence: Why it was ended, if it was.
        words: The end of what it printed.
    """
    final = weigh(status, sentence)
    if final["phase"] in Phase.FINISHED:
        return final
    message = f"the process ended {describe_exit(exit_code)} before the function returned"
    if words:
        message += f"; the end of its log:\n{words}"
    return ended(status, reason=Reason.CRASHED, message=message)


def weigh(status: dict[str, Any], sentence: Sentence | None) -> dict[str, Any]:
    """Return the status that follows from what a trial said and why it was ended; unfinished where neither tells.

    A process that was told to end says "preempted": it cannot know why. Any other ending of its own stands.
    """
    has_said = status["phase"] in Phase.FINISHED and status["reason"] != Reason.PREEMPTED
    if sentence is None or has_said:
        return status
    return ended(status, reason=sentence.reason, message=sentence.message)


def ended(status: dict[str, Any], *, reason: str, message: str) -> dict[str, Any]:
    """Return the status of a trial that did not say itself how it ended: as it was asked to, or failed."""
    return {
        **status,
        "phase": _PHASES.get(reason, Phase.FAILED),
        "reason": reason,
        "message": message,
        "completionTime": status.get("completionTime") or timestamp(),
    }


def is_final(status: Mapping[str, Any], *, retries: int) -> bool:
    """Whether a trial has ended, and is not likely to be tried again.

    Args:
        status: The status of its Result.
        retries: How often its sweep tries a trial again.
    """
    is_retried = status.get("reason") in Reason.INFRASTRUCTURE and status.get("attempt", 1) <= retries
    return status.get("phase") in Phase.FINISHED and not (status["phase"] == Phase.FAILED and is_retried)


def describe_exit(exit_code: int) -> str:
    """Return how a process ended, after "it ended …", from its exit code, or its signal as a negative number."""
    if exit_code >= 0:
        return f"with exit code {exit_code}"
    number = -exit_code
    name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
    description = signal.strsignal(number) or "unknown signal"
    if number == signal.SIGKILL:
        description += "; the system does this when memory runs out"
    return f"by {name} ({description})"


def last_words(text: str) -> str:
    """Return what tells most of the end of a log: its last lines, or where the crash was that Python tells of."""
    # Python's own report of a crash ends in a line with all modules that are not written in Python.
    lines = [line for line in text.splitlines() if not line.startswith("Extension modules: ")]
    crashes = [place for place, line in enumerate(lines) if line.startswith("Fatal Python error: ")]
    if not crashes:
        return keep_end("\n".join(lines[-LINES:]).strip("\n"))
    report = lines[crashes[-1] :]
    places = [place for place, line in enumerate(report) if line.startswith("Current thread ")]
    return keep_end("\n".join([report[0], *report[places[0] if places else 1 :][:LINES]]).strip("\n"))
