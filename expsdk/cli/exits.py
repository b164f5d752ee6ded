"""The exit codes of the command `expsdk`, for scripts.

0: done, and what was asked about is well. 1: it could not be done, and the line on standard error says why. 2: a wrong
command line. 3: done, and what was asked about is not well: the sweep or the trial has failed, was cancelled or
interrupted, or no trial is the best. 130: after Ctrl-C.
"""

from __future__ import annotations

from expsdk_runtime.contract import Phase

__all__ = ["CANNOT", "INTERRUPTED", "NOT_WELL", "exit_code_of"]

CANNOT = 1
NOT_WELL = 3
INTERRUPTED = 130


def exit_code_of(phase: str) -> int:
    """Return the exit code that tells how a sweep or a trial is: those that wait or run are well."""
    return 0 if phase in (Phase.PENDING, Phase.RUNNING, Phase.SUCCEEDED, Phase.PRUNED) else NOT_WELL
