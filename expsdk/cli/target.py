"""What a name on a command line means: an experiment, or one of its trials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expsdk.errors import ExperimentNotFound, TrialNotFound
from expsdk.spelling import suggest

if TYPE_CHECKING:
    from expsdk.backends.base import Document, Records


def find_target(records: Records, name: str) -> tuple[str, int | None]:
    """Return the experiment of a name, and the trial's number where it names a trial; an experiment goes first.

    Raises:
        ExperimentNotFound: There is neither.
        TrialNotFound: The experiment is there, and has no such trial.
    """
    try:
        return records.experiment(name).metadata.name, None
    except ExperimentNotFound:
        if _experiment_of(name) is None:
            raise
    spec = find_trial(records, name)["spec"]
    return spec["experiment"], spec["number"]


def find_trial(records: Records, name: str) -> Document:
    """Return the Result of a trial.

    Raises:
        ExperimentNotFound: There is no experiment that it could be of.
        TrialNotFound: The experiment is there, and has no such trial.
    """
    from expsdk.resources.words import count_of

    experiment = _experiment_of(name)
    if experiment is None:
        example = next(iter(records.trial_names(records.experiment(name).metadata.name)), f"{name}-0000")
        raise TrialNotFound(
            f"a trial is named, and {name!r} is an experiment; take one of its trials, such as {example}"
        )

    try:
        return records.result(name)
    except TrialNotFound:
        records.experiment(experiment)  # which tells what there is
        trials = records.trial_names(experiment)
    last = f"; they are called {trials[0]} to {trials[-1]}" if trials else ""
    remedy = suggest(name, trials, otherwise="take one of them" if trials else "none has begun yet")
    raise TrialNotFound(f"{experiment} has {count_of(len(trials), 'trial')}, and no {name!r}{last}; {remedy}")


def _experiment_of(name: str) -> str | None:
    """Return the experiment's name in what may be a trial's, or None."""
    from expsdk.resources.names import trial_number

    experiment = name.rpartition("-")[0]
    return experiment if experiment and trial_number(experiment, name) is not None else None
