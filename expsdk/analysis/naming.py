"""Names of what trials' rows have, as people write them: `lr` is `parameters.lr`, where no fact is called so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from expsdk.errors import ResultsError
from expsdk.spelling import suggest

__all__ = ["GROUPS", "find_name", "names_of"]

GROUPS = ("parameters", "metrics", "constraints", "provenance")
"""The first words of names such as `parameters.lr`, in the order in which `lr` alone is looked for."""


def names_of(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return all names that any of the rows has, in the order in which they come."""
    return list(dict.fromkeys(name for row in rows for name in row))


def find_name(given: str, names: Sequence[str], *, hint: str = "") -> str:
    """Return the full name that was meant.

    Args:
        given: What was written.
        names: The names that there are.
        hint: What else may be wrong, for the error's message.

    Raises:
        ResultsError: No row has anything of that name.
    """
    known = set(names)
    for full in (given, *(f"{group}.{given}" for group in GROUPS)):
        if full in known:
            return full
    short = list(dict.fromkeys(_short(name) for name in names))
    remedy = suggest(given, [*short, *names], otherwise=f"there are {', '.join(short)}")
    raise ResultsError(f"a name is one that the rows have, not {given!r}; {remedy}{hint}")


def _short(name: str) -> str:
    """Return a name without its group's."""
    group, dot, rest = name.partition(".")
    return rest if dot and group in GROUPS else name
