"""A sweep that is kept already, by its name: to look on, or to go on with it, without the script that defined it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from typing import Any

from expsdk.analysis.again import Again
from expsdk.analysis.open import read_results
from expsdk.analysis.results import Results
from expsdk.analysis.trial import TrialRecord
from expsdk.backends.base import Backend, Document, Records, StopRequest
from expsdk.backends.registry import make_backend, open_records
from expsdk.backends.verdict import is_final
from expsdk.errors import BackendError, SweepError
from expsdk.pruners import PRUNER_NAMES
from expsdk.resources.experiment import Experiment
from expsdk.resources.names import trial_number
from expsdk.samplers import SAMPLER_NAMES
from expsdk.samplers.given import GivenSampler
from expsdk.space import Space
from expsdk.sweep.choice import Choice
from expsdk.sweep.conduct import make_conductor
from expsdk.sweep.display.mode import choose_progress, make_observer
from expsdk.sweep.observer import Observer, Standing
from expsdk.sweep.own import load_own
from expsdk.sweep.plan import Plan
from expsdk.sweep.record import plan_of, with_beginning
from expsdk.sweep.resuming import with_trials
from expsdk_runtime.contract import Phase

LOOK_EVERY_S = 1.0

IDLE_AFTER_S = 30.0
"""How long a sweep may be without a coordinator before its onlookers are told: one in a cluster comes again."""
PLACES = ("root", "namespace", "context", "kubeconfig")
_NOTHING = GivenSampler(())


def attach(name: str, *, backend: str = "local", **options: Any) -> AttachedSweep:
    """Return the sweep of an experiment that is there already.

    Args:
        name: The experiment's name, as `run()` shows it.
        backend: Where it is kept: "local" or "kubernetes".
        options: The backend's own, as for `Sweep.run`; those of the trials' Jobs count for trials that are launched
            from now on.

    Raises:
        ExperimentNotFound: There is no experiment of that name; the message lists those that are there.
        BackendError: There is no such backend, or it has no such option.
    """
    return AttachedSweep(name, backend=backend, options=options)


class AttachedSweep:
    """A sweep that is kept already; made by `attach` and by `Sweep.run(detach=True)`.

    Attributes:
        name: The experiment's name.
    """

    def __init__(self, name: str, *, backend: str, options: dict[str, Any]) -> None:
        self.name = name
        self._backend = backend
        self._options = options
        self._records = open_records(backend, **{key: value for key, value in options.items() if key in PLACES})
        self._records.experiment(name)

    @property
    def experiment(self) -> Experiment:
        """The experiment's record, as it is now; raises `ExperimentNotFound`."""
        return self._records.experiment(self.name)

    @property
    def is_driven(self) -> bool:
        """Whether a coordinator drives it now."""
        return self._records.is_driven(self.name)

    def results(self) -> Results:
        """Return its results, as they are now."""
        return read_results(self._records, self.name)

    def run(self, *, trials: int | None = None, progress: bool | str = True) -> Results:
        """Go on with the sweep to its end, from here, and return its results.

        Trials that have ended are not run again, those that run are adopted, and those that were lost with their
        coordinator go on from their checkpoints. Its code is that which it began with.

        Args:
            trials: How many trials it is to have in all from now on, at least as many as before; by default as many.
            progress: Whether to show on standard error how it goes, and how; see `Sweep.run`.

        Raises:
            BackendError: Another coordinator drives it, or a part of it is not there any more.
            SweepError: Its sampler or pruner is an object that was not kept with it, or has raised an exception; or it
                has more trials already than it is to have.
        """
        return self._take_up(_plan_of, progress=progress, trials=trials)

    def stop(self, *, wait: bool = True, progress: bool | str = True) -> Results:
        """End the sweep, as Ctrl-C does where it runs, and return its results; `run` goes on with it.

        No more trials are launched, and the running ones are asked to stop. Whoever drives it, in whatever process, is
        asked to do that; its coordinator in the cluster is ended instead, and nobody needs to be there. Asking once
        more, while it ends, kills what runs still.

        Args:
            wait: Whether to wait until all has ended, or only until somebody knows that it is to.
            progress: Whether to show on standard error how it goes, and how; see `Sweep.run`.

        Raises:
            BackendError: Who drives it cannot be asked, or not by this user.
        """
        if self.experiment.status.phase in Phase.FINISHED:
            return self.results()
        is_dismissed = wait and self._records.dismiss(self.name)
        if not is_dismissed and self._ask(StopRequest()):
            if not wait:
                return self.results()
            self._await_end(progress=progress)
            if self.experiment.status.phase in Phase.FINISHED:
                return self.results()
        return self._take_up(_ending_plan, progress=progress, interrupted=True)

    def stop_trial(self, trial: str | int, *, wait: bool = True) -> TrialRecord:
        """Stop one trial for good and return its record; the sweep goes on without it.

        Its next `log_metric` raises `TrialStopped`, and it ends as cancelled; where it does not listen, it is ended
        after the sweep's grace period. One that has ended is left as it is.

        Args:
            trial: Its name or its number.
            wait: Whether to wait until it has ended.

        Raises:
            TrialNotFound: The sweep has no such trial.
            BackendError: Who drives the sweep cannot be asked, or not by this user.
        """
        there = self.results()[trial]
        if there.phase in Phase.FINISHED:
            return there
        request = StopRequest(there.number)
        if self._records.trials_outlive:
            self._records.request_stop(self.name, request)
        elif not self._ask(request):
            return self.results()[trial]
        if wait:
            self._await_end_of(there.name)
        return self.results()[trial]

    def _ask(self, request: StopRequest) -> bool:
        """Ask whoever drives the sweep; False where nobody does."""
        if not self.is_driven:
            return False
        try:
            self._records.request_stop(self.name, request)
        except BackendError:
            if self.is_driven:
                raise
            return False  # who drove it has ended meanwhile
        return True

    def _await_end_of(self, trial: str) -> None:
        """Wait until a trial has ended, or was lost with whoever drove it."""
        for document in self._records.follow(self.name):
            if document is None:
                if not self._records.trials_outlive and not self.is_driven:
                    return
            elif document["metadata"]["name"] == trial and document["status"]["phase"] in Phase.FINISHED:
                return

    def _await_end(self, *, progress: bool | str) -> None:
        """Look on until the sweep has ended, or nobody drives it any more."""
        again, location = Again(self.name, self._records.address()), self._records.location(self.name)
        with closing(make_observer(choose_progress(progress), drawn=True)) as observer:
            observer.started(self.experiment, location=location, notice="asked to stop", again=again, looking_on=True)
            _look_on(self._records, again, observer, until_idle=True)
        results = self.results()
        if results.experiment.status.phase in Phase.FINISHED:
            observer.finished(results)

    def watch(self, *, progress: bool | str = True) -> Results:
        """Look on until the sweep is over, and return its results; Ctrl-C leaves it alone and returns what there is.

        Args:
            progress: Whether to show on standard error how it goes, and how; see `Sweep.run`.
        """
        again = Again(self.name, self._records.address())
        with closing(make_observer(choose_progress(progress), drawn=True)) as observer:
            try:
                location = self._records.location(self.name)
                observer.started(self.experiment, location=location, notice="looking on", again=again, looking_on=True)
                _look_on(self._records, again, observer)
            except KeyboardInterrupt:
                observer.interrupted(1)
        results = self.results()
        observer.finished(results)
        return results

    def _take_up(
        self,
        plan: Callable[[Backend, Experiment], Plan],
        *,
        progress: bool | str,
        interrupted: bool = False,
        trials: int | None = None,
    ) -> Results:
        """Drive the sweep to its end by a plan that is made from its record."""
        shown = choose_progress(progress)
        with closing(make_backend(self._backend, **self._options)) as place:
            kept = with_trials(place.records.experiment(self.name), trials)
            record = with_beginning(kept)
            space = Space.from_declarative(kept.spec.space)
            conductor = make_conductor(plan(place, kept), record, space=space, place=place)
            found = place.resume(record, None)
            return conductor.conduct(place, record, found, progress=shown, interrupted=interrupted)

    def __repr__(self) -> str:
        return f"<sweep {self.name}: {self.experiment.status.phase}>"

    def _repr_html_(self) -> str:
        from expsdk.analysis import html  # only notebooks need it

        status = self.experiment.status
        driven = "driven by a coordinator" if self.is_driven else "driven by nobody now"
        return html.page(
            html.heading(f"sweep {self.name}", f"{status.phase}, {driven}"),
            html.line(status.message) if status.message else "",
            self.results()._repr_html_(),
            html.line(".watch() looks on, .results() reads it, .run() goes on with it, .stop() ends it", dim=True),
        )


