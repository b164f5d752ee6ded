"""What a name on a command line means: a sweep, or one of its trials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expsdk.errors import ExperimentNotFound, TrialNotFound
from expsdk.spelling import suggest

if TYPE_CHECKING:
    from expsdk.backends.base import Records


def find_target(records: Records, name: str) -> tuple[str, int | None]:
    """Return the experiment of a name, and the trial's number where it names a trial; an experiment goes first.

    Raises:
        ExperimentNotFound: There is neither.
        TrialNotFound: The experiment is there, and has no such trial.
    """
    from expsdk.resources.names import trial_number

    try:
        return records.experiment(name).metadata.name, None
    except ExperimentNotFound:
        experiment = name.rpartition("-")[0]
        number = trial_number(experiment, name) if experiment else None
        if number is None:
            raise
    trials = {document["metadata"]["name"]: document["spec"]["number"] for document in records.results(experiment)}
    if name in trials:
        return experiment, number
    records.experiment(experiment)
    last = f"; they are called {min(trials)} to {max(trials)}" if trials else ""
    remedy = suggest(name, trials, otherwise="take one of them")
    raise TrialNotFound(f"{experiment} has {len(trials)} trials, and no {name!r}{last}; {remedy}")
