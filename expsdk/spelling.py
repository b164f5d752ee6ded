"""The remedy for a name that is none of those known."""

from __future__ import annotations

from collections.abc import Iterable


def suggest(given: object, known: Iterable[str], *, otherwise: str = "write one of them", cutoff: float = 0.6) -> str:
    """Return the end of an error's message: the known name that was most likely meant, else another remedy.

    Args:
        given: What was given.
        known: The names that there are.
        otherwise: What to do where none is close.
        cutoff: How close a name must be, from 0 to 1, as `difflib.get_close_matches` has it.
    """
    from difflib import get_close_matches  # only for those who err

    close = get_close_matches(str(given), list(known), n=1, cutoff=cutoff)
    return f"did you mean {close[0]!r}?" if close else otherwise
