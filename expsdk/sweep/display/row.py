"""A trial as a line of the picture shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from expsdk.resources.times import seconds_of
from expsdk_runtime.contract import decode_number


@dataclass(frozen=True, slots=True)
class Row:
    """A trial.

    Attributes:
        number: Its number.
        phase: Where it stands.
        epoch: The highest epoch of any metric, or None.
        values: The latest value of each objective, or None.
        curve: The first objective over epochs, as its record has it.
        seconds: How long its attempt has run.
        parameters: Its sample.
    """

    number: int
    phase: str
    epoch: int | None
    values: tuple[float | None, ...]
    curve: Sequence[float | str]
    seconds: float
    parameters: Mapping[str, Any]

    @property
    def label(self) -> str:
        """The end of the trial's name."""
        return f"{self.number:04d}"


def row_of(document: dict[str, Any], metrics: Sequence[str]) -> Row:
    """Return the line of a Result; it costs little, so that it may be made anew for every picture."""
    spec, status = document["spec"], document["status"]
    objectives = status.get("objectives") or {}
    return Row(
        number=spec["number"],
        phase=status["phase"],
        epoch=status.get("epoch"),
        values=tuple(decode_number(objectives[name]) if name in objectives else None for name in metrics),
        curve=_curve((status.get("history") or {}).get(metrics[0])),
        seconds=seconds_of(status),
        parameters=spec["parameters"],
    )


def _curve(kept: Mapping[str, Any] | None) -> Sequence[float | str]:
    return kept["points"][1] if kept else ()
