"""What a backend must do, whichever it is: the suite runs once on every backend that is listed here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from expsdk import Experiment, Results, experiment, log_metric, results
from expsdk.backends.base import Backend, Records, Update
from expsdk.backends.kubernetes.volumes import Volume
from expsdk.backends.registry import make_backend, open_records
from expsdk.resources import experiment as experiment_records
from expsdk.resources.crd import json_schema
from expsdk.resources.result import Result, new_result
from expsdk.sweep.limits import Limits
from expsdk.sweep.plan import draw_name, plan_sweep
from expsdk.sweep.record import new_experiment
from expsdk_runtime.contract import Phase

ALIVE_FOR_S = 30.0
IMAGE = os.environ.get("EXPSDK_TESTS_IMAGE", "expsdk-scikit-learn:test")
"""An image with NumPy, for trials on a cluster."""


@dataclass
class Place:
    """A backend with a place of its own to keep experiments.

    Attributes:
        name: The backend's name.
        options: What it takes to read there.
        run_options: What it takes besides to run there.
        keeps_logs: Whether what trials print is kept.
        runs_at_once: Whether trials run beside the coordinator, several at a time.
    """

    name: str
    options: dict[str, Any]
    run_options: dict[str, Any]
    keeps_logs: bool
    runs_at_once: bool

    def run(self, train: Experiment[Any, Any], **sweep: Any) -> Results:
        """Run a sweep, by default over the whole grid, and see that all records are as their schemas say."""
        settings = {"sampler": "grid", "seed": 7, "name": draw_name("experiment")}
        found = train.sweep(**{**settings, **sweep}).run(
            backend=self.name, progress=False, **self.options, **self.run_options
        )
        self.check_records(found.name)
        return found

    def results(self, name: str) -> Results:
        return results(name, backend=self.name, **self.options)

    @property
    def records(self) -> Records:
        return open_records(self.name, **self.options)

    def documents(self, name: str) -> list[dict[str, Any]]:
        return self.records.results(name)

    def check_records(self, name: str) -> None:
        jsonschema.validate(self.records.experiment(name).to_document(), json_schema("Experiment"))
        for document in self.documents(name):
            jsonschema.validate(document, json_schema("Result"))
            json.dumps(document, allow_nan=False)
            rewritten = Result.model_validate(document).to_document()
            assert Result.model_validate(rewritten).to_document() == rewritten

    def backend(self) -> Backend:
        return make_backend(self.name, **self.options, **self.run_options)

    def is_kept(self, record: experiment_records.Experiment) -> bool:
        """Whether an experiment's record is as it was given, but for what the place adds to it."""
        kept = self.records.experiment(record.metadata.name)
        spec = kept.spec.model_copy(update={"job_template": record.spec.job_template})
        return (spec, kept.status) == (record.spec, record.status)

    def command(self, name: str, expression: str) -> list[str]:
        """Return what prints, in another process, an expression about `found`, the results."""
        code = (
            f"import expsdk; found = expsdk.results({name!r}, backend={self.name!r}, **{self.options!r});"
            f" print({expression}, end='')"
        )
        return [sys.executable, "-c", code]

    def read_elsewhere(self, name: str, expression: str) -> str:
        """Return what an expression about `found`, the results, is in another process."""
        return subprocess.run(self.command(name, expression), check=True, capture_output=True, text=True).stdout


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "place" in metafunc.fixturenames:
        metafunc.parametrize("place", metafunc.config.getoption("--place") or ["local", "debug"], indirect=True)


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "kubernetes":
        namespace = request.getfixturevalue("ready").namespace
        files = request.getfixturevalue("shared_directory")
        run_options = {"image": IMAGE, "output": Volume(host_path=str(files)), "report_interval_s": 0.5}
        return Place("kubernetes", {"namespace": namespace}, run_options, keeps_logs=True, runs_at_once=True)
    options = {"root": str(tmp_path / "experiments")}
    is_local = request.param == "local"
    return Place(request.param, options, {}, keeps_logs=is_local, runs_at_once=is_local)


@dataclass
class Coordinator:
    """Drives a backend by its verbs alone.

    Attributes:
        backend: The backend, with an experiment created.
        record: The experiment's record.
    """

    backend: Backend
    record: experiment_records.Experiment
    updates: list[Update] = field(default_factory=list)

    def launch(self, trial: int, /, *, attempt: int = 1, **parameters: Any) -> None:
        result = new_result(self.record.metadata.name, number=trial, parameters=parameters, seed=trial)
        self.backend.launch(result, attempt=attempt)

    def wait_for(self, condition: Callable[[Update], bool]) -> Update:
        """Return the first update that is as it should be."""
        give_up_at = time.monotonic() + ALIVE_FOR_S
        while time.monotonic() < give_up_at:
            with suppress(KeyboardInterrupt):
                updates = self.backend.wait(give_up_at - time.monotonic())
                self.updates += updates
                for update in updates:
                    if condition(update):
                        return update
        pytest.fail(f"it does not happen within {ALIVE_FOR_S:g} s; what did: {self.updates}")

    def end_of(self, number: int) -> dict[str, Any]:
        """Return a trial's status when its job has ended."""
        update = self.wait_for(lambda update: update.number == number and not update.alive)
        status: dict[str, Any] = update.document["status"]
        assert status["phase"] in Phase.FINISHED
        return status


@pytest.fixture
def coordinate(place: Place) -> Iterator[Callable[..., Coordinator]]:
    """Return a function that creates an experiment on the backend and returns who drives it."""
    begun: list[Backend] = []

    def begin(train: Experiment[Any, Any], *, parallelism: int = 2) -> Coordinator:
        plan = plan_sweep(
            train.definition,
            sampler="grid",
            seed=7,
            limits=Limits(parallelism=parallelism),
            name=draw_name("experiment"),
        )
        payload = train.pack()
        record = new_experiment(train.definition, plan, payload, name=str(plan.name))
        backend = place.backend()
        begun.append(backend)
        backend.create(record, payload)
        return Coordinator(backend, record)

    yield begin
    for backend in begun:
        backend.close()


@pytest.fixture
def train() -> Experiment[[int], float]:
    """A function that takes a number from 1 to 3 and returns it as its loss."""

    @experiment(space={"number": [1, 2, 3]}, objective="loss")
    def train(number: int) -> float:
        log_metric("loss", number)
        return float(number)

    return train
