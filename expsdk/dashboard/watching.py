"""Following experiments: one with all its trials, and the list of those that are there."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from contextlib import closing
from typing import Any

from expsdk.analysis.open import read_trial
from expsdk.analysis.overview import seen_driven
from expsdk.analysis.results import Results
from expsdk.analysis.trial import TrialRecord
from expsdk.backends.base import Document, Records
from expsdk.dashboard.live import Live
from expsdk.dashboard.sight import Sight
from expsdk.errors import ExperimentNotFound, ExpsdkError
from expsdk.resources.experiment import Experiment
from expsdk.space import Space
from expsdk_runtime.contract import Phase

LOOK_EVERY_S = 2.0
"""How often an experiment's own record is read, and the list of experiments."""
PAUSE_S = 1.0
READING_ERRORS = (ExpsdkError, OSError, ValueError)
"""What reading records may raise: a server or a disk that is away, and a file that somebody has damaged."""


class _Replaced(Exception):
    """The experiment is another one than before, under the same name."""


class ExperimentWatch(Live):
    """One experiment, followed through whatever happens to it: also until it is there, and when it is there again."""

    def __init__(self, records: Records, name: str) -> None:
        super().__init__()
        self._records = records
        self._name = name
        self._experiment: Experiment | None = None
        self._space = Space.of({})
        self._is_driven: bool | None = False
        self._trouble = ""
        self._is_gone = False
        self._is_whole = False
        self._trials: dict[int, TrialRecord] = {}
        self._unfinished: dict[int, Document] = {}
        self._location = ""
        self._sight = Sight(name, None)
        self._is_stale = True

    def look(self) -> Sight:
        """Return the experiment as it is known now."""
        with self._changed:
            if self._is_stale:
                self._sight = self._make_sight()
                self._is_stale = False
            return self._sight

    def turns(self) -> Generator[None, None, None]:
        """Follow the experiment; see `Live`."""
        while True:
            try:
                yield from self._follow()
            except _Replaced:
                self._change(_experiment=None, _trials={}, _unfinished={}, _is_whole=False)
                continue
            except ExperimentNotFound as error:
                self._change(_trouble=str(error), _is_gone=True)
            except READING_ERRORS as error:
                self._change(_trouble=in_words(error))
            for _ in range(2):
                time.sleep(PAUSE_S)
                yield

    def _follow(self) -> Generator[None, None, None]:
        self._look_up()
        yield
        due_at = time.monotonic() + LOOK_EVERY_S
        with closing(self._records.follow(self._name)) as documents:  # type: ignore[type-var]
            for document in documents:
                if document is not None:
                    self._take(document)
                elif not self._is_whole or self._trouble:
                    self._change(_is_whole=True, _trouble="")
                if time.monotonic() >= due_at:
                    self._look_up()
                    due_at = time.monotonic() + LOOK_EVERY_S
                yield

    def _look_up(self) -> None:
        """Read the experiment's own record, and whether it is driven."""
        experiment = self._records.experiment(self._name)
        is_driven = seen_driven(self._records, self._name)
        if self._experiment is not None and _identity(experiment) != _identity(self._experiment):
            raise _Replaced
        if self._experiment is None:
            self._space = Space.from_declarative(experiment.spec.space)
            self._location = self._records.location(self._name)
        was_alive, known = self._is_alive, (self._experiment, self._is_driven, self._is_gone)
        if (experiment, is_driven, False) != known:
            # What the trouble was is over when all has been read once more; that it was deleted is over now.
            trouble = "" if self._is_gone else self._trouble
            self._change(_experiment=experiment, _is_driven=is_driven, _trouble=trouble, _is_gone=False)
        if self._is_alive != was_alive:
            for document in list(self._unfinished.values()):
                self._take(document)

    @property
    def _is_alive(self) -> bool:
        return self._records.trials_outlive or self._is_driven is not False

    def _take(self, document: Document) -> None:
        """Take in a trial's Result."""
        number = document["spec"]["number"]
        trial = read_trial(document, space=self._space, is_alive=self._is_alive)
        with self._changed:
            self._trials[number] = trial
            if (document.get("status") or {}).get("phase") in Phase.FINISHED:
                self._unfinished.pop(number, None)
            else:
                self._unfinished[number] = document
        self._change()

    def _change(self, **attributes: Any) -> None:
        with self._changed:
            for name, value in attributes.items():
                setattr(self, name, value)
            self._is_stale = True
        self.tell()

    def _make_sight(self) -> Sight:
        if self._experiment is None:
            return Sight(self._name, None, trouble=self._trouble, is_gone=self._is_gone)
        trials = [trial for _, trial in sorted(self._trials.items())]
        told = sum(self._experiment.status.counts.values())
        return Sight(
            self._name,
            Results(self._experiment, trials, location=self._location),
            waiting={
                number: str((document.get("status") or {}).get("message", ""))
                for number, document in sorted(self._unfinished.items())
                if self._trials[number].phase == Phase.PENDING
            },
            is_driven=self._is_driven,
            trials_outlive=self._records.trials_outlive,
            address=self._records.address(),
            trouble=self._trouble,
            is_gone=self._is_gone,
            is_whole=self._is_whole or (told > 0 and len(trials) >= told),
        )


