"""Trials as rows of plain values, and the files that need no other library: CSV and JSON.

What every column means stands at `TrialRecord.to_dict`.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from expsdk.errors import ResultsError
from expsdk.resources.times import format_time
from expsdk_runtime.contract import encode_number

if TYPE_CHECKING:
    from expsdk.analysis.trial import TrialRecord

PARAMETERS, METRICS = "parameters.", "metrics."
_ALWAYS = ("name", "number", "phase", "reason", "epoch", "started", "ended", "duration_s", "attempt", "seed")
_ORDER = (
    *("name", "number", "phase", "reason", "is_feasible", "parent", "reused_from"),
    *(PARAMETERS, METRICS, "constraints."),
    *("epoch", "started", "ended", "duration_s", "attempt", "seed", "error", "output_dir", "provenance."),
)


def columns_of(rows: Iterable[dict[str, Any]]) -> list[str]:
    """Return the columns of all rows: facts, then parameters, metrics and constraints, then times and provenance."""
    found = dict.fromkeys(column for row in rows for column in row)
    return sorted(found or _ALWAYS, key=_place)


def json_text(trials: Iterable[TrialRecord], *, indent: int | None) -> str:
    """Return a JSON list with an object for each trial; NaN and the infinities are strings, times RFC 3339."""
    rows = [{name: plain(value) for name, value in trial.to_dict().items()} for trial in trials]
    return json.dumps(rows, indent=indent, allow_nan=False)


def csv_text(trials: Iterable[TrialRecord]) -> str:
    """Return a CSV table with a header and a line for each trial, as `csv_of` writes them."""
    rows = [trial.to_dict() for trial in trials]
    return csv_of(rows, columns_of(rows))


def csv_of(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Return a CSV table with a header and a line for each row.

    What is not there is an empty cell; lists, mappings, true and false are as in JSON, NaN and the infinities are
    "NaN", "Infinity" and "-Infinity", times RFC 3339.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(row.get(column)) for column in columns] for row in rows)
    return text.getvalue()


def plain(value: Any) -> Any:
    """Return a value as JSON has it: moments are RFC 3339, NaN and the infinities strings."""
    if isinstance(value, float):
        return encode_number(value)
    return format_time(value) if isinstance(value, datetime) else value


def json_cell(value: Any) -> str:
    """Return a value as JSON, in a cell for text."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a file; raises `ResultsError` where that is not possible."""
    with writing(path):
        Path(path).write_text(text, encoding="utf-8", newline="")


@contextmanager
def writing(path: str | os.PathLike[str]) -> Iterator[None]:
    """Translate what the disk says."""
    try:
        yield
    except OSError as error:
        raise ResultsError(
            f"results are written to a file, but {os.fspath(path)} cannot be written ({error.strerror or error});"
            " give the path of a file in a directory that is there and that you may write to"
        ) from error


def _place(column: str) -> int:
    """Return where a column stands; those of a group are in the order in which they were found."""
    group, dot, _ = column.partition(".")
    return _ORDER.index(group + dot)


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    value = plain(value)
    return json_cell(value) if isinstance(value, (bool, list, dict)) else value
