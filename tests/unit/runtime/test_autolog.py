"""Autolog without its libraries: hooks after imports, what is recorded, and that nothing fails a trial."""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from expsdk_runtime import tracking
from expsdk_runtime.autolog import hooks, recording
from expsdk_runtime.contract import Assignment

SOURCE = "class Writer:\n    def add(self, value):\n        return value\n"


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a library that can be imported, with a submodule."""
    (tmp_path / "some_library").mkdir()
    (tmp_path / "some_library" / "__init__.py").write_text("")
    (tmp_path / "some_library" / "writer.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    yield "some_library.writer"
    for name in ("some_library", "some_library.writer"):
        sys.modules.pop(name, None)


@pytest.fixture
def attached(library: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the library's modules that were hooked; its finder is the first."""
    names: list[str] = []
    ours = SimpleNamespace(attach=lambda module: names.append(module.__name__))
    monkeypatch.setitem(sys.modules, "expsdk_runtime.autolog.some", ours)
    monkeypatch.setattr(sys, "meta_path", [hooks.Finder({library: "some"}), *sys.meta_path])
    monkeypatch.setattr(hooks, "_complained", set())
    return names


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Iterator[tracking.Recorder]:
    recorder = tracking.Recorder(lambda: True)
    assignment = Assignment(
        experiment="e",
        name="e-0000",
        number=0,
        attempt=1,
        parameters={},
        objectives=[("loss", "minimize")],
        seed=0,
        output_dir="",
        checkpoint_dir="",
    )
    for variable in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setitem(recording._switch, "on", True)
    tracking.enter(tracking.Trial(assignment), recorder)
    yield recorder
    tracking.leave()


def points(recorder: tracking.Recorder) -> list[tuple[dict[str, float], int | None]]:
    return [(dict(values), epoch) for piece in recorder.take() for values, epoch, _ in piece]


def test_a_module_is_hooked_once_it_is_imported_and_nothing_else_is_changed(library: str, attached: list[str]) -> None:
    module = importlib.import_module(library)
    assert attached == [library]
    assert module.__spec__ is not None
    assert module.__loader__ is module.__spec__.loader
    assert "exec_module" not in vars(module.__loader__)


def test_a_module_that_is_loaded_anew_is_hooked_anew(library: str, attached: list[str]) -> None:
    importlib.reload(importlib.import_module(library))
    assert attached == [library, library]


def test_a_module_that_fails_to_import_fails_as_ever(library: str, attached: list[str], tmp_path: Path) -> None:
    (tmp_path / "some_library" / "writer.py").write_text("raise RuntimeError('as ever')")
    with pytest.raises(RuntimeError, match="as ever"):
        importlib.import_module(library)
    assert attached == []


def test_what_is_loaded_already_is_hooked(library: str, attached: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "meta_path", sys.meta_path[1:])
    importlib.import_module(library)
    hooks.attach_to_loaded({library: "some", "not_loaded": "some"})
    assert attached == [library]


@pytest.mark.usefixtures("attached")
def test_a_hook_that_does_not_fit_the_library_is_said_once(
    library: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def attach(module: object) -> None:
        raise AttributeError("there is no such class")

    ours = SimpleNamespace(attach=attach)
    monkeypatch.setitem(sys.modules, "expsdk_runtime.autolog.some", ours)
    importlib.reload(importlib.import_module(library))
    assert capsys.readouterr().err == (
        "expsdk: not all metrics of some are logged automatically (AttributeError: there is no such class): log"
        " them with log_metric, or turn this off with @experiment(autolog=False)\n"
    )


@pytest.mark.usefixtures("attached")
def test_a_hook_that_fails_leaves_the_call_alone_and_a_stop_passes(
    library: str, recorder: tracking.Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    module: Any = importlib.import_module(library)
    hooks.call_after(module.Writer, "add", "some", lambda _, value: recording.record({"loss": 1 / value}))
    writer = module.Writer()
    assert [writer.add(value) for value in (0, 2, 0)] == [0, 2, 0]
    assert capsys.readouterr().err.count("ZeroDivisionError") == 1
    assert points(recorder) == [({"loss": 0.5}, None)]
    recorder.ask("pruned")
    with pytest.raises(tracking.TrialStopped):
        writer.add(2)


@pytest.mark.usefixtures("attached")
def test_a_function_is_wrapped_once(library: str, recorder: tracking.Recorder) -> None:
    module: Any = importlib.import_module(library)
    for _ in range(2):
        hooks.call_after(module.Writer, "add", "some", lambda _, value: recording.record({"loss": value}))
    module.Writer().add(1)
    assert points(recorder) == [({"loss": 1.0}, None)]


def test_only_numbers_are_recorded_and_names_are_made_to_fit(recorder: tracking.Recorder) -> None:
    recording.record({"text": "0.5", "none": None, "list": [1], 7: 1, "x" * 200: True, "": 2, "nan": float("nan")}, 3)
    ((values, epoch),) = points(recorder)
    assert epoch == 3
    assert list(values) == ["7", "x" * 128, "unnamed", "nan"]


@pytest.mark.parametrize(("step", "epoch"), [(None, None), (0, 0), (2.5, None), (-1, None), ("1", None), (2**60, None)])
def test_what_is_no_epoch_counts_as_the_next(recorder: tracking.Recorder, step: Any, epoch: int | None) -> None:
    recording.record({"loss": 1}, step)
    assert points(recorder) == [({"loss": 1.0}, epoch)]


def test_a_second_training_goes_on_where_the_first_has_ended(recorder: tracking.Recorder) -> None:
    for _ in range(2):
        course = recording.Course()
        for epoch in range(2):
            course.record({"loss": epoch}, epoch)
    recording.Course().record({"loss": 0}, 4)  # it says itself that it goes on
    recording.Course().record({"another": 0}, 0)
    assert [epoch for _, epoch in points(recorder)] == [0, 1, 2, 3, 4, 0]


def test_ranks_above_0_are_silent(recorder: tracking.Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    for rank in ("0", "1"):
        monkeypatch.setenv("RANK", rank)
        recording.record({"loss": 1})
        recording.Course().record({"loss": 1}, 3)
    assert [epoch for _, epoch in points(recorder)] == [None, 3]


def test_what_a_library_logs_through_another_is_muted_in_its_own_thread(recorder: tracking.Recorder) -> None:
    with recording.muted():
        recording.record({"loss": 1})
        other = threading.Thread(target=lambda: recording.record({"loss": 2}))
        other.start()
        other.join()
    recording.record({"loss": 3})
    assert points(recorder) == [({"loss": 2.0}, None), ({"loss": 3.0}, None)]


def test_outside_a_trial_nothing_is_recorded_or_said(capsys: pytest.CaptureFixture[str]) -> None:
    recording.record({"loss": 1})
    recording.Course().record({"loss": 1}, 0)
    assert capsys.readouterr() == ("", "")
