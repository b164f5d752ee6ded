"""What an exception means for a trial: its reason in one word, its traceback from the user's own first line."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from types import TracebackType

from expsdk_runtime.contract import ExitCode, Reason


class NotReady(Exception):
    """What a trial needs before its function can be called is not there.

    Attributes:
        reason: One of `contract.Reason`; the message is the error's own.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def reason_of(error: BaseException) -> str:
    """Return the reason a trial failed with `error`."""
    if isinstance(error, NotReady):
        return error.reason
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return Reason.OUT_OF_MEMORY
    return Reason.USER_ERROR


def exit_code_of(reason: str) -> int:
    """Return the exit code of a process whose trial failed for `reason`."""
    return {
        Reason.OUT_OF_MEMORY: ExitCode.OUT_OF_MEMORY,
        Reason.NO_OBJECTIVE: ExitCode.NO_OBJECTIVE,
        Reason.PREEMPTED: ExitCode.PREEMPTED,
        Reason.PAYLOAD_INVALID: ExitCode.PAYLOAD_INVALID,
        Reason.PYTHON_MISMATCH: ExitCode.PYTHON_MISMATCH,
        Reason.PACKAGES_FAILED: ExitCode.PACKAGES_FAILED,
    }.get(reason, ExitCode.USER_ERROR)


def status_of(error: SystemExit) -> int:
    """Return the status that a process ends with when `error` ends it."""
    if error.code is None or isinstance(error.code, int):
        return error.code or 0
    return 1  # anything else is a message


def describe(error: BaseException, *, project_dir: str | None = None) -> str:
    """Return the traceback of `error` without this package's own frames, and a remedy where one is known.

    Args:
        error: What ended the user's function.
        project_dir: Where the payload's copy of the user's project lies, to recognise files it lacks.
    """
    if isinstance(error, NotReady):
        return str(error)
    if reason_of(error) == Reason.OUT_OF_MEMORY:
        _forget_variables(error.__traceback__)
    import traceback

    try:
        text = "".join(traceback.format_exception(type(error), error, _from_user(error.__traceback__))).rstrip()
    except Exception as another:  # the exception is the user's, and may be broken itself
        text = f"{type(error).__name__} (it cannot be shown: its own code raises {type(another).__name__})"
    return text + _remedy(error, project_dir)


def _from_user(frames: TracebackType | None) -> TracebackType | None:
    """Return the traceback from the first frame that is not of expsdk, either half, or of the import system."""
    first = frames
    while first is not None:
        module = str(first.tb_frame.f_globals.get("__name__"))
        if module.partition(".")[0] not in {"expsdk", "expsdk_runtime", "importlib"}:
            return first
        first = first.tb_next
    return frames


def _forget_variables(frames: TracebackType | None) -> None:
    """Free what the frames of a traceback hold: there may be no memory left to write it."""
    while frames is not None:
        with suppress(RuntimeError):  # a frame that is still running
            frames.tb_frame.clear()
        frames = frames.tb_next


def _remedy(error: BaseException, project_dir: str | None) -> str:
    if isinstance(error, FileNotFoundError) and project_dir and isinstance(error.filename, str):
        missing = _absolute(error.filename)
        if missing.startswith(project_dir + os.sep):
            relative = os.path.relpath(missing, project_dir)
            return f"\n(the payload has no {relative!r}: let it travel with @experiment(include=[{relative!r}]))"
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"\n(module {error.name!r} is neither in the payload nor installed for {sys.executable})"
    if isinstance(error, SystemExit) and status_of(error):
        return "\n(sys.exit with anything but 0 fails a trial)"
    return ""


def _absolute(path: str) -> str:
    try:
        return os.path.abspath(path)
    except OSError:  # the working directory is gone
        return path
