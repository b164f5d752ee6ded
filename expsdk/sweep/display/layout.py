"""How the room of a terminal is shared: lines among sections, cells among columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def share_lines(room: int, wanted: Mapping[str, int], claims: Sequence[tuple[str, int]]) -> dict[str, int]:
    """Return how many lines of its own each section gets, beside one for its title.

    Args:
        room: How many lines there are.
        wanted: How many lines each section has.
        claims: Sections in the order of their turns, each with how many lines it may have by then.
    """
    given: dict[str, int] = {}
    for section, target in claims:
        had = given.get(section, 0)
        title = 1 if section not in given else 0
        more = min(target, wanted.get(section, 0)) - had
        got = min(more, room - title)
        if got > 0:
            given[section] = had + got
            room -= got + title
    return given


def share_cells(room: int, wanted: Sequence[int], least: Sequence[int]) -> list[int] | None:
    """Return widths between what columns need and what they would like, or None where there is too little room.

    Args:
        room: How many cells there are for all of them.
        wanted: How wide each column would be.
        least: How wide each has to be.
    """
    spare = room - sum(least)
    if spare < 0:
        return None
    widths = list(least)
    for place, (most, fewest) in enumerate(zip(wanted, least, strict=True)):
        more = min(spare, most - fewest)
        widths[place] += more
        spare -= more
    return widths
