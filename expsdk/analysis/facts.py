"""What a trial's row has, by name: whatever a condition, an order or a column may ask of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from expsdk.analysis.trial import TrialRecord
from expsdk.errors import ResultsError
from expsdk.spelling import suggest

__all__ = ["GROUPS", "find_name", "names_of", "trial_facts"]

GROUPS = ("parameters", "metrics", "constraints", "environment")
"""The first words of names such as `parameters.lr`, in the order in which `lr` alone is looked for."""


def trial_facts(trial: TrialRecord) -> dict[str, Any]:
    """Return all that is known of a trial in single values: a row's, and more.

    Names are those of `TrialRecord.to_dict`, and "attempt", "seed", "error", "output_dir", "log_path" and
    `environment.…`.
    """
    return {
        **trial.to_dict(),
        "attempt": trial.attempt,
        "seed": trial.seed,
        "error": trial.error,
        "output_dir": trial.output_dir,
        "log_path": trial.log_path,
        **{f"environment.{name}": value for name, value in trial.environment.items()},
    }


def names_of(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return all names that any of the rows has, in the order in which they come."""
    return list(dict.fromkeys(name for row in rows for name in row))


def find_name(given: str, names: Sequence[str], *, hint: str = "") -> str:
    """Return the full name that was meant: `lr` is `parameters.lr`, where no fact is called so.

    Args:
        given: What was written.
        names: The names that there are.
        hint: What else may be wrong, for the error's message.

    Raises:
        ResultsError: No row has anything of that name.
    """
    known = set(names)
    for full in (given, *(f"{group}.{given}" for group in GROUPS)):
        if full in known:
            return full
    short = list(dict.fromkeys(_short(name) for name in names))
    remedy = suggest(given, [*short, *names], otherwise=f"there are {', '.join(short)}")
    raise ResultsError(f"a name is one that the rows have, not {given!r}; {remedy}{hint}")


def _short(name: str) -> str:
    """Return a name without its group's."""
    group, dot, rest = name.partition(".")
    return rest if dot and group in GROUPS else name