def _plan_of(place: Backend, kept: Experiment) -> Plan:
    """Return the plan of an experiment by its record and, where there is one, its packed plan."""
    name, spec = kept.metadata.name, kept.spec
    if spec.payload is None:
        raise BackendError(
            f"a sweep's trials run its payload, and {name!r} has none: it is a program's of your own; go on with that"
        )
    own = load_own(place.records.payload(kept, plan=True)) if spec.plan is not None else {}
    lost = [
        what
        for what, choice, known in (("sampler", spec.sampler, SAMPLER_NAMES), ("pruner", spec.pruner, PRUNER_NAMES))
        if choice is not None and what not in own and choice.name not in known
    ]
    lost += ["constraints"] if spec.constrained and "constraints" not in own else []
    if lost:
        raise SweepError(
            f"a sweep is taken up by its name where its record tells all of it, and of {name!r} it cannot tell its"
            f" {' and '.join(lost)}; run its script again with run(resume=True)"
        )
    return plan_of(kept, own)


def _ending_plan(_: Backend, kept: Experiment) -> Plan:
    """Return the plan of a sweep that launches nothing any more: nobody is asked for advice."""
    limits = plan_of(kept, {"sampler": _NOTHING}).limits
    return Plan(seed=kept.spec.seed, limits=limits, sampler=Choice(_NOTHING))


