"""The coordinator's shell: turns what a backend tells into events, and actions into the backend's verbs."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from expsdk.backends.base import Backend, Update
from expsdk.errors import BackendError
from expsdk.resources.experiment import Experiment
from expsdk.resources.result import new_result
from expsdk.samplers.derive import derive_trial_seed
from expsdk.sweep.actions import Action, AskStop, Finish, Kill, Launch, Terminate
from expsdk.sweep.core import Coordinator
from expsdk.sweep.events import Began, Changed, Event, Interrupted, Passed
from expsdk.sweep.observer import Observer
from expsdk.sweep.record import with_ending, with_progress
from expsdk_runtime.contract import Phase, decode_number

STATUS_INTERVAL_S = 2.0


class Driver:
    """Drives one sweep on one backend from the calling thread.

    Attributes:
        interruptions: How often the user pressed Ctrl-C.
    """

    def __init__(self, coordinator: Coordinator, backend: Backend, experiment: Experiment, observer: Observer) -> None:
        self.interruptions = 0
        self._coordinator = coordinator
        self._backend = backend
        self._experiment = experiment
        self._observer = observer
        self._objectives = [objective.metric for objective in experiment.spec.objectives]
        self._interruptions_told = 0
        self._next_status_at = 0.0
        self._trouble_told = ""

    def run(self) -> Experiment:
        """Drive the sweep to its end and return the experiment's record as it is then.

        Whatever is raised on the way, the record says how the sweep ended.
        """
        with self._listening_to_ctrl_c():
            try:
                return self._drive()
            except BaseException as error:
                words = filter(None, (type(error).__name__, str(error)))
                message = f"the coordinator ended: {': '.join(words)}"
                self._experiment = with_ending(self._experiment, phase=Phase.FAILED, message=message)
                with suppress(BackendError):  # a full disk, say: what is raised tells more than this would
                    self._publish()
                raise

    def _drive(self) -> Experiment:
        self._perform(Began(time.monotonic()))
        while not self._coordinator.is_finished:
            for event in self._events(self._wait()):
                self._perform(event)
            if time.monotonic() >= self._next_status_at:
                self._publish()
            if self._backend.trouble != self._trouble_told:
                self._trouble_told = self._backend.trouble
                self._observer.troubled(self._trouble_told)
            self._observer.refresh(self._coordinator)
        return self._experiment

    def _wait(self) -> list[Update]:
        try:
            return self._backend.wait(self._patience())
        except KeyboardInterrupt:  # from a backend whose trials run in this very process
            self.interruptions += 1
            return []

    def _events(self, updates: list[Update]) -> Iterator[Event]:
        for update in updates:
            if self._coordinator.is_running(update.number):
                self._observer.changed(update.document, alive=update.alive)
            status = update.document["status"]
            yield Changed(time.monotonic(), update.number, status["phase"], self._values(status), update.alive)
        while self._interruptions_told < self.interruptions:
            self._interruptions_told += 1
            self._observer.interrupted(self._interruptions_told)
            yield Interrupted(time.monotonic())
        yield Passed(time.monotonic())

    def _patience(self) -> float:
        """Return how long to wait for the backend: until a deadline, or until the status is to be written again."""
        deadline = self._coordinator.deadline
        until = self._next_status_at if deadline is None else min(deadline, self._next_status_at)
        return max(0.0, until - time.monotonic())

    def _values(self, status: dict[str, object]) -> tuple[float, ...] | None:
        values = status.get("objectives") or {}
        assert isinstance(values, dict)
        if any(name not in values for name in self._objectives):
            return None
        return tuple(decode_number(values[name]) for name in self._objectives)

    def _perform(self, event: Event) -> None:
        for action in self._coordinator.handle(event):
            self._do(action)

    def _do(self, action: Action) -> None:
        if isinstance(action, Launch):
            name = self._experiment.metadata.name
            seed = derive_trial_seed(self._experiment.spec.seed, action.number)
            result = new_result(name, number=action.number, parameters=action.parameters, seed=seed)
            self._backend.launch(result, attempt=action.attempt)
        elif isinstance(action, AskStop):
            self._backend.ask_stop(action.number, action.stop)
        elif isinstance(action, Terminate):
            self._backend.terminate(action.number, reason=action.reason, message=action.message)
        elif isinstance(action, Kill):
            self._backend.kill(action.number, reason=action.reason, message=action.message)
        elif isinstance(action, Finish):
            self._experiment = with_ending(self._experiment, phase=action.phase, message=action.message)
            self._publish()

    def _publish(self) -> None:
        self._experiment = with_progress(self._experiment, self._coordinator)
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
