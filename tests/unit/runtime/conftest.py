"""Real trials to test with: in this process with a sink that remembers, or in a process of their own on a socket."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from expsdk.resources.crd import json_schema
from expsdk.resources.result import Result
from expsdk_runtime.contract import STATUS_LIMIT_BYTES, Assignment
from expsdk_runtime.runner import Ending, run_trial
from expsdk_runtime.sinks import Sink

RUNTIME = Path(sys.modules["expsdk_runtime"].__path__[0]).parent
VALIDATOR = jsonschema.Draft202012Validator(json_schema("Result"))


class MemorySink:
    """Remembers what was reported; fails as often as it is told, blocks while it is told, asks for a stop if told.

    Attributes:
        statuses: What was delivered, oldest first, as it would arrive.
        failures: What the next reports raise, one each.
        gate: Reports wait until it is set.
        asked: What `stop` says.
        attempted_at: When each report was tried, in seconds of the monotonic clock.
    """

    def __init__(self) -> None:
        self.interval_s = 0.01
        self.statuses: list[dict[str, Any]] = []
        self.failures: list[Exception] = []
        self.gate = threading.Event()
        self.gate.set()
        self.asked = ""
        self.attempted_at: list[float] = []

    def report(self, status: dict[str, Any]) -> None:
        self.attempted_at.append(time.monotonic())
        self.gate.wait()
        if self.failures:
            raise self.failures.pop()
        self.statuses.append(json.loads(json.dumps(status, allow_nan=False)))

    def stop(self) -> str:
        return self.asked

    def listen(self) -> None:
        return None


@dataclass
class Finished:
    """A trial that has ended in this process."""

    ending: Ending
    statuses: list[dict[str, Any]]
    output_dir: Path

    @property
    def status(self) -> dict[str, Any]:
        return self.statuses[-1]

    def journal(self) -> list[tuple[str, Any, int]]:
        lines = (self.output_dir / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        return [(point["metric"], point["value"], point["epoch"]) for point in map(json.loads, lines)]


@dataclass
class Job:
    """A trial that runs in a process of its own, whose coordinator is the test."""

    process: subprocess.Popen[str]
    connection: socket.socket
    received: bytes = b""
    statuses: list[dict[str, Any]] = field(default_factory=list)
    stdout: str = ""
    stderr: str = ""

    def read(self) -> bool:
        """Wait for something from the trial; return False where it has closed its side."""
        chunk = self.connection.recv(65536)
        *lines, self.received = (self.received + chunk).split(b"\n")
        self.statuses += [json.loads(line) for line in lines]
        return bool(chunk)

    def wait_for(self, condition: Callable[[dict[str, Any]], object]) -> None:
        """Read until a status is as wished."""
        while not (self.statuses and condition(self.statuses[-1])):
            assert self.read(), "the trial ended before it reported so"

    def wait_for_line(self, text: str) -> None:
        """Read the trial's output until it has printed a line."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.stdout += line
            if line.strip() == text:
                return
        raise AssertionError(f"the trial never printed {text!r}, but: {self.stdout}")

    def ask(self, stop: str) -> None:
        self.connection.sendall(json.dumps({"stop": stop}).encode() + b"\n")

    def end(self) -> int:
        """Wait for the trial's end; return its exit code."""
        while self.read():
            pass
        out, self.stderr = self.process.communicate(timeout=30)
        self.stdout += out
        return self.process.returncode


def check_status(status: dict[str, Any]) -> None:
    """Fail where a status is no valid part of a Result, by its schema as well as by its model."""
    text = json.dumps(status, allow_nan=False)
    assert len(text) <= STATUS_LIMIT_BYTES
    document = {
        "apiVersion": "expsdk.dev/v1alpha1",
        "kind": "Result",
        "metadata": {"name": "train-0003"},
        "spec": {"experiment": "train", "number": 3, "parameters": {}, "seed": 7},
        "status": json.loads(text),
    }
    VALIDATOR.validate(document)
    result = Result.model_validate_json(json.dumps(document, ensure_ascii=False).encode())
    assert result.status.phase == status["phase"]
    assert set(result.status.metrics) == set(status["metrics"])


@pytest.fixture
def check_document() -> Callable[[dict[str, Any]], None]:
    return check_status


@pytest.fixture
def make_assignment(tmp_path: Path) -> Callable[..., Assignment]:
    def make(**changes: Any) -> Assignment:
        usual: dict[str, Any] = {
            "experiment": "train",
            "name": "train-0003",
            "number": 3,
            "attempt": 1,
            "parameters": {},
            "objectives": [("loss", "minimize")],
            "seed": 7,
            "output_dir": str(tmp_path / "trial"),
            "checkpoint_dir": str(tmp_path / "trial" / "checkpoint"),
        }
        return Assignment(**{**usual, **changes})

    return make


@pytest.fixture
def make_sink() -> Iterator[Callable[[], MemorySink]]:
    """Sinks; whatever was reported to them is checked in the end."""
    sinks: list[MemorySink] = []

    def make() -> MemorySink:
        sinks.append(MemorySink())
        return sinks[-1]

    yield make
    for sink in sinks:
        sink.gate.set()
        for status in sink.statuses:
            check_status(status)


@pytest.fixture
def run(make_sink: Callable[[], MemorySink], make_assignment: Callable[..., Assignment]) -> Callable[..., Finished]:
    """Run a function as a trial in this process."""

    def run_here(
        function: Callable[..., object], *, sink: Sink | None = None, project_dir: str | None = None, **changes: Any
    ) -> Finished:
        assignment = make_assignment(**changes)
        used: Any = sink or make_sink()
        ending = run_trial(function, assignment, used, digest="sha256:00", project_dir=project_dir)
        return Finished(ending, used.statuses, Path(assignment.output_dir))

    return run_here


_MAIN = """
import socket, sys
sys.path.insert(0, {runtime!r})
from expsdk_runtime.bootstrap import run_attached
names = {{"__name__": "user"}}
def load():
    exec(compile(open({script!r}).read(), {script!r}, "exec"), names)
    return names["train"]
sys.exit(run_attached(load, socket.socket(fileno=int(sys.argv[1])), project_dir={project!r}, digest="sha256:00"))
"""


@pytest.fixture
def start_job(tmp_path: Path, make_assignment: Callable[..., Assignment]) -> Iterator[Callable[..., Job]]:
    """Start a script's function `train` as a trial in a process of its own; every status it sends is checked."""
    jobs: list[Job] = []

    def start(script: str, **changes: Any) -> Job:
        path = tmp_path / "script.py"
        path.write_text(textwrap.dedent(script), encoding="utf-8")
        main = _MAIN.format(runtime=str(RUNTIME), script=str(path), project=str(tmp_path))
        ours, theirs = socket.socketpair()
        ours.settimeout(30)
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-u", "-c", main, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        jobs.append(Job(process, ours))
        ours.sendall(make_assignment(**changes).to_json().encode() + b"\n")
        return jobs[-1]

    yield start
    for job in jobs:
        job.process.kill()
        job.process.communicate()
        job.connection.close()
        for status in job.statuses:
            check_status(status)
