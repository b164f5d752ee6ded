"""When a trial tells of its packages: once its function is called, in the background, and by its end at the latest."""

from __future__ import annotations

import threading
from importlib.metadata import version
from pathlib import Path
from typing import Any

from expsdk_runtime.contract import Assignment, Phase
from expsdk_runtime.place import Place
from expsdk_runtime.runner import run_trial


class Sink:
    """Keeps every status."""

    interval_s = 0.01

    def __init__(self) -> None:
        self.statuses: list[dict[str, Any]] = []
        self.told = threading.Event()

    def report(self, status: dict[str, Any]) -> None:
        self.statuses.append(status)
        if "packages" in status["environment"]:
            self.told.set()

    def stop(self) -> str:
        return ""

    def listen(self) -> None:
        return None


def run(tmp_path: Path, function: Any, **options: Any) -> Sink:
    assignment = Assignment(
        experiment="train",
        name="train-0000",
        number=0,
        attempt=1,
        parameters={},
        objectives=[("loss", "minimize")],
        seed=1,
        output_dir=str(tmp_path),
        checkpoint_dir=str(tmp_path / "checkpoint"),
    )
    sink = options.pop("sink", None) or Sink()
    run_trial(function, assignment, sink, imports=["numpy"], **options)
    return sink


def test_a_function_that_returns_at_once_is_told_with_its_packages(tmp_path: Path) -> None:
    last = run(tmp_path, lambda: 1.0).statuses[-1]
    assert last["phase"] == Phase.SUCCEEDED
    assert last["environment"]["packages"] == f"numpy=={version('numpy')}"
    assert last["environment"]["python"]


def test_they_are_told_while_it_runs(tmp_path: Path) -> None:
    sink = Sink()
    run(tmp_path, lambda: float(sink.told.wait(30)), sink=sink)
    assert sink.statuses[-1]["objectives"] == {"loss": 1.0}
    assert any("packages" in each["environment"] and each["phase"] == Phase.RUNNING for each in sink.statuses)


def test_what_is_installed_before_the_function_counts(tmp_path: Path, monkeypatch: Any) -> None:
    """As a pod's packages are."""
    site = tmp_path / "site"

    def prepare() -> None:
        about = site / "numpy-99.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: numpy\nVersion: 99\n")
        (about / "RECORD").write_text("numpy/__init__.py,,\n")
        monkeypatch.syspath_prepend(str(site))

    last = run(tmp_path / "output", lambda: 1.0, place=Place(prepare=prepare)).statuses[-1]
    assert last["environment"]["packages"] == "numpy==99"


def test_a_failure_tells_them_too(tmp_path: Path) -> None:
    def fail() -> None:
        raise ValueError("no")

    last = run(tmp_path, fail).statuses[-1]
    assert (last["phase"], last["environment"]["packages"][:7]) == (Phase.FAILED, "numpy==")