def _look_on(records: Records, again: Again, observer: Observer, *, until_idle: bool = False) -> None:
    """Show what another coordinator does until the sweep is over; what had ended before is not told again.

    Args:
        records: What is kept.
        again: How it is looked at again.
        observer: Who shows it.
        until_idle: Whether to return, too, when nobody drives it.
    """
    name = again.name
    experiment = records.experiment(name)
    retries = experiment.spec.retries
    ended: dict[str, str] = {}  # each trial's phase
    for known in records.results(name):
        if _has_ended(known, retries=retries):
            ended[known["metadata"]["name"]] = known["status"]["phase"]
            observer.found(known)
    observer.refresh(_standing(experiment, ended))
    look_at, idle_since, was_idle = 0.0, None, False
    for document in records.follow(name):
        if document is not None and document.get("status"):
            _tell(document, ended, observer, has_ended=_has_ended(document, retries=retries))
        now = time.monotonic()
        if now < look_at:
            continue
        look_at = now + LOOK_EVERY_S
        experiment = records.experiment(name)
        observer.refresh(_standing(experiment, ended))
        if experiment.status.phase in Phase.FINISHED and document is None:
            return
        idle_since = None if records.is_driven(name) else idle_since or now
        if until_idle and idle_since is not None and document is None:
            return
        is_idle = idle_since is not None and now - idle_since > IDLE_AFTER_S
        if is_idle != was_idle:
            remedy = f"{again.command('resume')}, or {again.call('attach', 'run')}"
            observer.troubled(f"nobody drives it now; take it up: {remedy}" if is_idle else "")
        was_idle = is_idle


def _tell(document: Document, ended: dict[str, str], observer: Observer, *, has_ended: bool) -> None:
    """Tell how a trial stands, and its end once; what is added to its Result after that is told as that."""
    trial = document["metadata"]["name"]
    if trial not in ended:
        observer.changed(document, alive=not has_ended)
    elif document["spec"].get("constraints") and document["status"]["phase"] == Phase.SUCCEEDED:
        observer.found(document)
    if has_ended:
        ended[trial] = document["status"]["phase"]


def _has_ended(document: Document, *, retries: int) -> bool:
    """Whether a trial has ended, and is not likely to be tried again."""
    return is_final(document.get("status") or {}, retries=retries)


def _standing(experiment: Experiment, ended: dict[str, str]) -> Standing:
    """Return where the sweep stands: its own record is a little behind its trials'."""
    status = experiment.status
    number = trial_number(experiment.metadata.name, status.best.trial) if status.best else None
    best = None if number is None or status.best is None else (number, status.best.value)
    return Standing(Counter(ended.values()), best, status.spent_hours)
