"""What a shell may complete: names of experiments and trials, phases, where they are kept as the line says so far.

A shell waits for it at every press of Tab, so whatever takes long, or fails, completes nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import typer

from expsdk.cli.place import Place, find_place
from expsdk.cli.settings import NAMES
from expsdk.errors import ExpsdkError

__all__ = ["complete_experiment", "complete_name", "complete_phase", "complete_trial"]

WITHIN_S = 3.0
MOST = 200
"""How many trials are offered at most: a shell asks before it shows more."""


def complete_phase(incomplete: str) -> list[str]:
    """Return the phases of experiments that begin so."""
    from expsdk.analysis.overview import PHASES

    return [phase for phase in PHASES if phase.startswith(incomplete)]


def complete_experiment(context: typer.Context, incomplete: str) -> list[str]:
    """Return the names of experiments that begin so."""
    return _in_time(lambda: _experiments(_place(context), incomplete))


def complete_trial(context: typer.Context, incomplete: str) -> list[str]:
    """Return the names of trials that begin so, or, until only one experiment does, the names of experiments."""
    return _in_time(lambda: _trials(_place(context), incomplete))


def complete_name(context: typer.Context, incomplete: str) -> list[str]:
    """Return the names of experiments that begin so, and of trials where the experiment is plain."""

    def both() -> list[str]:
        place = _place(context)
        return list(dict.fromkeys([*_experiments(place, incomplete), *_trials(place, incomplete)]))

    return _in_time(both)


def _place(context: typer.Context) -> Place:
    return find_place(**{name: context.params.get(name) for name in NAMES})


def _experiments(place: Place, incomplete: str) -> list[str]:
    return [name for name in place.records().names() if name.startswith(incomplete)]


def _trials(place: Place, incomplete: str) -> list[str]:
    records = place.records()
    names = records.names()
    beginning = [name for name in names if name.startswith(incomplete)]
    within = [name for name in names if incomplete.startswith(f"{name}-")]
    if not within and len(beginning) > 1:
        return beginning
    trials = (trial for name in [*within, *beginning] for trial in records.trial_names(name))
    return _first(trial for trial in trials if trial.startswith(incomplete))


def _first(names: Iterable[str]) -> list[str]:
    return [name for name, _ in zip(names, range(MOST), strict=False)]


def _in_time(complete: Callable[[], list[str]]) -> list[str]:
    """Return what is found within some seconds, else nothing; a cluster may never answer."""
    found: list[Any] = []

    def look() -> None:
        with suppress(ExpsdkError, typer.BadParameter, OSError):
            found.extend(complete())

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    looking.join(WITHIN_S)
    return [] if looking.is_alive() else found
