"""The coordinator's shell: turns what a backend tells into events, and actions into the backend's verbs."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from expsdk.backends.base import Backend, Update
from expsdk.errors import BackendError
from expsdk.resources.experiment import Experiment
from expsdk.resources.names import trial_name
from expsdk.resources.result import Result, new_result
from expsdk.resources.times import seconds_of
from expsdk.samplers import TrialOutcome, outcome_of
from expsdk.samplers.derive import derive_trial_seed
from expsdk.space import Space
from expsdk.sweep.actions import Action, AskStop, Finish, Kill, Launch, Note, Terminate
from expsdk.sweep.core import Coordinator
from expsdk.sweep.events import Began, Changed, Event, Found, Interrupted, Passed, StopAsked
from expsdk.sweep.observer import Observer, Standing
from expsdk.sweep.record import with_ending, with_progress
from expsdk.sweep.reuse import Reusable
from expsdk_runtime.contract import Phase, encode_number

STATUS_INTERVAL_S = 2.0


class Driver:
    """Drives one sweep on one backend from the calling thread.

    Attributes:
        interruptions: How often the user pressed Ctrl-C.
    """

    def __init__(
        self,
        coordinator: Coordinator,
        backend: Backend,
        experiment: Experiment,
        observer: Observer,
        *,
        space: Space | None = None,
        reusable: Reusable | None = None,
    ) -> None:
        """Make the driver of an experiment that the backend has created or resumed.

        Args:
            coordinator: The core, which nothing has been told yet.
            backend: Where trials run.
            experiment: The experiment's record.
            observer: Who looks on.
            space: The experiment's space as its function has it, where it is at hand: it knows 1.0 from 1.
            reusable: Results that may be used instead of running a trial.
        """
        self.interruptions = 0
        self._coordinator = coordinator
        self._backend = backend
        self._experiment = experiment
        self._observer = observer
        self._space = space or Space.from_declarative(experiment.spec.space)
        self._reusable = reusable
        self._objectives = [objective.metric for objective in experiment.spec.objectives]
        self._began_at = 0.0
        self._active_before_s = experiment.status.active_seconds
        self._interruptions_taken = 0
        self._interruptions_told = 0
        self._next_status_at = 0.0
        self._trouble_told = ""
        self._noted: dict[int, dict[str, Any]] = {}  # until its trial's end has been told

    def run(self, found: Sequence[Update] = (), *, interrupted: bool = False) -> Experiment:
        """Drive the sweep to its end and return the experiment's record as it is then.

        Whatever is raised on the way, the record says how the sweep ended.

        Args:
            found: The trials that were there before, by number.
            interrupted: Whether the sweep is interrupted before anything is launched.
        """
        self._began_at = time.monotonic()
        with self._listening_to_ctrl_c():
            try:
                return self._drive(found, interrupted=interrupted)
            except BaseException as error:
                words = filter(None, (type(error).__name__, str(error)))
                message = f"the coordinator ended: {': '.join(words)}"
                self._experiment = with_ending(self._experiment, phase=Phase.FAILED, message=message)
                with suppress(BackendError):  # a full disk, say: what is raised tells more than this would
                    self._publish()
                raise

    def _drive(self, found: Sequence[Update], *, interrupted: bool) -> Experiment:
        for update in found:
            self._perform(self._found(update))
        self._observer.refresh(self._standing())
        asked = list(self._asked())
        if interrupted:
            self._perform(Interrupted(time.monotonic()))
        # The sweep's end, where somebody has wanted it since before it began, comes before anything is launched.
        for wish in asked:
            if isinstance(wish, Interrupted):
                self._perform(wish)
        self._perform(Began(time.monotonic(), self._active_before_s, self._experiment.status.spent_hours or 0.0))
        for wish in asked:
            if isinstance(wish, StopAsked):
                self._perform(wish)
        while not self._coordinator.is_finished:
            for event in self._events(self._wait()):
                self._perform(event)
            if time.monotonic() >= self._next_status_at:
                self._publish()
            if self._backend.trouble != self._trouble_told:
                self._trouble_told = self._backend.trouble
                self._observer.troubled(self._trouble_told)
            self._observer.refresh(self._standing())
        return self._experiment

    def _wait(self) -> list[Update]:
        try:
            return self._backend.wait(self._patience())
        except KeyboardInterrupt:  # from a backend whose trials run in this very process
            self.interruptions += 1
            return []

    def _events(self, updates: list[Update]) -> Iterator[Event]:
        for update in updates:
            was_running = self._coordinator.is_running(update.number)
            ran_s = 0.0 if update.alive else seconds_of(update.document["status"])
            yield Changed(time.monotonic(), self._outcome(update), update.alive, ran_s)
            if was_running:  # now it is known whether another attempt follows, and what was noted of this one
                has_ended = self._coordinator.has_ended(update.number)
                self._observer.changed(self._with_notes(update), alive=not has_ended)
        yield from self._asked()
        yield Passed(time.monotonic())

    def _asked(self) -> Iterator[Interrupted | StopAsked]:
        """Yield what the user has asked for since the last call: by Ctrl-C, or from another process."""
        while self._interruptions_taken < self.interruptions:
            self._interruptions_taken += 1
            yield self._interruption()
        for request in self._backend.stop_requests():
            if request.number is None:
                yield self._interruption()
            else:
                yield StopAsked(time.monotonic(), request.number)

    def _interruption(self) -> Interrupted:
        """Tell the onlooker that the sweep is to end, and return that."""
        self._interruptions_told += 1
        self._observer.interrupted(self._interruptions_told)
        return Interrupted(time.monotonic())

    def _with_notes(self, update: Update) -> dict[str, Any]:
        """Return a Result with what has been noted of its trial."""
        noted = self._noted.pop(update.number, None)
        return {**update.document, "spec": {**update.document["spec"], **noted}} if noted else update.document

    def _patience(self) -> float:
        """Return how long to wait for the backend: until a deadline, or until the status is to be written again."""
        deadline = self._coordinator.deadline
        until = self._next_status_at if deadline is None else min(deadline, self._next_status_at)
        return max(0.0, until - time.monotonic())

    def _found(self, update: Update) -> Found:
        status = update.document["status"]
        if update.alive:
            self._observer.changed(update.document, alive=True)
        else:
            self._observer.found(update.document)
        return Found(time.monotonic(), self._outcome(update), status["attempt"], update.alive, seconds_of(status))

    def _outcome(self, update: Update) -> TrialOutcome:
        return outcome_of(update.document, space=self._space, objectives=self._objectives)

    def _standing(self) -> Standing:
        core = self._coordinator
        has_budget = self._experiment.spec.budget is not None
        return Standing(core.counts, core.best, core.spent_hours(time.monotonic()) if has_budget else None)

    def _perform(self, event: Event) -> None:
        for action in self._coordinator.handle(event):
            self._do(action)

    def _do(self, action: Action) -> None:
        if isinstance(action, Launch):
            self._launch(action)
        elif isinstance(action, Note):
            noted = {"constraints": [encode_number(value) for value in action.constraints]}
            self._noted[action.number] = noted
            self._backend.note(action.number, noted)
        elif isinstance(action, AskStop):
            self._backend.ask_stop(action.number, action.stop)
        elif isinstance(action, Terminate):
            self._backend.terminate(action.number, reason=action.reason, message=action.message)
        elif isinstance(action, Kill):
            self._backend.kill(action.number, reason=action.reason, message=action.message)
        elif isinstance(action, Finish):
            self._experiment = with_ending(self._experiment, phase=action.phase, message=action.message)
            self._publish()

    def _launch(self, launch: Launch) -> None:
        name = self._experiment.metadata.name
        result = new_result(
            name,
            number=launch.number,
            parameters=launch.parameters,
            seed=derive_trial_seed(self._experiment.spec.seed, launch.number),
            parent="" if launch.parent is None else trial_name(name, launch.parent),
            provenance=self._experiment.spec.provenance,
        )
        status = self._known_status(result) if launch.attempt == 1 else None
        if status is None:
            self._backend.launch(result, attempt=launch.attempt)
            self._observer.launched(result.to_document())
        else:
            self._backend.record(result, status)

    def _known_status(self, result: Result) -> dict[str, Any] | None:
        return None if self._reusable is None else self._reusable.status_of(result)

    def _publish(self) -> None:
        active_s = self._active_before_s + time.monotonic() - self._began_at
        self._experiment = with_progress(self._experiment, self._standing(), active_s=active_s)
        self._backend.keep(self._experiment)
        self._next_status_at = time.monotonic() + STATUS_INTERVAL_S

    @contextmanager
    def _listening_to_ctrl_c(self) -> Iterator[None]:
        """Turn Ctrl-C into an event, where this is the main thread; elsewhere nothing is changed."""
        if threading.current_thread() is not threading.main_thread() or not self._backend.takes_ctrl_c:
            yield
            return

        def note(_signal: int, _frame: FrameType | None) -> None:
            self.interruptions += 1
            self._backend.wake()

        former = signal.signal(signal.SIGINT, note)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, former)
