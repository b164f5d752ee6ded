"""Sweeps that are taken up again, by their script and by their name, on a backend in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from simulation.memory import Function, MemoryBackend, MemoryJob, MemoryRecords, Status

import expsdk
from expsdk import experiment
from expsdk.analysis.results import Results
from expsdk.backends import registry
from expsdk.errors import BackendError, ExperimentNotFound, SweepError
from expsdk.pruners import Report
from expsdk.samplers import Sample, TrialOutcome
from expsdk.space import uniform
from expsdk.sweep import Sweep
from expsdk.sweep.attach import AttachedSweep, attach
from expsdk_runtime.contract import Phase


@experiment(space={"x": uniform(0, 4, step=1)}, objective="loss")
def train(x: float) -> None:
    """Train."""


def succeeds(job: MemoryJob) -> Iterator[Status]:
    x = job.document["spec"]["parameters"]["x"]
    metrics = {"size": {"last": x, "min": x, "max": x, "best": x, "epoch": 0}}
    yield {"phase": Phase.SUCCEEDED, "objectives": {"loss": x}, "metrics": metrics}


class Dies(Exception):
    """The machine goes down."""


class Mortal(MemoryBackend):
    """A backend whose machine goes down when its third trial has been launched."""

    def wait(self, timeout_s: float | None) -> Any:
        if len(self.launched) == 3:
            raise Dies
        return super().wait(timeout_s)


@pytest.fixture(autouse=True)
def root(monkeypatch: pytest.MonkeyPatch) -> MemoryRecords:
    """What is kept in memory, where the backend "memory" keeps it."""
    records = MemoryRecords()

    def make(
        *, root: MemoryRecords = records, kind: type[MemoryBackend] = MemoryBackend, function: Function = succeeds
    ) -> MemoryBackend:
        return kind(function, records=root)

    def open_them(*, root: MemoryRecords = records) -> MemoryRecords:
        return root

    monkeypatch.setitem(registry._BACKENDS, "memory", f"{__name__}:_make")
    monkeypatch.setitem(registry._RECORDS, "memory", f"{__name__}:_open")
    monkeypatch.setitem(globals(), "_make", make)
    monkeypatch.setitem(globals(), "_open", open_them)
    return records


def sweep(subject: Any = train, **given: Any) -> Sweep:
    made: Sweep = subject.sweep(**{"trials": 5, "sampler": "grid", "name": "mine", "seed": 7, **given})
    return made


def run(subject: Sweep | AttachedSweep, **given: Any) -> Results:
    if isinstance(subject, AttachedSweep):
        return subject.run(progress=False)
    results: Results = subject.run("memory", progress=False, **given)
    return results


def die(subject: Sweep) -> None:
    with pytest.raises(Dies):
        run(subject, kind=Mortal)


class TestByItsScript:
    def test_a_sweep_that_is_not_there_begins(self) -> None:
        assert run(sweep(), resume=True).counts == {Phase.SUCCEEDED: 5}

    def test_one_that_was_cut_off_goes_on_to_the_results_of_one_that_was_not(self, root: MemoryRecords) -> None:
        whole = run(sweep(name="whole"))
        die(sweep())
        assert root.experiment("mine").status.phase == Phase.FAILED
        results = run(sweep(), resume=True)
        assert [(t.parameters, t.seed, t.phase, t.values) for t in results] == [
            (t.parameters, t.seed, t.phase, t.values) for t in whole
        ]
        status = root.experiment("mine").status
        assert (status.phase, status.message) == (Phase.SUCCEEDED, "5 succeeded")

    def test_one_that_is_over_gets_more_trials(self) -> None:
        run(sweep(trials=2))
        results = run(sweep(trials=4), resume=True)
        assert [trial.parameters["x"] for trial in results] == [0.0, 1.0, 2.0, 3.0]

    def test_a_seed_that_was_drawn_is_kept(self) -> None:
        first = run(sweep(seed=None, sampler="random", trials=2))
        more = run(sweep(seed=None, sampler="random", trials=4), resume=True)
        assert more.experiment.spec.seed == first.experiment.spec.seed
        assert [trial.parameters for trial in more][:2] == [trial.parameters for trial in first]

    def test_a_larger_space_takes_the_word(self) -> None:
        larger = experiment(space={"x": uniform(0, 9, step=1)}, objective="loss")(train.definition.function)
        run(sweep(sampler="random"))
        wanted = sweep(larger, trials=20, sampler="random")
        with pytest.raises(SweepError, match=r"parameter x was .* write resume='extend'"):
            run(wanted, resume=True)
        results = run(wanted, resume="extend")
        assert results.counts == {Phase.SUCCEEDED: 10}  # all there are
        assert max(trial.parameters["x"] for trial in results[:5]) <= 4
        assert max(trial.parameters["x"] for trial in results) > 4
        with pytest.raises(SweepError, match="parameter x was "):
            run(sweep(trials=20, sampler="random"), resume="extend")

    def test_a_sweep_that_is_resumed_has_a_name(self) -> None:
        with pytest.raises(SweepError, match=r"give sweep\(name=…\)"):
            run(sweep(name=None), resume=True)

    def test_a_sweep_that_another_coordinator_drives_is_left_alone(self, root: MemoryRecords) -> None:
        run(sweep(trials=2))
        root.driven.add("mine")
        with pytest.raises(BackendError, match="another coordinator drives 'mine'"):
            run(sweep(), resume=True)

    def test_trials_of_a_backend_that_does_not_outlive_its_coordinator_cannot_be_detached(self) -> None:
        with pytest.raises(BackendError, match="a sweep is detached where its trials outlive this process"):
            sweep().run("memory", detach=True)


class Mine:
    """A sampler of the user's own: it goes down from 4 where nothing is better, and notes nothing else."""

    def __init__(self) -> None:
        self.best = 5.0

    def ask(self, number: int) -> Sample | None:
        return {"x": max(0.0, self.best - 1)}

    def tell(self, outcome: TrialOutcome) -> None:
        if outcome.values:
            self.best = min(self.best, outcome.values[0])