class ListWatch(Live):
    """The experiments that are there, each without its trials."""

    def __init__(self, records: Records, names: Sequence[str] = ()) -> None:
        """Follow nothing yet.

        Args:
            records: What is kept.
            names: The experiments that are to be shown; none: all.
        """
        super().__init__()
        self._records = records
        self._names = frozenset(names)
        self._sights: tuple[Sight, ...] = ()
        self._trouble = ""
        self.is_whole = False

    def look(self) -> tuple[tuple[Sight, ...], str]:
        """Return the experiments, latest first, and why they may be old, or ""."""
        with self._changed:
            return self._sights, self._trouble

    def turns(self) -> Generator[None, None, None]:
        """Read the list now and then; see `Live`."""
        while True:
            try:
                sights, trouble = self._read(), ""
            except READING_ERRORS as error:
                sights, trouble = self._sights, in_words(error)
            if (sights, trouble) != (self._sights, self._trouble) or not self.is_whole:
                with self._changed:
                    self._sights, self._trouble, self.is_whole = sights, trouble, True
                self.tell()
            yield
            time.sleep(LOOK_EVERY_S / 2)
            yield
            time.sleep(LOOK_EVERY_S / 2)

    def _read(self) -> tuple[Sight, ...]:
        known = {sight.name: sight for sight in self._sights}
        sights = []
        for experiment in self._records.experiments():
            name = experiment.metadata.name
            if self._names and name not in self._names:
                continue
            former = known.get(name)
            is_over = experiment.status.phase in Phase.FINISHED
            is_driven = False if is_over else seen_driven(self._records, name)
            if former and former.results and (former.results.experiment, former.is_driven) == (experiment, is_driven):
                sights.append(former)
                continue
            results = Results(experiment, (), location=self._records.location(name))
            sights.append(
                Sight(
                    name,
                    results,
                    is_driven=is_driven,
                    trials_outlive=self._records.trials_outlive,
                    address=self._records.address(),
                    is_whole=True,
                )
            )
        return tuple(sorted(sights, key=_began, reverse=True))


def in_words(error: Exception) -> str:
    """Return what keeps records from being read, for people."""
    if isinstance(error, ExpsdkError):
        return str(error)
    return f"a record cannot be read ({' '.join(str(error).split()) or type(error).__name__}); what is shown may be old"


def _identity(experiment: Experiment) -> Any:
    """Return what tells an experiment from another one of its name."""
    provenance = experiment.spec.provenance
    return experiment.metadata.uid or (provenance.created if provenance else None)


def _began(sight: Sight) -> tuple[str, str]:
    assert sight.results is not None, "every sight of a list has its record"
    started = sight.results.experiment.status.start_time
    return (started.isoformat() if started else "", sight.name)
