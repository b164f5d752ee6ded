"""What is known of an experiment at one moment: its trials and record, and what is worked out from them once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from expsdk.analysis.again import Again
from expsdk.analysis.overview import INTERRUPTED
from expsdk.analysis.results import Results
from expsdk.resources.experiment import USER_SAMPLER
from expsdk_runtime.contract import Phase

T = TypeVar("T")


@dataclass(frozen=True)
class Sight:
    """An experiment at one moment.

    Attributes:
        name: The experiment's name.
        results: Its trials, or None before anything could be read.
        waiting: Why trials have not begun, in words, by their numbers.
        is_driven: Whether a coordinator drives it, or None where that cannot be seen.
        trials_outlive: Whether its trials go on when nobody does.
        address: Where it is kept, as `Records.address` tells.
        trouble: Why what is shown may be old, or "".
        is_gone: Whether it was deleted, or never was there.
        is_whole: Whether all trials that its record tells of have been read.
    """

    name: str
    results: Results | None
    waiting: Mapping[int, str] = field(default_factory=dict)
    is_driven: bool | None = False
    trials_outlive: bool = False
    address: Mapping[str, str] = field(default_factory=dict)
    trouble: str = ""
    is_gone: bool = False
    is_whole: bool = False
    _worked_out: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)
    _working: threading.RLock = field(default_factory=threading.RLock, repr=False, compare=False)

    def once(self, key: Any, work_out: Callable[[], T]) -> T:
        """Return what `work_out` returns, which is called once for all who look at this moment."""
        with self._working:
            if key not in self._worked_out:
                self._worked_out[key] = work_out()
            found: T = self._worked_out[key]
            return found

    @property
    def standing(self) -> tuple[str, str]:
        """How the sweep stands: a word, and what there is to say of it."""
        if self.is_gone or self.results is None:
            return ("Deleted" if self.is_gone else "Unknown"), ""
        status = self.results.experiment.status
        if status.phase in Phase.FINISHED:
            return status.phase, status.message
        if self.is_driven is not False or self.results.experiment.spec.sampler.name == USER_SAMPLER:
            return status.phase, status.message
        what = "no process launches trials any more" if self.trials_outlive else "the process that drove it has ended"
        return INTERRUPTED, f"{what}; go on: {Again(self.name, self.address).command('resume')}"
