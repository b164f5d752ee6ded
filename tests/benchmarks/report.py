"""What every benchmark prints: a line per figure, with the floor or the peer that was measured in the same run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One measured figure.

    Attributes:
        name: What was measured.
        value: How much.
        unit: Of what.
        budget: At most so much, or None for a peer's or a floor's figure.
    """

    name: str
    value: float
    unit: str
    budget: float | None = None

    @property
    def is_over(self) -> bool:
        return self.budget is not None and self.value > self.budget

    def __str__(self) -> str:
        line = f"{self.name:<58} {self.value:>10.3g} {self.unit:<8}"
        if self.budget is None:
            return line.rstrip()
        return f"{line} budget {self.budget:>8.3g}  {'OVER' if self.is_over else 'ok'}"


def report(title: str, figures: list[Figure]) -> int:
    """Print the figures; return 1 where one is over its budget, else 0."""
    print(f"\n{title}")
    for figure in figures:
        print(f"  {figure}")
    return int(any(figure.is_over for figure in figures))
