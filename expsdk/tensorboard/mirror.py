"""Mirrors an experiment's Results into a directory of event files, a run for each trial, as far as they have come.

What has been mirrored to its end is written down, so that another mirror in the same directory does it once.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from expsdk.analysis.open import read_results, read_trial
from expsdk.analysis.trial import TrialRecord
from expsdk.backends.base import Records
from expsdk.errors import StorageError
from expsdk.resources.experiment import Experiment
from expsdk.space import Space
from expsdk.tensorboard.points import TrialPoints, timestamp
from expsdk_runtime.events import TrialEvents

STATE = "mirrored.json"


class Mirror:
    """The event files of one experiment.

    Attributes:
        directory: Where they are: a directory for each trial.
    """

    def __init__(self, records: Records, name: str, directory: Path) -> None:
        """Take up the mirror of an experiment in a directory, or begin it.

        Raises:
            ExperimentNotFound: There is no such experiment.
            StorageError: The directory cannot be written.
        """
        self.directory = directory
        self._records = records
        self._name = name
        experiment = records.experiment(name)
        self._space = Space.from_declarative(experiment.spec.space)
        self._identity = _identity(experiment, records.location(name))
        self._done = self._restore()
        self._is_kept = False
        self._open: dict[str, tuple[TrialEvents, TrialPoints]] = {}

    def is_live(self) -> bool:
        """Whether the experiment goes on."""
        ended = self._records.experiment(self._name).status.completion_time is not None
        return not ended and (self._records.trials_outlive or self._records.is_driven(self._name))

    def update(self) -> int:
        """Mirror every trial as it is now; return how many there are."""
        results = read_results(self._records, self._name, space=self._space)
        for trial in results:
            self.take(trial)
        self._keep()
        return len(results)

    def follow(self) -> Iterator[None]:
        """Mirror trials whenever they change; yields now and then, at least every second, and never ends by itself."""
        for document in self._records.follow(self._name):
            if document is None:
                self._keep()
                yield
            else:
                self.take(read_trial(document, space=self._space, is_alive=True))

    def take(self, trial: TrialRecord) -> None:
        """Mirror one trial."""
        version = f"{trial.attempt} {trial.phase} {trial.ended}"
        if trial.started is None or (self._done.get(trial.name) == version and (self.directory / trial.name).is_dir()):
            return
        try:
            self._write(trial)
        except OSError as error:
            raise _unwritable(self.directory, error) from error
        if trial.is_finished:
            self._done[trial.name] = version
            self._is_kept = False

    def close(self) -> None:
        """Close all files; what goes on is taken up by the next mirror."""
        for events, _ in self._open.values():
            events.close()
        self._open.clear()
        self._keep()

    def _write(self, trial: TrialRecord) -> None:
        is_new = trial.name not in self._open
        if is_new:
            started = timestamp(trial.started) or time.time()
            directory = str(self.directory / trial.name)
            events = TrialEvents(directory, parameters=trial.parameters, started=started)
            self._open[trial.name] = events, TrialPoints(trial)
        events, points = self._open[trial.name]
        if is_new:
            events.rewrite(points.all(trial))
        else:
            events.add(points.new(trial))
            if trial.is_finished and (events.is_outdated or not points.is_complete):
                events.rewrite(points.all(trial))
        if trial.is_finished:
            events.end(trial.phase, timestamp(trial.ended) or time.time())
            del self._open[trial.name]
        else:
            events.flush()

    def _restore(self) -> dict[str, str]:
        with suppress(OSError, ValueError, LookupError, TypeError):
            state: dict[str, Any] = json.loads((self.directory / STATE).read_bytes())
            if state["experiment"] == self._identity:
                return dict(state["trials"])
        return {}

    def _keep(self) -> None:
        """Write down what has been mirrored to its end."""
        if self._is_kept:
            return
        state = {"experiment": self._identity, "trials": self._done}
        partial = self.directory / f"{STATE}.partial"
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            partial.write_text(json.dumps(state))
            partial.replace(self.directory / STATE)
            self._is_kept = True
        except OSError as error:
            raise _unwritable(self.directory, error) from error


def _identity(experiment: Experiment, location: str) -> str:
    """Return what tells an experiment from another one of its name."""
    created = experiment.spec.provenance.created if experiment.spec.provenance else experiment.status.start_time
    return f"{location} {created}"


def _unwritable(directory: Path, error: OSError) -> StorageError:
    return StorageError(
        f"event files are written to {directory}, and that cannot be done ({error.strerror}); give another place with"
        " --logdir"
    )
