"""What stands on a command line as text: settings as NAME=VALUE, durations, and names with options."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import typer

_PYTHONS = {"True": True, "False": False, "None": None}
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_DURATION = re.compile(r"(?P<number>[0-9]+(\.[0-9]+)?)\s*(?P<unit>[smhd]?)\Z")


def parse_value(text: str) -> Any:
    """Return the JSON value that a text is, as Python writes it too, or the text itself: a bare word is a string."""
    if text in _PYTHONS:
        return _PYTHONS[text]
    try:
        return json.loads(text, parse_constant=_no_constant)
    except ValueError:
        return text


def parse_settings(given: Iterable[str], *, hint: str) -> dict[str, Any]:
    """Return the settings NAME=VALUE by name.

    Args:
        given: The texts.
        hint: The flag that they come from, for people.

    Raises:
        typer.BadParameter: One has no name or no value, or a name comes twice.
    """
    found: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise typer.BadParameter(f"it is NAME=VALUE, such as lr=0.1, not {text!r}", param_hint=hint)
        if name.strip() in found:
            raise typer.BadParameter(f"{name.strip()} is given twice; leave one of them out", param_hint=hint)
        found[name.strip()] = parse_value(value.strip())
    return found


def parse_duration(text: str | None) -> float | None:
    """Return a duration in seconds: "90", "90s", "30m", "2h", "1.5d".

    Raises:
        typer.BadParameter: It is none.
    """
    if text is None:
        return None
    match = _DURATION.match(text.strip())
    if match is None:
        raise typer.BadParameter(f"a duration is a number of seconds, or such as 90s, 30m, 2h or 1d, not {text!r}")
    return float(match["number"]) * _UNITS_S[match["unit"] or "s"]


def parse_choice(text: str | None) -> Any:
    """Return a sampler or a pruner: its name, or a JSON object with its name and its options.

    Raises:
        typer.BadParameter: It begins like JSON and is none.
    """
    if text is None or not text.lstrip().startswith("{"):
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(
            f'it is a name, or a JSON object such as \'{{"name": "tpe", "n_startup_trials": 20}}\', not {text!r}'
            f" ({error})"
        ) from error


def _no_constant(name: str) -> Any:
    """Refuse NaN and the infinities, which JSON does not have: they are words here."""
    raise ValueError(name)
