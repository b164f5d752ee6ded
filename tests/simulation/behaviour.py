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
        reason: Why, as it says.
        value: The objective's value, if it succeeds.
        epochs: How many epochs it reports at most, one a second, as long as it runs.
        goes_on: Whether it goes on from the epochs of the attempt before; else it begins anew.
        leaves: From its last words to the end of its process.
        heeds_stop: From being asked to stop to saying that it was pruned or interrupted.
        heeds_sigterm: From SIGTERM to the end of its process.
        last_words: Whether it says, at SIGTERM, that it was preempted.
        dies: From SIGKILL to the end of its process.
    """

    starts: float = 0.0
    runs: float | None = 5.0
    ends: str = Phase.SUCCEEDED
    reason: str = ""
    value: float = 0.0
    epochs: int = 0
    goes_on: bool = False
    leaves: float | None = 0.0
    heeds_stop: float | None = 1.0
    heeds_sigterm: float | None = 1.0
    last_words: bool = True
    dies: float = 0.0
