"""A trial begins with its parent's checkpoints: a copy of its own, whole or not at all."""

from __future__ import annotations

import os
import signal
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from expsdk_runtime import checkpoint_dir, current_trial
from expsdk_runtime.contract import Phase, Reason

Run = Callable[..., Any]
StartJob = Callable[..., Any]


@pytest.fixture
def parent(tmp_path: Path) -> dict[str, Any]:
    """What an assignment says of a parent that has left checkpoints."""
    directory = tmp_path / "train-0001" / "checkpoint"
    (directory / "deep").mkdir(parents=True)
    (directory / "weights").write_bytes(bytes(range(256)))
    (directory / "deep" / "epoch").write_text("7")
    (directory / "last").symlink_to("weights")
    (directory / "weights").chmod(0o440)
    return {"parent": "train-0001", "parent_checkpoint_dir": str(directory)}


def loss_of_found() -> float:
    """What the test's functions return: 1.0 where there is a whole copy."""
    return float((checkpoint_dir() / "deep" / "epoch").exists() and (checkpoint_dir() / "weights").stat().st_size)


def test_it_begins_with_a_copy(run: Run, parent: dict[str, Any], tmp_path: Path) -> None:
    def train() -> float:
        trial = current_trial()
        assert trial is not None
        assert trial.parent == "train-0001"
        own = checkpoint_dir()
        assert (own / "weights").read_bytes() == bytes(range(256))
        assert stat.S_IMODE((own / "weights").stat().st_mode) == 0o440
        assert str((own / "last").readlink()) == "weights"
        assert (own / "deep" / "epoch").read_text() == "7"
        (own / "deep" / "epoch").write_text("8")
        return 1.0

    finished = run(train, **parent)
    assert finished.ending.phase == Phase.SUCCEEDED, finished.ending.message
    assert sorted(path.name for path in finished.output_dir.iterdir()) == ["checkpoint", "metrics.jsonl"]
    assert (tmp_path / "train-0001" / "checkpoint" / "deep" / "epoch").read_text() == "7"


@pytest.mark.parametrize("attempt", [1, 2])
def test_what_a_former_attempt_has_of_its_own_is_left_alone(run: Run, parent: dict[str, Any], attempt: int) -> None:
    def first() -> float:
        (checkpoint_dir() / "deep" / "epoch").write_text("8")
        raise RuntimeError("preempted, say")

    def second() -> float:
        return float((checkpoint_dir() / "deep" / "epoch").read_text())

    run(first, **parent)
    assert run(second, attempt=attempt, **parent).status["objectives"] == {"loss": 8.0}


def test_a_former_attempts_empty_directory_is_its_own_too(run: Run, parent: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "trial" / "checkpoint").mkdir(parents=True)
    assert run(loss_of_found, attempt=2, **parent).status["objectives"] == {"loss": 0.0}


@pytest.mark.parametrize("attempt", [1, 2])
def test_part_of_a_copy_is_thrown_away(run: Run, parent: dict[str, Any], tmp_path: Path, attempt: int) -> None:
    partial = tmp_path / "trial" / "checkpoint.partial"
    partial.mkdir(parents=True)
    (partial / "weights").write_bytes(b"half")
    (partial / "stray").write_bytes(b"of another time")
    finished = run(lambda: len(list(checkpoint_dir().iterdir())), attempt=attempt, **parent)
    assert finished.status["objectives"] == {"loss": 3.0}  # nothing stray
    assert not partial.exists()


def test_a_process_that_ends_while_it_copies_leaves_nothing_that_is_taken_for_whole(
    start_job: StartJob, parent: dict[str, Any], tmp_path: Path
) -> None:
    large = Path(parent["parent_checkpoint_dir"]) / "large"
    large.touch()
    os.truncate(large, 2**33)  # it has no blocks, and copying it takes seconds
    script = """
        from pathlib import Path
        from expsdk_runtime import checkpoint_dir
        def train():
            return len(list(checkpoint_dir().iterdir()))
    """
    trial = tmp_path / "trial"
    job = start_job(script, **parent)
    while not (trial / "checkpoint.partial" / "large").exists():
        assert job.process.poll() is None
        time.sleep(0.001)
    job.process.kill()
    assert job.end() == -signal.SIGKILL
    assert not (trial / "checkpoint").exists()
    large.unlink()
    job = start_job(script, attempt=2, **parent)
    assert job.end() == 0
    assert job.statuses[-1]["objectives"] == {"loss": 3.0}
    assert not (trial / "checkpoint.partial").exists()


def test_a_parent_without_checkpoints_is_no_error(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    absent = str(tmp_path / "train-0001" / "checkpoint")
    finished = run(loss_of_found, parent="train-0001", parent_checkpoint_dir=absent)
    assert finished.status["objectives"] == {"loss": 0.0}
    assert f"train-0001 has left no checkpoints, and this trial begins without ({absent})" in capsys.readouterr().err


def test_a_trial_without_a_parent_says_so(run: Run) -> None:
    def train() -> float:
        trial = current_trial()
        assert trial is not None
        return float(trial.parent == "" and not any(checkpoint_dir().iterdir()))

    assert run(train).status["objectives"] == {"loss": 1.0}


def test_a_copy_that_fails_ends_the_trial_in_words(run: Run, parent: dict[str, Any]) -> None:
    os.mkfifo(Path(parent["parent_checkpoint_dir"]) / "pipe")
    called: list[bool] = []
    finished = run(lambda: called.append(True), **parent)
    assert not called
    assert (finished.ending.phase, finished.ending.reason) == (Phase.FAILED, Reason.LAUNCH_FAILED)
    assert finished.ending.message.startswith(
        "the trial goes on from the checkpoints of train-0001, and they cannot be copied from "
    )
    assert "is a named pipe" in finished.ending.message
    assert not (finished.output_dir / "checkpoint").exists()
