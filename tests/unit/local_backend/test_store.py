"""Experiments as directories: there whole or not at all, and one coordinator's at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from expsdk.backends.local.lock import release, take
from expsdk.backends.local.store import FileStore
from expsdk.errors import BackendError, ExperimentExists, StorageError
from expsdk.resources.experiment import Experiment, ExperimentMetadata, ExperimentSpec

SPEC = ExperimentSpec.model_validate({"objectives": [{"metric": "loss", "direction": "minimize"}]})


def record(name: str) -> Experiment:
    return Experiment(metadata=ExperimentMetadata(name=name), spec=SPEC)


def test_an_experiment_is_there_whole_and_taken(tmp_path: Path) -> None:
    store = FileStore(root=tmp_path)
    with store.create(record("first")):
        assert store.names() == ["first"]
        assert store.is_driven("first")
        assert {path.name for path in tmp_path.iterdir()} == {".gitignore", "first"}
    assert not store.is_driven("first")


def test_what_a_killed_coordinator_has_half_made_takes_no_name_away(tmp_path: Path) -> None:
    store = FileStore(root=tmp_path)
    half = tmp_path / ".first.0a1b2c3d"
    half.mkdir(parents=True)
    (half / "experiment.json").write_text(record("first").model_dump_json(by_alias=True))
    assert store.names() == []
    with store.create(record("first")):
        assert store.names() == ["first"]


@pytest.mark.parametrize("kind", ["experiment", "directory", "file"])
def test_what_has_the_name_is_left_alone(tmp_path: Path, kind: str) -> None:
    store = FileStore(root=tmp_path)
    if kind == "experiment":
        store.create(record("taken")).close()
    elif kind == "directory":
        (tmp_path / "taken").mkdir()
        (tmp_path / "taken" / "mine").write_text("precious")
    else:
        (tmp_path / "taken").write_text("precious")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(ExperimentExists, match=r"give another name=, or go on with that one: run\(resume=True\)$"):
        store.create(record("taken"))
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert {path: content for path, content in after.items() if path.name != ".gitignore"} == {
        path: content for path, content in before.items() if path.name != ".gitignore"
    }


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "full").symlink_to("/dev/full")
    store = FileStore(root=tmp_path / "full" / "root")
    with pytest.raises(StorageError, match=r"records are kept in files, but .* cannot be written"):
        store.create(record("first"))


def test_who_drives_it_is_told_to_the_next_one(tmp_path: Path) -> None:
    with take(tmp_path / "lock", "first"):
        with pytest.raises(BackendError) as refused:
            take(tmp_path / "lock", "first", patience_s=60.0)
        assert str(refused.value) == (
            f"one coordinator drives an experiment, and process {os.getpid()} drives 'first' now; end that one first,"
            " or look on: expsdk.attach('first').watch()"
        )
    release(take(tmp_path / "lock", "first"))


def test_what_a_dead_coordinator_has_left_running_is_waited_for(tmp_path: Path) -> None:
    """The lock is its child's until that has ended, too; the coordinator itself is gone at once."""
    path = tmp_path / "lock"
    code = (
        "import subprocess, sys; from pathlib import Path; from expsdk.backends.local.lock import take\n"
        f"lock = take(Path({str(path)!r}), 'first')\n"
        "subprocess.Popen([sys.executable, '-c', 'import sys; sys.stdin.read()'], pass_fds=[lock.fileno()])\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as coordinator:
        coordinator.wait(30)
        with pytest.raises(BackendError, match=f"process {coordinator.pid} drives"):
            take(path, "first")
        assert coordinator.stdin is not None
        coordinator.stdin.close()
        take(path, "first", patience_s=30.0).close()