def above_three(report: Report) -> bool:
    return report.value > 3


def is_small(metrics: Mapping[str, float]) -> float:
    return metrics["size"] - 2


class TestByItsName:
    def test_it_goes_on_by_what_its_record_tells(self) -> None:
        die(sweep())
        results = run(attach("mine", backend="memory"))
        assert [trial.parameters["x"] for trial in results] == [0.0, 1.0, 2.0, 3.0, 4.0]
        assert results.counts == {Phase.SUCCEEDED: 5}

    def test_ones_own_objects_are_kept_with_it(self, root: MemoryRecords) -> None:
        die(sweep(sampler=Mine(), pruner=above_three, constraints=is_small))
        spec = root.experiment("mine").spec
        assert spec.plan is not None
        assert spec.pruner is not None
        assert (spec.sampler.name, spec.pruner.name, spec.constrained) == ("Mine", "above_three", True)
        results = run(attach("mine", backend="memory"))
        assert [trial.parameters["x"] for trial in results] == [4.0, 3.0, 2.0, 1.0, 0.0]
        constraints = [document["spec"]["constraints"] for document in root.results("mine")]
        assert constraints == [[2.0], [1.0], [0.0], [-1.0], [-2.0]]

    def test_objects_that_were_not_kept_are_named(self, root: MemoryRecords) -> None:
        die(sweep(sampler=Mine(), constraints=is_small))
        kept = root.experiment("mine")
        root.kept["mine"].append(kept.model_copy(update={"spec": kept.spec.model_copy(update={"plan": None})}))
        with pytest.raises(SweepError, match="it cannot tell its sampler and constraints; run its script again"):
            run(attach("mine", backend="memory"))

    def test_one_that_is_not_there_is_refused(self) -> None:
        with pytest.raises(ExperimentNotFound):
            attach("mine", backend="memory")

    def test_it_shows_how_it_stands(self) -> None:
        run(sweep())
        attached = attach("mine", backend="memory")
        assert repr(attached) == "<sweep mine: Succeeded>"
        assert attached.results().counts == {Phase.SUCCEEDED: 5}
        assert not attached.is_driven
        assert attached.watch(progress=False).best.parameters == {"x": 0.0}

    def test_who_looks_on_is_not_told_again_what_had_ended(self, capsys: pytest.CaptureFixture[str]) -> None:
        run(sweep(trials=2))
        attach("mine", backend="memory").watch()
        lines = capsys.readouterr().err.splitlines()
        assert not [line for line in lines if "[" in line]
        assert {"expsdk: looking on", "expsdk: until now: 2 succeeded", "expsdk: mine: 2 succeeded"} <= set(lines)

    def test_it_is_the_packages_own(self) -> None:
        assert expsdk.attach is attach


class Fails:
    """A sampler that has no idea from the third trial on, unless it is mended."""

    is_mended = False

    def ask(self, number: int) -> Sample | None:
        if number == 2 and not Fails.is_mended:
            raise LookupError("no idea")
        return {"x": float(number)}

    def tell(self, outcome: TrialOutcome) -> None:
        pass


def test_a_sampler_that_fails_ends_the_sweep_with_its_words_and_it_goes_on_once_that_is_mended(
    monkeypatch: pytest.MonkeyPatch, root: MemoryRecords
) -> None:
    with pytest.raises(SweepError) as caught:
        run(sweep(sampler=Fails()))
    assert str(caught.value) == (
        "the sampler, asked for trial 2, raised LookupError: no idea; what has ended is kept,"
        ' expsdk.results("mine", backend="memory") reads it, and run(resume=True) goes on once that is mended'
    )
    assert isinstance(caught.value.__cause__, LookupError)
    status = root.experiment("mine").status
    assert (status.phase, status.counts) == (Phase.FAILED, {Phase.SUCCEEDED: 2})
    monkeypatch.setattr(Fails, "is_mended", True)
    assert run(sweep(sampler=Fails()), resume=True).counts == {Phase.SUCCEEDED: 5}


class TestCache:
    def test_trials_of_the_same_code_sample_and_seed_are_not_run_again(self, root: MemoryRecords) -> None:
        run(sweep(name="one", trials=3))
        backends: list[MemoryBackend] = []

        class Noted(MemoryBackend):
            def __init__(self, *args: Any, **kwargs: Any) -> None:
                super().__init__(*args, **kwargs)
                backends.append(self)

        results = run(sweep(name="two", cache=True), kind=Noted)
        assert results.counts == {Phase.SUCCEEDED: 5}
        verbs = [verb[:2] for verb in backends[0].verbs if verb[0] in {"launch", "record"}]
        assert verbs == [("record", 0), ("record", 1), ("record", 2), ("launch", 3), ("launch", 4)]
        reused = [document["status"].get("reusedFrom", "") for document in root.results("two")]
        assert reused == ["one-0000", "one-0001", "one-0002", "", ""]
