"""Trials as a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from expsdk.resources.result import format_value
from expsdk_runtime.contract import Phase

if TYPE_CHECKING:
    from expsdk.analysis.trial import TrialRecord

CELL_LIMIT_CHARS = 32


def text_table(trials: Sequence[TrialRecord]) -> list[str]:
    """Return the lines of a table with a row for each trial; none for no trials."""
    header, *rows = cells(trials)
    if not rows:
        return []
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [header, *rows]
    ]


def cells(trials: Sequence[TrialRecord]) -> list[list[str]]:
    """Return the header and the rows: number, phase, objectives, parameters, then what few trials have.

    The experiment's name is not repeated, nor is a phase that all share with the best: width is scarce.
    """
    objectives = list(dict.fromkeys(name for trial in trials for name in trial.values))
    parameters = list(dict.fromkeys(name for trial in trials for name in trial.parameters))
    phase = [] if all(trial.phase == Phase.SUCCEEDED for trial in trials) else ["phase"]
    extras = [name for name in _EXTRAS if any(_EXTRAS[name](trial) for trial in trials)]
    rows = [["trial", *phase, *objectives, *parameters, *extras]]
    for trial in trials:
        values = [f"{trial.values[name]:.6g}" if name in trial.values else "" for name in objectives]
        sample = [
            _cell(format_value(trial.parameters[name])) if name in trial.parameters else "" for name in parameters
        ]
        more = [_EXTRAS[name](trial) for name in extras]
        rows.append([_number(trial.name), *([trial.state] if phase else []), *values, *sample, *more])
    return rows


def _number(name: str) -> str:
    return name.rpartition("-")[2]


def _feasible(trial: TrialRecord) -> str:
    return ("yes" if trial.is_feasible else "no") if trial.constraints else ""


_EXTRAS: dict[str, Callable[[TrialRecord], str]] = {
    "feasible": _feasible,
    "parent": lambda trial: _number(trial.parent),
    "reused from": lambda trial: _cell(trial.reused_from),
}


def _cell(text: str) -> str:
    return text if len(text) <= CELL_LIMIT_CHARS else text[: CELL_LIMIT_CHARS - 1] + "…"
