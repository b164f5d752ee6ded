"""How trials and their errors read in one line."""

from __future__ import annotations

from collections.abc import Mapping

from expsdk.resources.words import count_of, in_one_line, printable
from expsdk_runtime.contract import Phase

__all__ = ["count_of", "counts_by_phase", "in_one_line", "printable"]


def counts_by_phase(counts: Mapping[str, int]) -> str:
    """Return numbers of trials by phase as people say them, "5 succeeded, 3 failed"; "" where there are none."""
    return ", ".join(f"{counts[phase]} {phase.lower()}" for phase in Phase.ALL if counts.get(phase))
