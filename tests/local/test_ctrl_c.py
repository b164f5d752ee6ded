"""Ctrl-C once ends a sweep in order and keeps what there is; twice, it kills."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pexpect
import pytest

import expsdk

TRAIN = """
    import signal
    import sys
    import time

    from expsdk import experiment, log_metric, output_dir

    def ends_at_once():
        log_metric("loss", 1.0)

    def listens():
        try:
            while True:
                log_metric("loss", 2.0)
                time.sleep(0.01)
        finally:
            (output_dir() / "state").write_text("saved")

    def is_deaf():
        log_metric("loss", 3.0)
        try:
            time.sleep(3600)
        finally:
            (output_dir() / "state").write_text("saved")

    def ignores_everything():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        log_metric("loss", 4.0)
        while True:
            time.sleep(0.01)

    @experiment(space={"kind": ["ends_at_once", "listens", "is_deaf", "ignores_everything"]}, objective="loss")
    def train(kind):
        DEEDS[kind]()

    DEEDS = {each.__name__: each for each in (ends_at_once, listens, is_deaf, ignores_everything)}
    GRACE_S = float(sys.argv[1])

    if __name__ == "__main__":
        before = signal.getsignal(signal.SIGINT)
        results = train.sweep(sampler="grid", parallelism=3, grace_s=GRACE_S, name="stopped").run()
        assert signal.getsignal(signal.SIGINT) is before
        print("returned", results.counts)
"""


@pytest.fixture
def begin(workshop: Any, wait_for_trials: Callable[..., expsdk.Results], wait_until: Callable[..., Any]) -> Any:
    """Return a function that starts a sweep, by `start`, and waits until three of its trials run."""

    def begin(start: Callable[..., Any], *, grace_s: float) -> Any:
        workshop.write("train.py", TRAIN)
        process = start("train.py", str(grace_s))
        wait_for_trials("stopped", 3, meanwhile=getattr(process, "read_all", lambda: None))
        return process

    return begin


def test_once_keeps_what_there_is(workshop: Any, begin: Any) -> None:
    with begin(workshop.start, grace_s=0.3) as process:
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    assert output == "returned {'Succeeded': 1, 'Cancelled': 3}\n"
    assert "interrupted: no more trials are launched and the running ones are asked to stop" in errors
    results = workshop.results("stopped")
    assert [trial.phase for trial in results] == ["Succeeded", "Cancelled", "Cancelled", "Cancelled"]
    assert [trial.reason for trial in results][1:] == ["Interrupted"] * 3
    assert [trial.values["loss"] for trial in results] == [1.0, 2.0, 3.0, 4.0]
    assert results.experiment.status.phase == "Cancelled"
    for trial in results[1:3]:
        assert (Path(trial.output_dir) / "state").read_text() == "saved"


def test_twice_kills(workshop: Any, begin: Any, wait_until: Callable[..., Any]) -> None:
    with begin(workshop.start, grace_s=3600) as process:
        process.send_signal(signal.SIGINT)
        wait_until(lambda: workshop.results("stopped")[1].phase == "Cancelled")
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGINT
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert (output, workshop.processes()) == ("", {})
    results = workshop.results("stopped")
    assert [trial.phase for trial in results] == ["Succeeded", "Cancelled", "Cancelled", "Cancelled"]
    assert [trial.values["loss"] for trial in results] == [1.0, 2.0, 3.0, 4.0]
    assert results.experiment.status.phase == "Cancelled"


@pytest.mark.parametrize("plain", [False, True], ids=["drawn", "plain"])
def test_once_in_a_terminal_is_the_coordinators_alone(workshop: Any, begin: Any, terminal: Any, plain: bool) -> None:
    environment = {"TERM": "dumb"} if plain else {"TERM": "xterm"}
    child = begin(lambda *arguments: terminal(*arguments, **environment), grace_s=0.3)
    child.sendintr()
    child.expect(r"returned \{'Succeeded': 1, 'Cancelled': 3\}")
    child.expect(pexpect.EOF)
    child.wait()
    assert child.exitstatus == 0
    assert [trial.phase for trial in workshop.results("stopped")] == ["Succeeded"] + ["Cancelled"] * 3


def test_twice_in_a_terminal_kills(workshop: Any, begin: Any, terminal: Any) -> None:
    child = begin(terminal, grace_s=3600)
    child.sendintr()
    child.expect("Ctrl-C again kills them")
    child.sendintr()
    child.expect("KeyboardInterrupt")
    child.expect(pexpect.EOF)
    assert child.wait() != 0
    assert workshop.processes() == {}
    assert [trial.phase for trial in workshop.results("stopped")] == ["Succeeded"] + ["Cancelled"] * 3


def test_hanging_up_the_terminal_ends_everything(
    workshop: Any, begin: Any, terminal: Any, wait_until: Callable[..., Any]
) -> None:
    child = begin(terminal, grace_s=3600)
    child.close(force=False)
    wait_until(lambda: not workshop.processes(), within_s=15.0)
    assert [trial.reason for trial in workshop.results("stopped")] == ["", "Lost", "Lost", "Lost"]


def test_a_sweep_in_another_thread_runs_as_well(workshop: Any) -> None:
    workshop.write(
        "train.py",
        """
        import signal
        import threading

        from expsdk import experiment

        @experiment(space={"x": [1, 2, 3]}, objective="loss")
        def train(x):
            return float(x)

        if __name__ == "__main__":
            counts = []
            sweeps = [train.sweep(sampler="grid", parallelism=2, name=f"thread-{n}") for n in range(3)]
            threads = [threading.Thread(target=lambda s=s: counts.append(s.run().counts)) for s in sweeps]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
            print(counts)
        """,
    )
    done = workshop.run("train.py")
    assert done.stdout == f"{[{'Succeeded': 3}] * 3}\n", done.stderr
