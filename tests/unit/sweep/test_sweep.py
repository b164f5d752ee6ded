"""A sweep from `run()` to its results, on a backend in memory: what is closed, what is shown, what is raised."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from simulation.documents import make_experiment
from simulation.memory import Function, MemoryBackend, MemoryJob, Status

from expsdk import experiment
from expsdk.backends import registry
from expsdk.backends.base import Update
from expsdk.errors import BackendError, ExperimentExists, OptionError, PackingError
from expsdk.experiment.definition import Definition
from expsdk.space import uniform
from expsdk.sweep import Sweep
from expsdk_runtime.contract import Phase

HEARD = "interrupted: no more trials are launched and the running ones are asked to stop; Ctrl-C again kills them"


@experiment(space={"x": uniform(0, 4, step=1)}, objective="loss")
def train(x: float) -> None:
    """Train."""


def succeeds(job: MemoryJob) -> Iterator[Status]:
    yield {"phase": Phase.SUCCEEDED, "objectives": {"loss": job.document["spec"]["parameters"]["x"]}}


def fails(job: MemoryJob) -> Iterator[Status]:
    yield {"phase": Phase.FAILED, "reason": "UserError", "message": "Traceback\n  File x\nValueError: [red] no\nmore"}


def interrupts_once(job: MemoryJob) -> Iterator[Status | None]:
    signal.raise_signal(signal.SIGINT)
    while not job.stop:
        yield None
    yield {"phase": Phase.CANCELLED}


def interrupts_for_ever(job: MemoryJob) -> Iterator[None]:
    while True:
        signal.raise_signal(signal.SIGINT)
        yield None


class Failing(MemoryBackend):
    def wait(self, timeout_s: float | None) -> list[Update]:
        raise BackendError("the cluster is gone")


@pytest.fixture(autouse=True)
def backends(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[MemoryBackend]]:
    """The backends that the test made, all of which have to be closed."""
    made: list[MemoryBackend] = []

    def make(
        *, kind: type[MemoryBackend] = MemoryBackend, function: Function = succeeds, takes_ctrl_c: bool = True
    ) -> MemoryBackend:
        made.append(kind(function, takes_ctrl_c=takes_ctrl_c))
        return made[-1]

    monkeypatch.setitem(registry._BACKENDS, "memory", f"{__name__}:_make")
    monkeypatch.setitem(globals(), "_make", make)
    yield made
    assert all(backend.verbs[-1:] == [("close",)] for backend in made)


def sweep(**given: Any) -> Sweep:
    return train.sweep(**{"trials": 3, "sampler": "grid", "name": "mine", **given})


class TestRun:
    def test_it_returns_the_results(self) -> None:
        results = sweep(sampler="grid", trials=None).run("memory", progress=False)
        assert results.name == "mine"
        assert results.location == "memory/mine"
        assert results.counts == {Phase.SUCCEEDED: 5}
        assert results.best.name == "mine-0000"
        assert [trial.parameters for trial in results] == [{"x": float(number)} for number in range(5)]
        assert results.experiment.status.phase == Phase.SUCCEEDED

    def test_a_name_is_drawn_where_none_is_given(self) -> None:
        names = {sweep(name=None).run("memory", progress=False).name for _ in range(3)}
        assert len(names) == 3
        assert all(name.startswith("train-") for name in names)

    def test_the_same_seed_draws_the_same_trials(self) -> None:
        again = sweep(sampler="random", seed=7)
        one, other = (again.run("memory", progress=False) for _ in range(2))
        assert [(t.parameters, t.seed) for t in one] == [(t.parameters, t.seed) for t in other]

    def test_an_interrupted_sweep_returns_what_there_is(self) -> None:
        results = sweep(trials=1).run("memory", progress=False, function=interrupts_once)
        assert results.counts == {Phase.CANCELLED: 1}
        assert results.experiment.status.phase == Phase.CANCELLED

    def test_a_sweep_that_is_interrupted_twice_raises(self, backends: list[MemoryBackend]) -> None:
        with pytest.raises(KeyboardInterrupt):
            sweep(trials=1).run("memory", progress=False, function=interrupts_for_ever)
        assert backends[0].records.experiment("mine").status.phase == Phase.CANCELLED

    def test_it_shows_itself_with_what_it_was_told(self) -> None:
        label = f"{__name__}.train"
        assert repr(sweep(seed=7)) == f"<sweep of {label}: trials=3, parallelism=1, sampler='grid', seed=7>"


class TestWhatGoesWrong:
    def test_an_error_of_the_backend_is_raised(self, backends: list[MemoryBackend]) -> None:
        with pytest.raises(BackendError, match="the cluster is gone"):
            sweep().run("memory", progress=False, kind=Failing)
        assert backends[0].records.experiment("mine").status.phase == Phase.FAILED

    def test_a_backend_whose_experiment_cannot_be_created_is_closed(self, backends: list[MemoryBackend]) -> None:
        class Taken(MemoryBackend):
            def __init__(self, function: Function, *, takes_ctrl_c: bool) -> None:
                super().__init__(function, takes_ctrl_c=takes_ctrl_c)
                self.create(make_experiment("mine"), None)

        with pytest.raises(ExperimentExists):
            sweep().run("memory", progress=False, kind=Taken)
        assert len(backends) == 1

    def test_a_backend_that_is_made_before_packing_fails_is_closed(self, backends: list[MemoryBackend]) -> None:
        lock = threading.Lock()

        @experiment(space={"x": uniform(0, 1)}, objective="loss")
        def holds(x: float) -> None:
            lock.acquire()

        assert isinstance(holds.definition, Definition)
        with pytest.raises(PackingError):
            holds.sweep(trials=1).run("memory", progress=False)
        assert len(backends) == 1

    def test_an_unknown_backend_is_refused_before_anything_is_packed(self) -> None:
        with pytest.raises(BackendError, match="backend is one of debug, kubernetes, local, memory, not 'mars'"):
            sweep().run("mars")


class TestProgress:
    def test_lines_tell_how_it_goes(self, capsys: pytest.CaptureFixture[str]) -> None:
        sweep(trials=2).run("memory", function=fails)
        shown = capsys.readouterr()
        assert shown.out == ""
        start, *rest = shown.err.splitlines()
        assert start.startswith("expsdk: mine: 2 trials, 1 at a time, sampler grid, seed ")
        assert start.endswith(", kept in memory/mine")
        assert rest == [
            "expsdk: [1/2] mine-0000  failed  UserError: ValueError: [red] no  x=0",
            "expsdk: [2/2] mine-0001  failed  UserError: ValueError: [red] no  x=1",
            "expsdk: mine: 2 failed",
            "expsdk: 2 failed: UserError: ValueError: [red] no; log of mine-0001: /logs/mine-0001.txt",
            "expsdk: kept in memory/mine",
            'expsdk: look again: expsdk show mine --backend memory, or expsdk.results("mine", backend="memory")',
        ]

    def test_ctrl_c_is_answered_in_the_order_of_what_happens(self, capsys: pytest.CaptureFixture[str]) -> None:
        sweep(trials=1).run("memory", function=interrupts_once)
        go_on = 'expsdk resume mine --backend memory, or sweep(name="mine", …).run(resume=True)'
        assert capsys.readouterr().err.splitlines()[1:] == [
            f"expsdk: {HEARD}",
            "expsdk: [1/1] mine-0000  cancelled  x=0",
            "expsdk: mine: 1 cancelled (interrupted: finished trials are kept)",
            "expsdk: kept in memory/mine",
            f'expsdk: go on: {go_on}, or expsdk.attach("mine", backend="memory").run()',
            'expsdk: look again: expsdk show mine --backend memory, or expsdk.results("mine", backend="memory")',
        ]

    @pytest.mark.parametrize("quietly", [False, "quiet"])
    def test_nothing_is_shown_where_nothing_is_wanted(
        self, capsys: pytest.CaptureFixture[str], quietly: bool | str
    ) -> None:
        sweep().run("memory", progress=quietly)
        assert capsys.readouterr() == ("", "")

    def test_the_environment_may_want_nothing(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("EXPSDK_PROGRESS", "quiet")
        sweep().run("memory")
        assert capsys.readouterr() == ("", "")

    def test_a_display_that_there_is_not_is_refused_before_anything_is_made(
        self, backends: list[MemoryBackend]
    ) -> None:
        with pytest.raises(OptionError, match=r"progress is one of live, plain, quiet, True or False, not 'lines'"):
            sweep().run("memory", progress="lines")
        assert backends == []
