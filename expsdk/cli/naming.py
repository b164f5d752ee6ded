"""What the names on a command line mean: an experiment, or a trial of one."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from expsdk.cli.output import say
from expsdk.cli.place import Place
from expsdk.errors import ExperimentNotFound

if TYPE_CHECKING:
    from expsdk.analysis import Results, TrialRecord

__all__ = ["Named", "find", "split_trial"]

_TRIAL = re.compile(r"(?P<experiment>.+?)(?:-(?P<digits>[0-9]{4,})|/(?P<number>[0-9]+))\Z", re.ASCII)


@dataclass(frozen=True)
class Named:
    """What a name stands for.

    Attributes:
        results: The experiment's results.
        trial: The trial, where it is one.
    """

    results: Results
    trial: TrialRecord | None = None


def split_trial(name: str) -> tuple[str, str] | None:
    """Return the experiment's and the trial's name of `train-0003` or `train/3`, or None for what can be no trial."""
    match = _TRIAL.match(name)
    if match is None:
        return None
    from expsdk.resources.names import trial_name

    return match["experiment"], trial_name(match["experiment"], int(match["digits"] or match["number"]))


def find(place: Place, name: str) -> Named:
    """Return the experiment or the trial of a name: `train`, `train-0003`, or `train/3` for a trial in any case.

    An experiment goes before a trial of another one that happens to have the same name, and then that is told.

    Raises:
        ExperimentNotFound: There is neither.
        TrialNotFound: The experiment is there, and has no such trial.
    """
    from expsdk.resources.names import trial_number

    split = split_trial(name)
    if "/" not in name:
        try:
            results = place.results(name)
        except ExperimentNotFound:
            if split is None:
                raise
        else:
            with suppress(ExperimentNotFound):
                if split is not None and split[1] in {trial.name for trial in place.results(split[0])}:
                    say(
                        f"{name} is an experiment, and a trial of {split[0]}: write that as"
                        f" {split[0]}/{trial_number(*split)}"
                    )
            return Named(results)
    if split is None:
        return Named(place.results(name))  # which tells that there is none
    results = place.results(split[0])
    return Named(results, results[split[1]])
