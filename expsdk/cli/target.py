"""What a name on a command line means: a sweep, or one of its trials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from expsdk.errors import ExperimentNotFound, TrialNotFound

if TYPE_CHECKING:
    from expsdk.backends.base import Records


def find_target(records: Records, name: str) -> tuple[str, int | None]:
    """Return the experiment of a name, and the trial's number where it names a trial; an experiment goes first.

    Raises:
        ExperimentNotFound: There is neither.
        TrialNotFound: The experiment is there, and has no such trial.
    """
    from expsdk.analysis.words import count_of
    from expsdk.resources.names import trial_number

    try:
        return records.experiment(name).metadata.name, None
    except ExperimentNotFound:
        experiment = name.rpartition("-")[0]
        number = trial_number(experiment, name) if experiment else None
        if number is None:
            raise
    records.experiment(experiment)
    trials = {document["metadata"]["name"]: document["spec"]["number"] for document in records.results(experiment)}
    if name in trials:
        return experiment, number
    known = f"they are called {min(trials)} to {max(trials)}" if trials else "none has begun"
    raise TrialNotFound(f"{experiment} has {count_of(len(trials), 'trial')}, and no {name!r}; {known}")
