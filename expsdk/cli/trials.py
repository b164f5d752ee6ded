"""Trials as verbs print them: a table with columns for objectives and parameters, or rows for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from expsdk.cli.columns import as_number, as_span, as_value
from expsdk.cli.output import Column, Format, Row, print_rows, style_of
from expsdk_runtime.contract import Phase

if TYPE_CHECKING:
    from expsdk.analysis import Results

__all__ = ["fields_of", "print_trials"]


def print_trials(trials: Results, output: Format, *, fields: Sequence[str]) -> None:
    """Print trials with the fields of `fields_of`."""
    print_rows([trial.to_dict() for trial in trials], fields, _columns(trials, fields), output)


def fields_of(trials: Results) -> list[str]:
    """Return the fields of an experiment's rows, whichever of them are shown."""
    from expsdk.analysis.rows import columns_of

    return columns_of(trial.to_dict() for trial in trials)


def _columns(trials: Results, fields: Sequence[str]) -> list[Column]:
    objectives = [f"metrics.{objective.metric}" for objective in trials.experiment.spec.objectives]
    parameters = [field for field in fields if field.startswith("parameters.")]
    metrics = [field for field in fields if field.startswith(("metrics.", "constraints.")) and field not in objectives]
    has_other_phases = any(trial.phase != Phase.SUCCEEDED for trial in trials)
    return [
        Column("trial", lambda row: str(row["name"]).rpartition("-")[2]),
        *([Column("phase", _state, style=style_of("phase"))] if has_other_phases else []),
        *(_number_column(field) for field in objectives),
        *(_parameter_column(field, trials) for field in parameters),
        Column("epoch", lambda row: "-" if row["epoch"] is None else str(row["epoch"]), is_number=True),
        Column("took", lambda row: as_span(row["duration_s"]), is_number=True),
        *(_number_column(field, is_wide=True) for field in metrics),
        Column("attempt", lambda row: str(row["attempt"]), is_number=True, is_wide=True),
        Column("node", _node, is_wide=True),
        Column("error", lambda row: row.get("error") or "", is_wide=True),
    ]


def _state(row: Row) -> str:
    return f"{row['phase']} ({row['reason']})" if row["reason"] else str(row["phase"])


def _node(row: Row) -> str:
    return str(row.get("provenance.node") or row.get("provenance.host") or "-")


def _number_column(field: str, *, is_wide: bool = False) -> Column:
    name = field.partition(".")[2]
    return Column(name, lambda row: as_number(row.get(field)), is_number=True, is_wide=is_wide)


def _parameter_column(field: str, trials: Results) -> Column:
    name = field.partition(".")[2]
    values = [trial.parameters[name] for trial in trials if name in trial.parameters]
    are_numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
    return Column(name, lambda row: as_value(row.get(field)), is_number=are_numbers)
