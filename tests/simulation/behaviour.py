"""How one job behaves."""

from __future__ import annotations

from dataclasses import dataclass

from expsdk_runtime.contract import Phase


@dataclass(frozen=True)
class Behaviour:
    """What a job does, and after how many seconds; None stands for never.

    Attributes:
        starts: From its launch to its first words.
        runs: From those to the end of the user's function.
        ends: What it says then; "" is a crash without a word.
        value: The objective's value, if it succeeds.
        leaves: From its last words to the end of its process.
        heeds_stop: From being asked to stop to saying that it was cancelled.
        heeds_sigterm: From SIGTERM to the end of its process.
        last_words: Whether it says, at SIGTERM, that it was preempted.
        dies: From SIGKILL to the end of its process.
    """

    starts: float = 0.0
    runs: float | None = 5.0
    ends: str = Phase.SUCCEEDED
    value: float = 0.0
    leaves: float | None = 0.0
    heeds_stop: float | None = 1.0
    heeds_sigterm: float | None = 1.0
    last_words: bool = True
    dies: float = 0.0
