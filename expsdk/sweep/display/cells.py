"""Text in the cells of a terminal: cut, padded and wrapped by what it takes there, not by its characters."""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len, set_cell_size

from expsdk.resources.words import printable


def cut(text: str, width: int, *, ellipsis: str = "…") -> str:
    """Return the text in at most so many cells, without anything that moves the cursor."""
    shown = printable(text)
    if cell_len(shown) <= width:
        return shown
    room = width - cell_len(ellipsis)
    return set_cell_size(shown, room).rstrip() + ellipsis if room > 0 else set_cell_size(shown, max(0, width))


def padded(text: str, width: int, *, ellipsis: str = "…") -> str:
    """Return the text in exactly so many cells."""
    return set_cell_size(cut(text, width, ellipsis=ellipsis), width)


def wrapped(words: Iterable[str], width: int, limit: int, *, ellipsis: str = "…") -> list[str]:
    """Return words in lines of at most so many cells, at most `limit` lines; what has no room is counted."""
    lines: list[str] = []
    given = [cut(word, width, ellipsis=ellipsis) for word in words]
    placed = 0
    for place, word in enumerate(given):
        line = f"{lines[-1]} {word}" if lines else word
        if lines and cell_len(line) <= width:
            lines[-1] = line
        elif len(lines) < limit:
            lines.append(word)
        else:
            break
        placed = place + 1
    if placed < len(given) and lines:
        more = f" {ellipsis} {len(given) - placed} more"
        lines[-1] = cut(cut(lines[-1], max(0, width - cell_len(more)), ellipsis=ellipsis) + more, width)
    return lines
