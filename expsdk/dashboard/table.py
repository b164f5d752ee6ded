"""The table of trials: sorted, filtered and cut into pages here, so that thousands of trials are quick to show."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from expsdk.analysis.order import in_order
from expsdk.analysis.results import Results
from expsdk.analysis.trial import TrialRecord
from expsdk.dashboard.parts import metric_names, parameter_names
from expsdk.dashboard.sight import Sight
from expsdk.resources.result import format_value
from expsdk.resources.words import in_one_line
from expsdk_runtime.contract import Phase, encode_number

PAGE = 50
LATEST_FIRST = "-number"
_COMPARISON = re.compile(r"([^<>=!]+)(<=|>=|!=|==|=|<|>)(.+)")
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
}
_PLAIN: dict[str, Callable[[TrialRecord], Any]] = {
    "number": lambda trial: trial.number,
    "phase": lambda trial: trial.state,
    "epoch": lambda trial: trial.epoch,
    "started": lambda trial: trial.started and trial.started.timestamp(),
    "duration": lambda trial: trial.duration_s,
    "attempt": lambda trial: trial.attempt,
}


@dataclass(frozen=True)
class TableQuery:
    """Which trials are shown, and in which order.

    Attributes:
        sort: A column's key; with "-" before it, descending.
        phases: The phases that are shown; none: all.
        text: Words that a trial's name, state, parameters or error must have, and comparisons such as `lr<0.01`.
        page: The page, from 1.
    """

    sort: str = LATEST_FIRST
    phases: frozenset[str] = frozenset()
    text: str = ""
    page: int = 1

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> TableQuery:
        """Return what an address asks for; what makes no sense there is left out."""
        page = query.get("page", "")
        return cls(
            sort=query.get("sort") or LATEST_FIRST,
            phases=frozenset(query.get("phase", "").split(",")) & set(Phase.ALL),
            text=query.get("q", "")[:200],
            page=max(1, int(page)) if page.isdecimal() and len(page) < 9 else 1,
        )


def table(sight: Sight, query: TableQuery) -> dict[str, Any]:
    """Return a page of the trials."""
    results = sight.results
    if results is None:
        return {"columns": [], "rows": [], "total": 0, "matching": 0, "page": 1, "pages": 1, "sort": query.sort}
    chosen = sight.once(("chosen", query.sort, query.phases, query.text), lambda: _chosen(results, query))
    pages = max(1, math.ceil(len(chosen) / PAGE))
    page = min(query.page, pages)
    names = sight.once("columns", lambda: (metric_names(results), parameter_names(results)))
    return {
        "columns": _columns(results, *names),
        "rows": [_row(sight, trial, *names) for trial in chosen[(page - 1) * PAGE : page * PAGE]],
        "total": len(results),
        "matching": len(chosen),
        "first": (page - 1) * PAGE + 1,
        "page": page,
        "pages": pages,
        "sort": query.sort,
        "phases": sorted(query.phases),
        "text": query.text,
    }


def _chosen(results: Results, query: TableQuery) -> list[TrialRecord]:
    tests = [_test(word, results) for word in query.text.split()]
    found = [
        trial
        for trial in results
        if (not query.phases or trial.phase in query.phases) and all(test(trial) for test in tests)
    ]
    key, descending = query.sort.removeprefix("-"), query.sort.startswith("-")
    value_of = _reader(key, results) or _PLAIN["number"]
    return in_order(found, value_of, descending=descending)


def _test(word: str, results: Results) -> Callable[[TrialRecord], bool]:
    """Return what a word of the text asks of a trial."""
    comparison = _COMPARISON.fullmatch(word)
    if comparison:
        name, sign, wanted = comparison.groups()
        value_of = (
            _reader(name, results) or _reader(f"parameters.{name}", results) or _reader(f"metrics.{name}", results)
        )
        if value_of is not None:
            return lambda trial: _compare(value_of(trial), sign, wanted)
    lowered = word.casefold()
    return lambda trial: lowered in _text_of(trial)


def _reader(key: str, results: Results) -> Callable[[TrialRecord], Any] | None:
    """Return what reads a column's value from a trial, or None where there is no such column."""
    if key in _PLAIN:
        return _PLAIN[key]
    kind, _, name = key.partition(".")
    if kind == "parameters" and name in parameter_names(results):
        return lambda trial: trial.parameters.get(name)
    if kind == "metrics" and name in metric_names(results):
        return lambda trial: trial.metrics[name]["last"] if name in trial.metrics else None
    return None


def _compare(value: Any, sign: str, wanted: str) -> bool:
    if value is None:
        return False
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return _OPERATORS[sign](value, float(wanted))
        except ValueError:
            return False
    return _OPERATORS[sign](format_value(value).casefold(), wanted.casefold())


def _text_of(trial: TrialRecord) -> str:
    sample = " ".join(f"{name}={format_value(value)}" for name, value in trial.parameters.items())
    return f"{trial.name} {trial.state} {sample} {in_one_line(trial.error)}".casefold()


def _columns(results: Results, metrics: Sequence[str], parameters: Sequence[str]) -> list[dict[str, Any]]:
    objectives = {objective.metric for objective in results.experiment.spec.objectives}
    return [
        {"key": "number", "label": "trial", "kind": "number"},
        {"key": "phase", "label": "phase", "kind": "text"},
        *(
            {"key": f"metrics.{name}", "label": name, "kind": "number", "group": "objective"}
            for name in metrics
            if name in objectives
        ),
        {"key": "epoch", "label": "epoch", "kind": "number"},
        {"key": "duration", "label": "time", "kind": "number"},
        *({"key": f"parameters.{name}", "label": name, "kind": "text", "group": "parameter"} for name in parameters),
        *(
            {"key": f"metrics.{name}", "label": name, "kind": "number", "group": "metric"}
            for name in metrics
            if name not in objectives
        ),
    ]


def _row(sight: Sight, trial: TrialRecord, metrics: Sequence[str], parameters: Sequence[str]) -> dict[str, Any]:
    return {
        "name": trial.name,
        "number": trial.number,
        "phase": trial.phase,
        "reason": trial.reason,
        "line": in_one_line(trial.error) or sight.waiting.get(trial.number, ""),
        "epoch": trial.epoch,
        "duration_s": trial.duration_s,
        "started": None if trial.started is None else round(trial.started.timestamp() * 1000),
        "violating": not trial.is_feasible,
        "metrics": {name: encode_number(trial.metrics[name]["last"]) for name in metrics if name in trial.metrics},
        "parameters": {name: format_value(trial.parameters[name]) for name in parameters if name in trial.parameters},
    }
