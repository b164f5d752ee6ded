"""The coordinator's shell on a real backend, one in memory: verbs, records, Ctrl-C, and what goes wrong."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from simulation.documents import make_experiment
from simulation.memory import Function, MemoryBackend, MemoryJob, Status

from expsdk.analysis.again import Again
from expsdk.analysis.results import Results
from expsdk.backends.base import Update
from expsdk.errors import BackendError, StorageError
from expsdk.pruners import Pruner, Report
from expsdk.resources.experiment import Experiment
from expsdk.samplers import Proposal, Sample, Sampler, TrialOutcome
from expsdk.samplers.derive import derive_seed
from expsdk.samplers.given import GivenSampler
from expsdk.sweep.advisers import Advisers, Constraints
from expsdk.sweep.budget import Budget
from expsdk.sweep.core import Coordinator
from expsdk.sweep.driver import Driver
from expsdk.sweep.limits import Limits
from expsdk.sweep.observer import Standing
from expsdk.sweep.record import with_beginning
from expsdk.sweep.reuse import Reusable, key_of
from expsdk_runtime.contract import Phase

Steps = Generator[Status | None, None, None]
TIMEOUT = "the trial took longer than trial_timeout_s=0.01 allows"
INTERRUPTED = "the sweep ended before this trial did (interrupted: finished trials are kept)"


def succeeds(job: MemoryJob) -> Steps:
    yield {"phase": Phase.RUNNING}
    yield {"phase": Phase.SUCCEEDED, "objectives": {"loss": float(job.number)}}


def fails(job: MemoryJob) -> Steps:
    yield {"phase": Phase.FAILED, "reason": "UserError", "message": "ValueError: no"}


def listens(job: MemoryJob) -> Steps:
    yield {"phase": Phase.RUNNING}
    while not job.stop:
        yield None
    yield {"phase": Phase.CANCELLED, "reason": "Interrupted"}


def preempted_once(job: MemoryJob) -> Steps:
    if job.attempt == 1:
        yield {"phase": Phase.FAILED, "reason": "Preempted"}
    else:
        yield {"phase": Phase.SUCCEEDED, "objectives": {"loss": 0.5}}


def ignores_everything(job: MemoryJob) -> Steps:
    yield {"phase": Phase.RUNNING}
    while True:
        yield None


class Onlooker:
    """Notes what it is shown."""

    def __init__(self) -> None:
        self.seen: list[tuple[Any, ...]] = []
        self.refreshes: list[dict[str, int]] = []
        self.documents: list[tuple[dict[str, Any], bool]] = []
        self.found_before: list[int] = []
        self.launches: list[tuple[int, str]] = []

    def started(
        self, experiment: Experiment, *, location: str, notice: str, again: Again, looking_on: bool = False
    ) -> None:
        self.seen.append(("started", location, notice))

    def found(self, document: dict[str, Any]) -> None:
        self.found_before.append(document["spec"]["number"])

    def launched(self, document: dict[str, Any]) -> None:
        self.launches.append((document["spec"]["number"], document["status"]["phase"]))

    def changed(self, document: dict[str, Any], *, alive: bool) -> None:
        self.seen.append((document["spec"]["number"], document["status"]["phase"], alive))
        self.documents.append((document, alive))

    def troubled(self, trouble: str) -> None:
        self.seen.append(("troubled", trouble))

    def refresh(self, standing: Standing) -> None:
        self.refreshes.append(dict(standing.counts))

    def interrupted(self, times: int) -> None:
        self.seen.append(("interrupted", times))

    def finished(self, results: Results) -> None:
        self.seen.append(("finished", len(results)))

    def close(self) -> None:
        self.seen.append(("close",))


class Rig:
    """A driver with all that it drives."""

    def __init__(
        self,
        function: Function = succeeds,
        *,
        backend: MemoryBackend | None = None,
        sampler: Sampler | None = None,
        pruner: Pruner | None = None,
        constraints: Constraints | None = None,
        reusable: Reusable | None = None,
        rate: float = 0.0,
        objectives: dict[str, str] | None = None,
        **limits: Any,
    ) -> None:
        checked = Limits(**{"trials": 3, **limits})
        self.backend = backend or MemoryBackend(function)
        self.onlooker = Onlooker()
        self.experiment = make_experiment(limits=checked, objectives=objectives)
        sampler = sampler or GivenSampler([{"x": number / 8} for number in range(100)])
        directions = [objective.direction for objective in self.experiment.spec.objectives]
        advisers = Advisers(sampler, pruner=pruner, constraints=constraints)
        self.coordinator = Coordinator(advisers, checked, directions=directions, rate=rate)
        self.found = self._begin()
        self.driver = Driver(self.coordinator, self.backend, self.experiment, self.onlooker, reusable=reusable)

    def _begin(self) -> list[Update]:
        """Create the experiment, or take it up where it is there already."""
        kept = self.backend.records.kept.get("train-mlp")
        if kept is None:
            self.backend.create(self.experiment, None)
            return []
        self.experiment = with_beginning(kept[-1])
        return self.backend.resume(self.experiment, None)

    def run(self) -> Experiment:
        return self.driver.run(self.found)

    @property
    def kept(self) -> list[Experiment]:
        return self.backend.records.kept["train-mlp"]

    @property
    def phases(self) -> list[str]:
        return [document["status"]["phase"] for document in self.backend.records.results("train-mlp")]

    def verbs(self, *names: str) -> list[tuple[Any, ...]]:
        return [verb for verb in self.backend.verbs if verb[0] in names]


class TestRunning:
    def test_every_trial_is_launched_and_recorded(self) -> None:
        rig = Rig(parallelism=2)
        ended = rig.driver.run()
        assert rig.verbs("launch") == [("launch", 0, 1), ("launch", 1, 1), ("launch", 2, 1)]
        assert rig.phases == [Phase.SUCCEEDED] * 3
        assert (ended.status.phase, ended.status.message) == (Phase.SUCCEEDED, "3 succeeded")
        assert ended.status.counts == {Phase.SUCCEEDED: 3}
        assert ended.status.best is not None
        assert (ended.status.best.trial, ended.status.best.value) == ("train-mlp-0000", 0.0)
        assert ended.status.start_time == rig.experiment.status.start_time
        assert ended.status.completion_time is not None
        assert ended.spec == rig.experiment.spec
        assert rig.kept[-1] == ended

    def test_a_result_has_its_sample_its_name_and_a_seed_of_its_own(self) -> None:
        rig = Rig()
        rig.driver.run()
        assert [result.metadata.name for result in rig.backend.launched] == [f"train-mlp-000{n}" for n in range(3)]
        assert [result.spec.parameters for result in rig.backend.launched] == [{"x": n / 8} for n in range(3)]
        seeds = [result.spec.seed for result in rig.backend.launched]
        assert seeds == [derive_seed(7, "trial", number, bits=63) for number in range(3)]
        assert len(set(seeds)) == 3

    def test_how_far_it_is_is_published_on_the_way(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("expsdk.sweep.driver.STATUS_INTERVAL_S", 0.0)
        rig = Rig()
        rig.driver.run()
        counts = [experiment.status.counts for experiment in rig.kept]
        assert {Phase.RUNNING: 1} in counts
        assert {Phase.RUNNING: 1, Phase.SUCCEEDED: 2} in counts
        assert all(
            (experiment.status.phase == Phase.RUNNING) == (experiment.status.completion_time is None)
            for experiment in rig.kept
        )

    def test_it_is_not_published_at_every_turn(self) -> None:
        rig = Rig(trials=100)
        rig.driver.run()
        created, first, last = rig.kept
        assert (created.status.counts, first.status.counts) == ({}, {Phase.RUNNING: 1})
        assert last.status.phase == Phase.SUCCEEDED

    def test_a_value_that_is_no_number_is_not_the_best(self) -> None:
        def varies(job: MemoryJob) -> Steps:
            objectives = [{"loss": "NaN"}, {}, {"loss": "Infinity"}][job.number]
            yield {"phase": Phase.SUCCEEDED, "objectives": objectives}

        best = Rig(varies).driver.run().status.best
        assert best is not None
        assert (best.trial, best.value) == ("train-mlp-0002", float("inf"))

    def test_several_objectives_are_told_together_or_not_at_all(self) -> None:
        told: list[TrialOutcome] = []

        class Listener(GivenSampler):
            def tell(self, outcome: TrialOutcome) -> None:
                told.append(outcome)

        def varies(job: MemoryJob) -> Steps:
            objectives = [{"size": 2.0, "loss": 1.0}, {"loss": 1.0}][job.number]
            yield {"phase": Phase.SUCCEEDED, "objectives": objectives}

        sampler = Listener([{"x": 0.0}, {"x": 1.0}])
        rig = Rig(varies, sampler=sampler, objectives={"loss": "minimize", "size": "maximize"}, trials=2)
        assert rig.driver.run().status.best is None
        assert [outcome.values for outcome in told] == [(1.0, 2.0), None]

    def test_a_trial_that_failed_without_a_status_of_its_own_is_recorded(self) -> None:
        def dies(job: MemoryJob) -> Steps:
            yield from ()

        rig = Rig(dies, trials=1)
        assert rig.driver.run().status.message == "1 failed"
        assert rig.backend.records.results("train-mlp")[0]["status"]["reason"] == "Crashed"


class TestLimits:
    def test_a_trial_that_takes_too_long_is_terminated_and_then_killed(self) -> None:
        rig = Rig(ignores_everything, trials=1, trial_timeout_s=0.01, grace_s=0.01)
        ended = rig.driver.run()
        assert rig.verbs("ask_stop", "terminate", "kill") == [
            ("terminate", 0, "Timeout", TIMEOUT),
            ("kill", 0, "Timeout", TIMEOUT),
        ]
        assert (ended.status.phase, ended.status.message) == (Phase.SUCCEEDED, "1 failed")

    def test_a_sweep_whose_time_is_over_asks_its_trials_to_stop(self) -> None:
        rig = Rig(listens, trials=None, parallelism=2, timeout_s=0.01)
        ended = rig.driver.run()
        assert rig.verbs("ask_stop", "terminate", "kill") == [
            ("ask_stop", 0, "interrupted"),
            ("ask_stop", 1, "interrupted"),
        ]
        assert rig.phases == [Phase.CANCELLED] * 2
        results = rig.backend.records.results("train-mlp")
        assert [document["spec"]["stop"] for document in results] == ["interrupted"] * 2
        assert (ended.status.phase, ended.status.message) == (Phase.SUCCEEDED, "the time is over: timeout_s=0.01")

    def test_too_many_failures_fail_the_sweep(self) -> None:
        rig = Rig(fails, trials=9, max_failures=1)
        ended = rig.driver.run()
        assert rig.phases == [Phase.FAILED] * 2
        assert ended.status.phase == Phase.FAILED
        assert ended.status.message == "max_failures=1, and 2 trials have failed"

    def test_it_waits_no_longer_than_until_the_next_time_is_due(self) -> None:
        class Waiting(MemoryBackend):
            def wait(self, timeout_s: float | None) -> list[Update]:
                self.verbs.append(("wait", timeout_s))
                return super().wait(timeout_s)

        rig = Rig(backend=Waiting(listens), timeout_s=0.05, trials=1)
        rig.driver.run()
        verbs = rig.verbs("wait", "ask_stop")
        before = verbs[: verbs.index(("ask_stop", 0, "interrupted"))]
        assert before
        assert all(0 <= timeout <= 0.05 for _, timeout in before)


class TestCtrlC:
    """Ctrl-C as this process gets it: the signal's handler is the driver's own while a sweep runs."""

    def pressing(self, times: int, *, function: Function) -> Function:
        pressed = iter(range(times))

        def run(job: MemoryJob) -> Steps:
            for report in function(job):
                yield report
                if next(pressed, None) is not None:
                    signal.raise_signal(signal.SIGINT)

        return run

    def test_once_asks_the_trials_to_stop_and_keeps_what_there_is(self) -> None:
        rig = Rig(self.pressing(1, function=listens), parallelism=2)
        ended = rig.driver.run()
        assert rig.driver.interruptions == 1
        assert rig.verbs("ask_stop", "terminate", "kill", "wake") == [
            ("wake",),
            ("ask_stop", 0, "interrupted"),
            ("ask_stop", 1, "interrupted"),
        ]
        assert ("interrupted", 1) in rig.onlooker.seen
        assert rig.phases == [Phase.CANCELLED] * 2
        assert ended.status.phase == Phase.CANCELLED
        assert ended.status.message == "interrupted: finished trials are kept"

    def test_twice_kills_them(self) -> None:
        rig = Rig(self.pressing(2, function=ignores_everything), trials=1)
        ended = rig.driver.run()
        assert rig.driver.interruptions == 2
        assert rig.verbs("kill") == [("kill", 0, "Interrupted", INTERRUPTED)]
        assert [seen for seen in rig.onlooker.seen if seen[0] == "interrupted"] == [
            ("interrupted", 1),
            ("interrupted", 2),
        ]
        assert ended.status.phase == Phase.CANCELLED

    def test_a_sweep_that_is_taken_up_to_be_stopped_launches_nothing(self) -> None:
        former = Rig(self.pressing(1, function=listens), parallelism=2)
        former.run()
        former.backend.close()
        launched = former.verbs("launch")
        rig = Rig(backend=former.backend)
        ended = rig.driver.run(rig.found, interrupted=True)
        assert rig.verbs("launch") == launched
        assert rig.phases == [Phase.CANCELLED] * 2
        assert (ended.status.phase, ended.status.counts) == (Phase.CANCELLED, {Phase.CANCELLED: 2})

    def test_afterwards_it_is_what_it_was(self) -> None:
        former = signal.getsignal(signal.SIGINT)
        Rig().driver.run()
        assert signal.getsignal(signal.SIGINT) is former
        with pytest.raises(RuntimeError):
            Rig(raising(RuntimeError("no"))).driver.run()
        assert signal.getsignal(signal.SIGINT) is former

    def test_another_thread_leaves_it_alone(self) -> None:
        former = signal.getsignal(signal.SIGINT)
        handlers = set()

        def looks(job: MemoryJob) -> Steps:
            handlers.add(signal.getsignal(signal.SIGINT))
            yield {"phase": Phase.SUCCEEDED}

        with ThreadPoolExecutor(1) as pool:
            ended = pool.submit(Rig(looks).driver.run).result()
        assert ended.status.message == "3 succeeded"
        assert handlers == {former}
        assert threading.current_thread() is threading.main_thread()


class InProcess(MemoryBackend):
    """A backend whose trials take Ctrl-C themselves: `wait` raises KeyboardInterrupt at the turns that are given."""

    def __init__(self, function: Function, *, interrupted_at: set[int]) -> None:
        super().__init__(function, takes_ctrl_c=False)
        self.turns = 0
        self._interrupted_at = interrupted_at

    def wait(self, timeout_s: float | None) -> list[Update]:
        self.turns += 1
        if self.turns in self._interrupted_at:
            raise KeyboardInterrupt
        return super().wait(timeout_s)


class TestCtrlCInTheTrialsProcess:
    def test_once_counts_as_pressing_it_once(self) -> None:
        rig = Rig(backend=InProcess(listens, interrupted_at={3}), parallelism=2)
        ended = rig.driver.run()
        assert rig.driver.interruptions == 1
        assert rig.verbs("ask_stop", "kill") == [("ask_stop", 0, "interrupted"), ("ask_stop", 1, "interrupted")]
        assert ("interrupted", 1) in rig.onlooker.seen
        assert (ended.status.phase, rig.phases) == (Phase.CANCELLED, [Phase.CANCELLED] * 2)

    def test_twice_counts_as_pressing_it_twice(self) -> None:
        rig = Rig(backend=InProcess(ignores_everything, interrupted_at={3, 5}), trials=1)
        ended = rig.driver.run()
        assert rig.driver.interruptions == 2
        assert rig.verbs("ask_stop", "kill") == [
            ("ask_stop", 0, "interrupted"),
            ("kill", 0, "Interrupted", INTERRUPTED),
        ]
        assert ended.status.phase == Phase.CANCELLED

    def test_the_signal_stays_the_trials(self) -> None:
        former, handlers = signal.getsignal(signal.SIGINT), set()

        def looks(job: MemoryJob) -> Steps:
            handlers.add(signal.getsignal(signal.SIGINT))
            yield {"phase": Phase.SUCCEEDED}

        Rig(backend=InProcess(looks, interrupted_at=set())).driver.run()
        assert handlers == {former}


def raising(error: BaseException) -> Function:
    def run(job: MemoryJob) -> Steps:
        yield {"phase": Phase.RUNNING}
        raise error

    return run


class Broken(MemoryBackend):
    """A backend one of whose verbs raises an error, from one call of it on."""

    def __init__(self, verb: str, error: BaseException, *, after: int = 0, function: Function = succeeds) -> None:
        super().__init__(function)
        works: Callable[..., Any] = getattr(self, verb)
        calls = iter(range(after))

        def break_down(*args: Any, **kwargs: Any) -> Any:
            if next(calls, None) is None:
                raise error
            return works(*args, **kwargs)

        setattr(self, verb, break_down)


class BrokenSampler(GivenSampler):
    """A sampler one of whose verbs raises an error."""

    def __init__(self, verb: str, error: Exception) -> None:
        super().__init__([{"x": 0.0}] * 9)
        self._verb, self._error = verb, error

    def ask(self, number: int) -> Sample | None:
        if self._verb == "ask" and number:
            raise self._error
        return super().ask(number)

    def tell(self, outcome: TrialOutcome) -> None:
        if self._verb == "tell":
            raise self._error


class TestWhatGoesWrong:
    @pytest.mark.parametrize(("verb", "after"), [("launch", 0), ("launch", 2), ("wait", 0), ("wait", 3)])
    def test_an_error_of_the_backend_is_raised_and_recorded(self, verb: str, after: int) -> None:
        error = BackendError("the cluster is gone")
        rig = Rig(backend=Broken(verb, error, after=after))
        with pytest.raises(BackendError) as caught:
            rig.driver.run()
        assert caught.value is error
        status = rig.kept[-1].status
        assert status.phase == Phase.FAILED
        assert status.message == "the coordinator ended: BackendError: the cluster is gone"
        assert status.completion_time is not None
        assert status.counts.get(Phase.SUCCEEDED, 0) == rig.coordinator.counts[Phase.SUCCEEDED]

    @pytest.mark.parametrize("verb", ["ask_stop", "terminate", "kill"])
    def test_an_error_in_pressing_a_trial_is_raised_and_recorded(self, verb: str) -> None:
        error = RuntimeError("no such job")
        backend = Broken(verb, error, function=ignores_everything)
        limits: dict[str, Any] = {"timeout_s" if verb == "ask_stop" else "trial_timeout_s": 0.01}
        rig = Rig(backend=backend, grace_s=0.01, **limits)
        with pytest.raises(RuntimeError) as caught:
            rig.driver.run()
        assert caught.value is error
        assert rig.kept[-1].status.message == "the coordinator ended: RuntimeError: no such job"

    @pytest.mark.parametrize("verb", ["ask", "tell"])
    def test_an_error_of_the_sampler_ends_the_sweep_and_is_recorded(self, verb: str) -> None:
        error = ZeroDivisionError("of my own making")
        rig = Rig(sampler=BrokenSampler(verb, error))
        ended = rig.driver.run()
        done = {"ask": "asked for trial 1", "tell": "told of trial 0"}[verb]
        assert ended.status.phase == Phase.FAILED
        assert ended.status.message == f"the sampler, {done}, raised ZeroDivisionError: of my own making"
        assert rig.coordinator.failure is not None
        assert rig.coordinator.failure.__cause__ is error
        assert rig.phases == [Phase.SUCCEEDED]

    def test_a_record_that_cannot_be_written_does_not_hide_what_went_wrong_first(self) -> None:
        error = StorageError("the disk is full")
        rig = Rig(backend=Broken("keep", error))
        with pytest.raises(StorageError) as caught:
            rig.driver.run()
        assert caught.value is error
        assert caught.value.__context__ is None
        assert len(rig.kept) == 1

    def test_an_interruption_outside_of_waiting_ends_the_coordinator(self) -> None:
        rig = Rig(backend=Broken("launch", KeyboardInterrupt(), after=1))
        with pytest.raises(KeyboardInterrupt):
            rig.driver.run()
        assert rig.driver.interruptions == 0
        assert rig.kept[-1].status.message == "the coordinator ended: KeyboardInterrupt"


class TestLookingOn:
    def test_every_change_is_shown(self) -> None:
        rig = Rig(trials=2)
        rig.driver.run()
        assert rig.onlooker.seen == [
            (0, Phase.RUNNING, True),
            (0, Phase.SUCCEEDED, True),
            (0, Phase.SUCCEEDED, False),
            (1, Phase.RUNNING, True),
            (1, Phase.SUCCEEDED, True),
            (1, Phase.SUCCEEDED, False),
        ]
        assert rig.onlooker.refreshes[-1] == {Phase.RUNNING: 0, Phase.SUCCEEDED: 2}

    def test_nothing_of_a_trial_is_shown_after_its_end(self) -> None:
        class Echoing(MemoryBackend):
            def wait(self, timeout_s: float | None) -> list[Update]:
                updates = super().wait(timeout_s)
                return [*updates, *updates]

        rig = Rig(backend=Echoing(succeeds), trials=2)
        assert rig.driver.run().status.counts == {Phase.SUCCEEDED: 2}
        assert [seen for seen in rig.onlooker.seen if not seen[2]] == [
            (0, Phase.SUCCEEDED, False),
            (1, Phase.SUCCEEDED, False),
        ]

    def test_the_end_of_an_attempt_that_is_followed_by_another_is_not_the_trials(self) -> None:
        rig = Rig(preempted_once, trials=2, retries=1)
        rig.run()
        assert [seen for seen in rig.onlooker.seen if not seen[2]] == [
            (0, Phase.SUCCEEDED, False),
            (1, Phase.SUCCEEDED, False),
        ]
        assert (0, Phase.FAILED, True) in rig.onlooker.seen

    def test_counts_are_shown_while_nothing_changes(self) -> None:
        until = time.monotonic() + 0.05

        def pauses(job: MemoryJob) -> Steps:
            while time.monotonic() < until:
                yield None
            yield {"phase": Phase.SUCCEEDED}

        rig = Rig(pauses, trials=1)
        rig.driver.run()
        assert rig.onlooker.refreshes.count({Phase.RUNNING: 1}) > 1


def again(rig: Rig, function: Function = succeeds, **given: Any) -> Rig:
    """Return a rig that takes up what another one has left."""
    rig.backend.close()
    return Rig(backend=MemoryBackend(function, records=rig.backend.records), **given)


class TestGoingOn:
    def test_trials_that_have_ended_are_not_run_again(self) -> None:
        rig = Rig(trials=2)
        first = rig.run()
        more = again(rig, trials=4)
        ended = more.run()
        assert more.verbs("resume", "launch") == [("resume", False, False), ("launch", 2, 1), ("launch", 3, 1)]
        assert ended.status.counts == {Phase.SUCCEEDED: 4}
        assert ended.status.message == "4 succeeded"
        assert ended.status.best is not None
        assert ended.status.best.trial == "train-mlp-0000"
        assert ended.status.start_time == first.status.start_time
        assert ended.status.active_seconds > first.status.active_seconds > 0

    def test_trials_that_were_interrupted_are_run_again_as_another_attempt(self) -> None:
        rig = Rig(backend=InProcess(listens, interrupted_at={3}), parallelism=2)
        assert rig.run().status.counts == {Phase.CANCELLED: 2}
        more = again(rig)
        assert more.run().status.counts == {Phase.SUCCEEDED: 3}
        assert more.verbs("launch") == [("launch", 0, 2), ("launch", 1, 2), ("launch", 2, 1)]

    def test_trials_that_were_lost_are_run_again(self) -> None:
        rig = Rig(backend=Broken("wait", BackendError("gone"), after=2), parallelism=2)
        with pytest.raises(BackendError):
            rig.run()
        documents = rig.backend.records.documents["train-mlp"]
        documents[0]["status"] = {"phase": Phase.RUNNING, "attempt": 1}
        documents[1]["status"] = {"phase": Phase.PENDING, "attempt": 1}
        more = again(rig, parallelism=2)
        assert more.run().status.counts == {Phase.SUCCEEDED: 3}
        assert more.verbs("launch") == [("launch", 0, 2), ("launch", 1, 1), ("launch", 2, 1)]

    def test_its_time_goes_on_where_it_stood(self) -> None:
        rig = Rig(listens, trials=None, timeout_s=0.02)
        rig.run()
        more = again(rig, trials=None, timeout_s=0.02)
        assert more.run().status.message == "the time is over: timeout_s=0.02"
        assert more.verbs("launch") == []

    def test_what_fails_by_no_fault_of_its_own_is_launched_again(self) -> None:
        rig = Rig(preempted_once, trials=1, retries=1)
        assert rig.run().status.counts == {Phase.SUCCEEDED: 1}
        assert rig.verbs("launch") == [("launch", 0, 1), ("launch", 0, 2)]


def learns(job: MemoryJob) -> Steps:
    """Report epochs, better and better in trials of even numbers, until it is asked to stop."""
    for epoch in range(6):
        values = [float(each if job.number % 2 else -each) for each in range(epoch + 1)]
        history = {"loss": {"stride": 1, "points": [list(range(epoch + 1)), values]}}
        yield {"phase": Phase.RUNNING, "history": history}
        if job.stop:
            yield {"phase": Phase.PRUNED, "reason": "Pruned"}
            return
    yield {"phase": Phase.SUCCEEDED, "objectives": {"loss": values[-1]}}


class Rising:
    """A pruner of trials that get worse."""

    def report(self, report: Report) -> bool:
        return report.value > 2

    def tell(self, outcome: TrialOutcome) -> None:
        pass


class TestAdvice:
    def test_trials_that_the_pruner_does_not_like_are_asked_to_stop(self) -> None:
        rig = Rig(learns, pruner=Rising(), trials=4)
        assert rig.run().status.counts == {Phase.SUCCEEDED: 2, Phase.PRUNED: 2}
        assert rig.verbs("ask_stop") == [("ask_stop", 1, "pruned"), ("ask_stop", 3, "pruned")]

    def test_who_looks_on_hears_of_launches_and_of_constraints(self) -> None:
        def measured(job: MemoryJob) -> Steps:
            yield {"phase": Phase.SUCCEEDED, "objectives": {"loss": 1.0}, "metrics": {}}

        rig = Rig(measured, constraints=lambda metrics: 3.0)
        rig.driver.run()
        assert rig.onlooker.launches == [(number, Phase.PENDING) for number in range(3)]
        ends = [document for document, alive in rig.onlooker.documents if not alive]
        assert [document["spec"]["constraints"] for document in ends] == [[3.0]] * 3

    def test_who_looks_on_hears_of_what_had_ended_before(self) -> None:
        rig = Rig()
        rig.driver.run()
        rig.backend.close()
        again = Rig(backend=MemoryBackend(succeeds, records=rig.backend.records), trials=4)
        again.run()
        assert again.onlooker.found_before == [0, 1, 2]
        assert [number for number, _ in again.onlooker.launches] == [3]

    def test_constraints_are_noted_in_the_record(self) -> None:
        def measured(job: MemoryJob) -> Steps:
            size = {"last": [1.0, "Infinity", 3.0][job.number]}
            yield {"phase": Phase.SUCCEEDED, "objectives": {"loss": float(-job.number)}, "metrics": {"size": size}}

        rig = Rig(measured, constraints=lambda metrics: metrics["size"] - 2)
        best = rig.run().status.best
        assert best is not None
        assert best.trial == "train-mlp-0000"
        assert rig.verbs("note") == [
            ("note", 0, {"constraints": [-1.0]}),
            ("note", 1, {"constraints": ["Infinity"]}),
            ("note", 2, {"constraints": [1.0]}),
        ]
        results = rig.backend.records.results("train-mlp")
        assert [document["spec"]["constraints"] for document in results] == [[-1.0], ["Infinity"], [1.0]]

    def test_a_child_names_its_parent(self) -> None:
        class Children(GivenSampler):
            def ask(self, number: int) -> Sample | Proposal | None:
                sample = super().ask(number)
                return Proposal(sample, 0) if sample is not None and number else sample

        rig = Rig(sampler=Children([{"x": 0.0}] * 3))
        rig.run()
        assert [result.spec.parent for result in rig.backend.launched] == ["", "train-mlp-0000", "train-mlp-0000"]

    def test_a_target_ends_the_sweep(self) -> None:
        ended = Rig(trials=9, target=0.0).run()
        assert ended.status.message == "target=0 is reached: trial 0 has 0"
        assert ended.status.phase == Phase.SUCCEEDED

    def test_what_is_used_up_is_published(self) -> None:
        def took_an_hour(job: MemoryJob) -> Steps:
            times = {"startTime": "2026-01-31T12:00:00Z", "completionTime": "2026-01-31T13:00:00Z"}
            yield {"phase": Phase.SUCCEEDED, **times}

        rig = Rig(took_an_hour, trials=9, rate=2.0, budget=Budget("cpu", 4.0))
        ended = rig.run()
        assert ended.status.counts == {Phase.SUCCEEDED: 2}
        assert ended.status.spent_hours == pytest.approx(4.0)
        assert ended.status.message == "the budget is used up: 4 of 4 cpu-hours"
        assert Rig(took_an_hour).run().status.spent_hours is None


class TestReuse:
    def test_a_trial_whose_results_are_known_is_recorded_and_not_run(self) -> None:
        rig = Rig()
        rig.run()
        known = {"loss": -1.0}
        seeds = {result.spec.number: result.spec.seed for result in rig.backend.launched}
        document = {
            "metadata": {"name": "other-0005"},
            "spec": {"parameters": {"x": 0.125}, "seed": seeds[1]},
            "status": {"phase": Phase.SUCCEEDED, "attempt": 1, "objectives": known},
        }
        reusable = Reusable({key_of({"x": 0.125}, seeds[1]): document})
        fresh = Rig(reusable=reusable)
        ended = fresh.run()
        assert fresh.verbs("launch", "record") == [("launch", 0, 1), ("record", 1), ("launch", 2, 1)]
        assert ended.status.counts == {Phase.SUCCEEDED: 3}
        assert ended.status.best is not None
        assert (ended.status.best.trial, ended.status.best.value) == ("train-mlp-0001", -1.0)
        assert fresh.backend.records.results("train-mlp")[1]["status"]["reusedFrom"] == "other-0005"
