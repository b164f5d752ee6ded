"""How long whole processes take, in turn, so that a machine that slows down slows them all."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Sequence


def median_times_ms(commands: Sequence[Sequence[str]], *, runs: int, cwd: str | None = None) -> list[float]:
    """Return the median time of each command in milliseconds; they take turns, after one run that does not count."""
    times: list[list[float]] = [[] for _ in commands]
    for turn in range(runs + 1):
        for command, taken in zip(commands, times, strict=True):
            began = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True, cwd=cwd)
            if turn:
                taken.append((time.perf_counter() - began) * 1000)
    return [statistics.median(taken) for taken in times]
