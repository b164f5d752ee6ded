"""Trials as pandas DataFrames, and the file that is made of one: Parquet."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from importlib import import_module
from itertools import chain
from typing import TYPE_CHECKING, Any

from expsdk.analysis.rows import METRICS, PARAMETERS, columns_of, json_cell, writing
from expsdk.analysis.trial import TrialRecord
from expsdk.errors import ResultsError

if TYPE_CHECKING:
    import pandas

_WHOLE = ("number", "attempt", "seed", "epoch")
_TIMES = ("started", "ended")


def trials_frame(trials: Iterable[TrialRecord]) -> pandas.DataFrame:
    """Return a row for each trial; see `Results.to_dataframe`."""
    pd = _pandas("to_dataframe()")
    rows = [trial.to_dict() for trial in trials]
    columns = columns_of(rows)
    data = {column: _series(column, [row.get(column) for row in rows]) for column in columns}
    frame: pandas.DataFrame = pd.DataFrame(data, columns=columns).set_index("name")
    return frame


def history_frame(trials: Iterable[TrialRecord]) -> pandas.DataFrame:
    """Return a row for each point of each metric of each trial; see `Results.history_dataframe`."""
    pd = _pandas("history_dataframe()")
    import numpy as np

    curves = [(trial, metric, curve) for trial in trials for metric, curve in trial.history.items()]
    lengths = [len(curve) for _, _, curve in curves]
    names = list(dict.fromkeys(trial.name for trial, _, _ in curves))
    metrics = list(dict.fromkeys(metric for _, metric, _ in curves))
    name_codes, metric_codes = ({word: code for code, word in enumerate(words)} for words in (names, metrics))

    def repeated(values: Sequence[int]) -> Any:
        return np.repeat(np.array(values, dtype=np.int64), lengths)

    def categorical(codes: dict[str, int], words: Sequence[str]) -> Any:
        return pd.Categorical.from_codes(repeated([codes[word] for word in words]), categories=list(codes))

    frame: pandas.DataFrame = pd.DataFrame(
        {
            "trial": categorical(name_codes, [trial.name for trial, _, _ in curves]),
            "number": repeated([trial.number for trial, _, _ in curves]),
            "metric": categorical(metric_codes, [metric for _, metric, _ in curves]),
            "epoch": np.fromiter(chain.from_iterable(curve.epochs for _, _, curve in curves), dtype=np.int64),
            "value": np.fromiter(chain.from_iterable(curve.values for _, _, curve in curves), dtype=np.float64),
        }
    )
    return frame


def write_parquet(trials: Iterable[TrialRecord], path: str | os.PathLike[str]) -> None:
    """Write a Parquet file with a row for each trial; parameters of several types are JSON in it."""
    try:
        import_module("pyarrow")  # pandas' own message names others, too
    except ImportError as error:
        raise ResultsError(
            "to_parquet() needs pandas and pyarrow; install them: pip install 'expsdk[parquet]'"
        ) from error
    frame = trials_frame(trials)
    for column in frame.columns:
        kinds = {type(value) for value in frame[column]} if frame[column].dtype == object else set()
        if kinds - {str, type(None), float} or len(kinds - {type(None)}) > 1:
            frame[column] = [value if _is_missing(value) else json_cell(value) for value in frame[column]]
    with writing(path):
        frame.to_parquet(path)


def _pandas(who: str) -> Any:
    try:
        import pandas as pd
    except ImportError as error:
        raise ResultsError(f"{who} needs pandas; install it: pip install 'expsdk[pandas]'") from error
    return pd


def _series(column: str, values: list[Any]) -> Any:
    """Return a column in the type that its values have, where some are missing too."""
    import pandas as pd

    if column in _TIMES:
        return pd.Series(pd.to_datetime(values, utc=True))
    if column == "duration_s" or column.startswith((METRICS, "constraints.")):
        return pd.Series(values, dtype="float64")
    known = [value for value in values if value is not None]
    if column in _WHOLE or (column.startswith(PARAMETERS) and known):
        if all(type(value) is int and abs(value) < 2**63 for value in known):
            return pd.Series(values, dtype="int64" if len(known) == len(values) else "Int64")
        if all(type(value) in (int, float) for value in known):
            return pd.Series(values, dtype="float64")
    if known and all(isinstance(value, bool) for value in known):
        return pd.Series(values, dtype="bool" if len(known) == len(values) else "boolean")
    return pd.Series(values, dtype=None if known and all(isinstance(value, str) for value in known) else object)


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and value != value)
