"""The picture of a running sweep for notebooks: a view as HTML, and in lines for pages that show text alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from expsdk.analysis import html
from expsdk.resources.result import format_value
from expsdk.sweep.display.groups import Group
from expsdk.sweep.display.row import Row
from expsdk.sweep.display.view import View
from expsdk.sweep.display.words import as_duration
from expsdk_runtime.contract import Phase, decode_number

ROWS = 8
CELL_LIMIT_CHARS = 40
STOP = "■ (interrupt)"
LAST = "as it was when this cell ended"


def card(view: View, *, is_last: bool = False) -> str:
    """Return a moment of a sweep in HTML; the last one before nobody looks on any more says so."""
    counts = {**view.counts, Phase.RUNNING: view.running, Phase.PENDING: view.waiting}
    aims = ", ".join(f"{metric} ({direction})" for metric, direction in view.objectives)
    return html.page(
        html.heading(view.name, f"{view.how}; {aims}"),
        html.bar(counts, view.total),
        html.line(_progress(view)),
        html.line(view.alarm, colour=html.PHASE_COLOURS[Phase.FAILED]) if view.alarm else "",
        _rows("best", view.best[:3], view.objectives),
        _rows("running", view.trials[:ROWS], view.objectives, more=view.running - len(view.trials[:ROWS])),
        _groups("waiting", view.waits),
        _groups("failed", view.failures),
        html.line(in_notebook_words(view.heard), colour=html.PHASE_COLOURS[Phase.PRUNED]) if view.heard else "",
        "" if view.heard else html.line(LAST if is_last else in_notebook_words(view.hint), dim=True),
    )


def text(view: View) -> str:
    """Return the same in one line."""
    counts = ", ".join(f"{count} {phase.lower()}" for phase, count in view.counts.items())
    parts = [f"{view.name}: {_progress(view)}", counts, f"{view.running} running", f"{view.waiting} waiting"]
    return "; ".join(part for part in parts if part)


def in_notebook_words(words: str) -> str:
    """Return what is said of Ctrl-C with what a notebook has in its stead."""
    return words.replace("Ctrl-C", STOP)


def _progress(view: View) -> str:
    parts = [
        f"{view.done} of {view.total} done" if view.total else f"{view.done} done",
        f"{as_duration(view.spent_s)} spent",
        "" if view.left_s is None else f"about {as_duration(view.left_s)} left",
        "" if view.per_minute is None else f"{view.per_minute:.3g} trials a minute",
        view.limits,
    ]
    return " · ".join(part for part in parts if part)


def _rows(title: str, rows: Sequence[Row], objectives: Sequence[tuple[str, str]], *, more: int = 0) -> str:
    """Return trials in a table; "" where there are none."""
    if not rows:
        return ""
    metrics = [metric for metric, _ in objectives]
    header = [title, "epoch", *metrics, f"{metrics[0]} by epoch", "took", "parameters"]
    body = [
        [
            row.label,
            "" if row.epoch is None else str(row.epoch),
            *("" if value is None else f"{value:.6g}" for value in row.values),
            html.curve([decode_number(value) for value in row.curve]),
            as_duration(row.seconds),
            _sample(row.parameters),
        ]
        for row in rows
    ]
    table = html.table(header, body, is_html=frozenset({2 + len(metrics)}))
    return table + (html.line(f"and {more} more", dim=True) if more > 0 else "")


def _groups(title: str, groups: Sequence[Group]) -> str:
    """Return what several trials wait for, or how they failed; "" where none does."""
    rows = [[str(group.count), group.words, " ".join(group.labels)] for group in groups[:ROWS]]
    return html.table([title, "", "trials"], rows) if rows else ""


def _sample(parameters: Mapping[str, object]) -> str:
    words = (f"{name}={_cut(format_value(value))}" for name, value in parameters.items())
    return " ".join(words)


def _cut(word: str) -> str:
    return word if len(word) <= CELL_LIMIT_CHARS else word[: CELL_LIMIT_CHARS - 1] + "…"
