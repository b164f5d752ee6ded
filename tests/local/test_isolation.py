"""Whatever a trial does to itself, it ends as its own failure with a reason in words, and the sweep goes on."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import expsdk

SCRIPTS = Path(__file__).parent / "scripts"


class Sweep:
    """A sweep that has run, one trial for every way to misbehave."""

    def __init__(self, workshop: Any, name: str, environment: dict[str, str]) -> None:
        for script in (f"{name}.py", f"train_{name}.py"):
            shutil.copy(SCRIPTS / script, workshop.directory)
        self.process = workshop.run(f"train_{name}.py", env=environment)
        assert self.process.returncode == 0, self.process.stderr
        self.left_running = workshop.processes()
        self.results = workshop.results(name)
        self.by_kind = {trial.parameters["kind"]: trial for trial in self.results}

    def log(self, kind: str) -> bytes:
        return Path(self.by_kind[kind].log_path or "").read_bytes()

    def directory(self, kind: str) -> Path:
        return Path(self.by_kind[kind].output_dir)


@pytest.fixture(scope="module", params=["forked", "fresh"])
def mode(request: pytest.FixtureRequest) -> str:
    """How trials start: forked, or as fresh interpreters because the user's module starts a thread."""
    return str(request.param)


@pytest.fixture(scope="module")
def mishaps(make_workshop: Callable[..., Iterator[Any]], mode: str) -> Iterator[Sweep]:
    for workshop in make_workshop("mishaps"):
        yield Sweep(workshop, "mishaps", {"START_THREAD": "1"} if mode == "fresh" else {})


@pytest.fixture(scope="module")
def overtime(make_workshop: Callable[..., Iterator[Any]], mode: str) -> Iterator[Sweep]:
    for workshop in make_workshop("overtime"):
        yield Sweep(workshop, "overtime", {"START_THREAD": "1"} if mode == "fresh" else {})


def test_trials_start_as_they_are_meant_to(mishaps: Sweep, mode: str) -> None:
    notice = "starts a fresh interpreter, which takes longer than a fork: the user's module starts threads"
    assert (notice in mishaps.process.stderr) == (mode == "fresh")
    assert ("the-users-own" in mishaps.process.stderr) == (mode == "fresh")


def test_every_trial_ends_and_nothing_is_left_running(mishaps: Sweep) -> None:
    assert all(trial.is_finished for trial in mishaps.results)
    assert mishaps.results.experiment.status.phase == "Succeeded"
    assert len(mishaps.results) > 30
    assert mishaps.left_running == {}


@pytest.mark.parametrize(
    ("kind", "reason", "words"),
    [
        ("fails", "UserError", ["return 1 / 0  # the user's own line", "ZeroDivisionError: division by zero"]),
        ("segfaults", "Crashed", ["SIGSEGV (Segmentation fault)", 'mishaps.py", line', "in segfaults"]),
        ("aborts", "Crashed", ["SIGABRT (Aborted)", "in aborts"]),
        ("exits_hard_3", "Crashed", ["with exit code 3 before the function returned", "these were its last words"]),
        ("exits_hard_0", "Crashed", ["with exit code 0 before the function returned"]),
        ("kills_itself", "Crashed", ["SIGKILL (Killed; the system does this when memory runs out)"]),
        ("needs_too_much_memory", "OutOfMemory", ["in needs_too_much_memory", "MemoryError"]),
        ("eats_all_memory", "OutOfMemory", ["in eats_all_memory", "MemoryError"]),
        ("recurses", "UserError", ["RecursionError: maximum recursion depth exceeded"]),
        ("says_exit_0", "NoObjective", ["without a value of its objective loss", "seen"]),
        ("says_exit_3", "UserError", ["SystemExit: 3"]),
        ("says_exit_in_words", "UserError", ["SystemExit: no data here"]),
        ("is_terminated", "Preempted", ["SIGTERM"]),
        ("raises_what_cannot_be_shown", "UserError", ["Broken"]),
        ("prints_bytes_and_crashes", "Crashed", ["with exit code 4"]),
        ("leaves_a_daemon_and_crashes", "Crashed", ["SIGSEGV", "in leaves_a_daemon_and_crashes"]),
    ],
)
def test_fails_for_a_reason_in_words(mishaps: Sweep, kind: str, reason: str, words: list[str]) -> None:
    trial = mishaps.by_kind[kind]
    assert (trial.phase, trial.reason) == ("Failed", reason), trial.error
    assert [part for part in words if part not in trial.error] == [], trial.error
    assert trial.ended is not None


