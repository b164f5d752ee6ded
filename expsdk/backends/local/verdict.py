"""How a process ended, as its Result says it: pure judgement of exit statuses, signals and requests to end."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from typing import Any

from expsdk_runtime.contract import Phase, Reason
from expsdk_runtime.status import timestamp


@dataclass(frozen=True, slots=True)
class Sentence:
    """Why the coordinator had a trial's process ended."""

    reason: str
    message: str


def judge(status: dict[str, Any], wait_status: int, sentence: Sentence | None, last_lines: str) -> dict[str, Any]:
    """Return a trial's final status.

    Args:
        status: The last that the trial reported, or that was written for it before it did.
        wait_status: How its process ended, as `os.waitpid` gives it.
        sentence: Why it was ended, if it was.
        last_lines: The end of what it printed.
    """
    # A process that was told to end says "preempted": it cannot know why. Any other ending of its own stands.
    has_said = status["phase"] in Phase.FINISHED and status["reason"] != Reason.PREEMPTED
    if sentence is not None and not has_said:
        phase = Phase.CANCELLED if sentence.reason == Reason.INTERRUPTED else Phase.FAILED
        return ended(status, phase=phase, reason=sentence.reason, message=sentence.message)
    if status["phase"] in Phase.FINISHED:
        return status
    reason, message = describe_exit(os.waitstatus_to_exitcode(wait_status))
    if last_lines:
        message += f"; the end of its log:\n{last_lines}"
    return ended(status, phase=Phase.FAILED, reason=reason, message=message)


def ended(status: dict[str, Any], *, phase: str, reason: str, message: str) -> dict[str, Any]:
    """Return the status of a trial that did not say itself how it ended."""
    return {
        **status,
        "phase": phase,
        "reason": reason,
        "message": message,
        "completionTime": status.get("completionTime") or timestamp(),
    }


def describe_exit(code: int) -> tuple[str, str]:
    """Return reason and message for a process that ended by itself, as `subprocess` gives its exit code."""
    if code >= 0:
        return Reason.CRASHED, f"the process ended with exit code {code} before the function returned"
    number = -code
    name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
    said = signal.strsignal(number) or "unknown signal"
    message = f"the process was ended by {name} ({said})"
    if number == signal.SIGKILL:
        message += ", as the system does when memory runs out"
    return Reason.CRASHED, message
