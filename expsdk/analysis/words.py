"""How numbers of trials read in one line."""

from __future__ import annotations

from collections.abc import Mapping

from expsdk_runtime.contract import Phase

__all__ = ["counts_by_phase"]


def counts_by_phase(counts: Mapping[str, int]) -> str:
    """Return numbers of trials by phase as people say them, "5 succeeded, 3 failed"; "" where there are none."""
    return ", ".join(f"{counts[phase]} {phase.lower()}" for phase in Phase.ALL if counts.get(phase))