@pytest.mark.parametrize(
    ("kind", "loss"),
    [
        ("fine", 1.0),
        ("prints_100_megabytes", 1.0),
        ("prints_bytes", 1.0),
        ("leaves_children", 1.0),
        ("leaves_a_daemon", 1.0),
        ("child_comes_back", 1.0),
        ("child_fails", 1.0),
        ("forks_a_pool", 6.0),
        ("spawns_a_pool", 6.0),
        ("ends_children_at_birth", 1.0),
        ("loads_data_in_workers", 3.0),
        ("uses_an_executor", 6.0),
        ("closes_everything", 1.0),
        ("writes_into_everything", 1.0),
        ("closes_its_output", 1.0),
        ("loses_its_output", 1.0),
        ("moves_away", 1.0),
        ("changes_the_interpreter", 1.0),
        ("has_exit_handlers", 1.0),
        ("has_a_daemon_thread", 1.0),
        ("deletes_its_directory", 1.0),
    ],
)
def test_succeeds_all_the_same(mishaps: Sweep, kind: str, loss: float) -> None:
    trial = mishaps.by_kind[kind]
    assert (trial.phase, dict(trial.values)) == ("Succeeded", {"loss": loss}), trial.error


def test_a_keyboard_interrupt_of_its_own_cancels_the_trial_alone(mishaps: Sweep) -> None:
    assert mishaps.by_kind["is_interrupted"].phase == "Cancelled"


def test_100_megabytes_are_in_the_log_whole(mishaps: Sweep) -> None:
    log = mishaps.log("prints_100_megabytes")
    assert len(log) == 100_000 * 1000 + len(b"the end\n")
    assert log.endswith(b"x\nthe end\n")


def test_binary_output_is_in_the_log_as_it_was_written(mishaps: Sweep) -> None:
    assert mishaps.log("prints_bytes") == bytes(range(256)) * 1000


def test_what_is_printed_before_a_crash_is_in_the_log(mishaps: Sweep) -> None:
    assert mishaps.log("exits_hard_3") == b"these were its last words\n"


def test_what_a_forked_child_raises_is_in_the_log(mishaps: Sweep) -> None:
    assert b"ValueError: the child's own" in mishaps.log("child_fails")


def test_exit_handlers_run_and_threads_are_waited_for(mishaps: Sweep) -> None:
    directory = mishaps.directory("has_exit_handlers")
    assert {name: (directory / name).read_text() for name in ("handler", "thread")} == {
        "handler": "has run",
        "thread": "has run",
    }


def test_what_one_trial_changes_another_does_not_see(mishaps: Sweep) -> None:
    assert mishaps.by_kind["touches_what_is_imported"].values == {"loss": 1.0}
    assert mishaps.by_kind["touches_it_again"].values == {"loss": 0.0}


@pytest.mark.parametrize(
    "kind",
    [
        "loops",
        "loops_in_c",
        "ignores_sigterm",
        "swallows_everything",
        "is_stopped",
        "saves_at_the_end",
    ],
)
def test_a_trial_that_takes_too_long_is_ended(overtime: Sweep, kind: str) -> None:
    trial = overtime.by_kind[kind]
    assert (trial.phase, trial.reason) == ("Failed", "Timeout"), trial.error
    assert trial.error == "the trial took longer than trial_timeout_s=1 allows"


def test_a_trial_that_is_told_to_end_may_still_save_its_state(overtime: Sweep) -> None:
    assert (overtime.directory("saves_at_the_end") / "state").read_text() == "saved"


def test_a_thread_that_never_ends_does_not_keep_a_trial(overtime: Sweep) -> None:
    assert overtime.by_kind["waits_for_a_thread"].phase == "Succeeded"
    assert overtime.by_kind["ends_in_time"].phase == "Succeeded"
    assert overtime.left_running == {}


def test_a_trial_that_is_killed_from_outside_fails_alone(
    workshop: Any, wait_for_trials: Callable[..., expsdk.Results]
) -> None:
    workshop.write(
        "train.py",
        """
        import time
        from expsdk import experiment, log_metric, output_dir

        @experiment(space={"number": [0, 1, 2]}, objective="loss")
        def train(number):
            log_metric("loss", number)
            while number == 0:
                time.sleep(0.01)

        if __name__ == "__main__":
            train.sweep(sampler="grid", name="outside").run()
        """,
    )
    with workshop.start("train.py") as process:
        os.kill(int(wait_for_trials("outside", 1)[0].environment["pid"]), signal.SIGKILL)
        process.communicate(timeout=30)
    results = workshop.results("outside")
    assert [trial.phase for trial in results] == ["Failed", "Succeeded", "Succeeded"]
    assert "SIGKILL" in results[0].error
    assert results[0].values == {"loss": 0.0}
