"""A trial under Python's debugger: quitting it interrupts the trial, and a failure can be looked at where it was."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from typing import Any

Examine = Callable[[Exception], object]


def debugged(function: Callable[..., object], *, examine: Examine | None = None) -> Callable[..., object]:
    """Return the function such that quitting its debugger interrupts the trial.

    Args:
        function: The user's function; it may be a generator.
        examine: Called with what it raises, before that is raised on.
    """

    def run(**parameters: Any) -> Generator[object, None, object]:
        from bdb import BdbQuit

        try:
            returned = function(**parameters)
            return (yield from returned) if isinstance(returned, Generator) else returned
        except BdbQuit:
            raise KeyboardInterrupt from None
        except Exception as error:
            if examine is not None:
                examine(error)
            raise

    return run


def stepping(function: Callable[..., object]) -> Callable[..., object]:
    """Return the function such that pdb stops at its first line, as `pdb.runcall` does; it may be a generator."""

    def run(**parameters: Any) -> Generator[object, None, object]:
        import pdb

        debugger = pdb.Pdb()
        debugger.reset()
        try:
            # What is traced begins with the next call, which is the function's, or its generator's first step.
            epochs = function(**parameters) if _is_generator(function) else None
            sys.settrace(debugger.trace_dispatch)
            if epochs is None:
                return function(**parameters)
            return (yield from epochs)  # type: ignore[misc]
        finally:
            sys.settrace(None)

    return run


def _is_generator(function: Any) -> bool:
    """Whether calling a function runs nothing of it yet."""
    flags = getattr(getattr(function, "__code__", None), "co_flags", 0)
    return bool(flags & 0x20)  # inspect.CO_GENERATOR; inspect itself is slow to import


def examine(error: Exception, *, is_users: Callable[[str], bool] | None = None) -> bool:
    """Start pdb where a trial failed; return whether it was quit, and not left by `continue`.

    Args:
        error: What the function raised.
        is_users: Whether a file is of the user's; the debugger goes up to the last line in such a one. Without it, it
            stays where the error was raised.
    """
    import pdb

    print(f"expsdk: {type(error).__name__}: {error}", file=sys.stderr)
    debugger = pdb.Pdb()
    debugger.reset()
    up = _steps_up(error, is_users) if is_users else 0
    if up:
        debugger.cmdqueue.append(f"up {up}")
    debugger.interaction(None, error.__traceback__)
    return bool(debugger.quitting)


def _steps_up(error: Exception, is_users: Callable[[str], bool]) -> int:
    """Return how many frames lie below the last one of the user's; 0 where there is none."""
    files = []
    frames = error.__traceback__
    while frames is not None:
        files.append(frames.tb_frame.f_code.co_filename)
        frames = frames.tb_next
    return next((steps for steps, file in enumerate(reversed(files)) if is_users(file)), 0)
