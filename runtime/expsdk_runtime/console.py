"""Words for people, on standard error: the user's code may have closed it, replaced it or filled its disk."""

from __future__ import annotations

import sys


def say(message: str) -> None:
    """Print a message to standard error, or to the process's own where that fails; never raises."""
    for stream in (sys.stderr, sys.__stderr__):
        if stream is not None:
            try:
                print(message, file=stream, flush=True)
            except Exception:  # the stream may be the user's own
                continue
            return
