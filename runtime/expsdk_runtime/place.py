"""What is particular to where a trial runs: what its Result says of the place, what is done there before and after."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any


class Place:
    """Where a trial runs; by default, on a machine that needs nothing but the function.

    Attributes:
        environment: What the Result's environment says besides what any process knows of itself.
        output_dir: What people call the trial's output directory, where that is not its path.
        former: The status that the Result had before this attempt, where there was another.
        prepare: Called in the trial, before its function; raises `failure.NotReady` where that cannot be called.
        waits_for: What `prepare` takes long for, in words; the trial is pending meanwhile.
        grace_s: How long after SIGTERM the process is to have ended.
        keep: As `reporter.Reporter` has it.
        stop: What the trial is asked before it begins: "" or one of `contract.Stop`.
        look: Returns what the trial is asked as the server has it now, or ""; called where SIGTERM has ended a trial
            that may not have heard of it. Takes seconds at most.
    """

    __slots__ = ("environment", "former", "grace_s", "keep", "look", "output_dir", "prepare", "stop", "waits_for")

    def __init__(
        self,
        *,
        environment: Mapping[str, str] | None = None,
        output_dir: str | None = None,
        former: dict[str, Any] | None = None,
        prepare: Callable[[], None] | None = None,
        waits_for: str = "",
        grace_s: float = math.inf,
        keep: Callable[[dict[str, Any]], None] | None = None,
        stop: str = "",
        look: Callable[[], str] | None = None,
    ) -> None:
        self.environment = environment or {}
        self.output_dir = output_dir
        self.former = former
        self.prepare = prepare
        self.waits_for = waits_for
        self.grace_s = grace_s
        self.keep = keep
        self.stop = stop
        self.look = look
