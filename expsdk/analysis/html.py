"""Pieces of HTML for notebooks: escaped, with inline styles alone, readable on light and dark pages.

Notebooks take style sheets away from pages that are not trusted, and one page may be light where another is dark: what
is written has the page's own colour, lines are half transparent, and only bars and curves have colours of their own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from expsdk_runtime.contract import Phase

PHASE_COLOURS = {
    Phase.SUCCEEDED: "#2e9e5b",
    Phase.RUNNING: "#2a7fd4",
    Phase.PRUNED: "#e69f00",
    Phase.FAILED: "#d0453a",
    Phase.CANCELLED: "#8c6bb1",
    Phase.PENDING: "#9a9a9a",
}
_FONT = "font-family:system-ui,sans-serif;font-size:13px;line-height:1.45"
_LINE = "1px solid rgba(128,128,128,.35)"
_CELL = "padding:2px 10px 2px 0;text-align:left;vertical-align:top;white-space:nowrap"


def page(*parts: str) -> str:
    """Return parts below each other."""
    return f'<div style="{_FONT}">{"".join(part for part in parts if part)}</div>'


def heading(text: str, more: str = "") -> str:
    """Return a line in bold, with more in plain beside it."""
    return f"<div><b>{escape(text)}</b>{f' {escape(more)}' if more else ''}</div>"


def line(text: str, *, dim: bool = False, colour: str = "") -> str:
    """Return a line."""
    style = ";".join(filter(None, ("opacity:.7" if dim else "", f"color:{colour}" if colour else "")))
    return f'<div style="{style}">{escape(text)}</div>' if style else f"<div>{escape(text)}</div>"


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, is_html: frozenset[int] = frozenset()) -> str:
    """Return a table.

    Args:
        header: The names of the columns.
        rows: The cells of each row.
        is_html: The columns whose cells are HTML already; all others are escaped.
    """
    head = "".join(f'<th style="{_CELL};border-bottom:{_LINE}">{escape(cell)}</th>' for cell in header)
    body = "".join(
        "<tr>"
        + "".join(
            f'<td style="{_CELL}">{cell if place in is_html else escape(cell)}</td>' for place, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    return (
        f'<table style="border-collapse:collapse;margin:6px 0;{_FONT}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )


def bar(counts: Mapping[str, int], total: int | None) -> str:
    """Return a bar of what stands in which phase, out of `total` trials, with its legend; none for no trials."""
    whole = max(sum(counts.values()), total or 0)
    if not whole:
        return ""
    parts = "".join(
        f'<span style="display:inline-block;height:8px;width:{100 * count / whole:.2f}%;'
        f'background:{PHASE_COLOURS[phase]}" title="{count} {phase.lower()}"></span>'
        for phase in PHASE_COLOURS
        if (count := counts.get(phase, 0))
    )
    legend = "".join(
        f'<span style="margin-right:14px"><span style="color:{PHASE_COLOURS[phase]}">■</span> {count}'
        f" {phase.lower()}</span>"
        for phase in PHASE_COLOURS
        if (count := counts.get(phase, 0))
    )
    frame = (
        "width:360px;max-width:100%;background:rgba(128,128,128,.22);border-radius:3px;overflow:hidden;line-height:0"
    )
    return f'<div style="{frame};margin:4px 0">{parts}</div><div>{legend}</div>'


def curve(values: Sequence[float], *, width: int = 120, height: int = 22) -> str:
    """Return values from left to right as a small SVG; "" where there are not two numbers among them."""
    points = [(place, value) for place, value in enumerate(values) if math.isfinite(value)]
    if len(points) < 2:
        return ""
    low, high = (pick(value for _, value in points) for pick in (min, max))
    if low > 0 and high / low > 100:  # as the terminal's curves
        points, low, high = [(place, math.log(value)) for place, value in points], math.log(low), math.log(high)
    across, span = (width - 4) / max(1, len(values) - 1), (high / 2 - low / 2) or 1.0  # the difference may overflow
    path = " ".join(
        f"{2 + place * across:.1f},{height - 2 - (value / 2 - low / 2) / span * (height - 4):.1f}"
        for place, value in points
    )
    x, y = path.rsplit(" ", 1)[-1].split(",")
    return (
        f'<svg width="{width}" height="{height}" viewBox="0 0 {width} {height}" style="vertical-align:middle">'
        f'<polyline points="{path}" fill="none" stroke="#2a7fd4" stroke-width="1.5"/>'
        f'<circle cx="{x}" cy="{y}" r="2" fill="#2a7fd4"/></svg>'
    )


def fold(summary: str, content: str) -> str:
    """Return content that shows when its summary is clicked."""
    return f"<details><summary>{escape(summary)}</summary>{content}</details>"


def preformatted(text: str) -> str:
    """Return text of several lines as it is."""
    style = f"white-space:pre-wrap;margin:4px 0;padding:6px;border:{_LINE};background:transparent;color:inherit"
    return f'<pre style="{style}">{escape(text)}</pre>'
