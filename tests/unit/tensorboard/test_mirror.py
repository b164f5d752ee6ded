"""Results mirrored into event files: complete and with real times where the trial's files are there, and once."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from simulation.documents import ENDED, STARTED, make_experiment

from expsdk.backends.local.store import FileStore
from expsdk.errors import ExperimentNotFound, StorageError
from expsdk.resources.times import parse_time
from expsdk.tensorboard.mirror import Mirror
from expsdk_runtime.journal import Journal

BEGUN, OVER = parse_time(STARTED).timestamp(), parse_time(ENDED).timestamp()


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    """A store with an experiment that no process drives."""
    store = FileStore(root=tmp_path / "kept")
    store.create(make_experiment("train")).close()
    return store


def document(number: int, *, epochs: int, phase: str = "Succeeded", stride: int = 1, **status: Any) -> dict[str, Any]:
    """Return a Result whose loss was logged so many times."""
    steps = [*range(0, epochs - 1, stride), epochs - 1]
    history = {"loss": {"stride": stride, "points": [steps, [1 / (step + 1) for step in steps]]}}
    summary = {"loss": {"last": 1 / epochs, "min": 1 / epochs, "max": 1.0, "best": 1 / epochs, "epoch": epochs - 1}}
    return {
        "apiVersion": "expsdk.dev/v1alpha1",
        "kind": "Result",
        "metadata": {"name": f"train-{number:04d}"},
        "spec": {"experiment": "train", "number": number, "parameters": {"x": 0.25}, "seed": 1},
        "status": {
            "phase": phase,
            "attempt": 1,
            "startTime": STARTED,
            "completionTime": None if phase == "Running" else ENDED,
            "epoch": epochs - 1,
            "metrics": summary,
            "history": history,
            **status,
        },
    }


def mirrored(store: FileStore, directory: Path) -> None:
    mirror = Mirror(store, "train", directory)
    mirror.update()
    mirror.close()


def test_the_full_series_is_taken_from_the_trials_own_files(
    store: FileStore, tmp_path: Path, read_run: Callable[..., Any]
) -> None:
    """A Result's history is thinned, and has no times."""
    output = store.prepare_trial("train", 0)
    Journal(str(output / "metrics.jsonl")).write([({"loss": 1 / (i + 1)}, i, BEGUN + i / 1000) for i in range(500)])
    store.write_result(document(0, epochs=500, stride=8, outputDir=str(output)))
    mirrored(store, tmp_path / "board")
    run = read_run(tmp_path / "board" / "train-0000")
    assert run.steps("loss") == list(range(500))
    assert run.scalars["loss"][-1] == (499, pytest.approx(1 / 500), pytest.approx(BEGUN + 0.499, abs=1e-5))
    assert (run.parameters, run.status) == ({"x": 0.25}, "STATUS_SUCCESS")


def test_without_those_it_is_the_history_with_times_between_start_and_end(
    store: FileStore, tmp_path: Path, read_run: Callable[..., Any]
) -> None:
    store.write_result(document(0, epochs=10, outputDir="s3://elsewhere"))
    mirrored(store, tmp_path / "board")
    run = read_run(tmp_path / "board" / "train-0000")
    assert run.steps("loss") == list(range(10))
    times = [at for _, _, at in run.scalars["loss"]]
    assert times == sorted(times)
    assert times[0] > BEGUN
    assert times[-1] == pytest.approx(OVER)


def test_a_trial_that_runs_is_followed_and_its_points_are_dated_when_they_are_seen(
    store: FileStore, tmp_path: Path, read_run: Callable[..., Any]
) -> None:
    before = time.time()
    with store.lock("train"):
        store.write_result(document(0, epochs=3, phase="Running"))
        mirror = Mirror(store, "train", tmp_path / "board")
        assert mirror.is_live()
        mirror.update()
        changes = mirror.follow()
        for epochs, stride in ((4, 1), (9, 2)):
            store.write_result(document(0, epochs=epochs, phase="Running", stride=stride))
            next(changes)
        run = read_run(tmp_path / "board" / "train-0000")
        assert (run.steps("loss"), run.status) == ([0, 1, 2, 3, 4, 6, 8], "")
        store.write_result(document(0, epochs=9, stride=2))
        next(changes)
        mirror.close()
    run = read_run(tmp_path / "board" / "train-0000")
    assert (run.steps("loss"), run.status) == ([0, 2, 4, 6, 8], "STATUS_SUCCESS")
    assert [at >= before for _, _, at in run.scalars["loss"]] == [False, True, True, True, True], (
        "the last of the first was new"
    )


def test_another_mirror_goes_on_and_writes_nothing_twice(
    store: FileStore, tmp_path: Path, read_run: Callable[..., Any]
) -> None:
    store.write_result(document(0, epochs=3))
    with store.lock("train"):
        store.write_result(document(1, epochs=3, phase="Running"))
        mirrored(store, tmp_path / "board")
        (first,) = (tmp_path / "board" / "train-0000").iterdir()
        store.write_result(document(1, epochs=5, phase="Running"))
        mirrored(store, tmp_path / "board")
    assert list((tmp_path / "board" / "train-0000").iterdir()) == [first]
    assert read_run(tmp_path / "board" / "train-0001").steps("loss") == [0, 1, 2, 3, 4]


def test_a_new_attempt_and_a_directory_that_was_deleted_are_written_anew(
    store: FileStore, tmp_path: Path, read_run: Callable[..., Any]
) -> None:
    for number in range(2):
        store.write_result(document(number, epochs=3))
    mirrored(store, tmp_path / "board")
    store.write_result(document(0, epochs=6, attempt=2))
    for path in (tmp_path / "board" / "train-0001").iterdir():
        path.unlink()
    (tmp_path / "board" / "train-0001").rmdir()
    mirrored(store, tmp_path / "board")
    assert [read_run(tmp_path / "board" / f"train-000{i}").steps("loss")[-1] for i in range(2)] == [5, 2]


def test_another_experiment_of_the_same_name_replaces_the_first(
    store: FileStore, tmp_path: Path, read_run: Callable[..., Any]
) -> None:
    store.write_result(document(0, epochs=3))
    mirrored(store, tmp_path / "board")
    other = FileStore(root=tmp_path / "other")
    other.create(make_experiment("train")).close()
    other.write_result(document(0, epochs=7))
    mirrored(other, tmp_path / "board")
    assert read_run(tmp_path / "board" / "train-0000").steps("loss")[-1] == 6


def test_a_lost_trial_has_failed_and_one_that_has_not_begun_is_not_there(
    store: FileStore, tmp_path: Path, read_run: Callable[..., Any]
) -> None:
    store.write_result(document(0, epochs=3, phase="Running"))
    store.write_result(document(1, epochs=1, phase="Pending", startTime=None, completionTime=None))
    mirrored(store, tmp_path / "board")
    assert read_run(tmp_path / "board" / "train-0000").status == "STATUS_FAILURE"
    assert not (tmp_path / "board" / "train-0001").exists()


def test_an_unknown_experiment_and_a_place_that_cannot_be_written_are_errors(store: FileStore, tmp_path: Path) -> None:
    with pytest.raises(ExperimentNotFound):
        Mirror(store, "trian", tmp_path)
    store.write_result(document(0, epochs=3))
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError) as error:
        mirrored(store, tmp_path / "file")
    assert str(error.value) == (
        f"event files are written to {tmp_path / 'file'}, and that cannot be done (Not a directory); give another place"
        " with --logdir"
    )
