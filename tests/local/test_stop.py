"""Stopping a sweep that another process drives, or one of its trials: real processes, and whatever may come between."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from expsdk import attach
from expsdk.errors import BackendError, ExperimentNotFound, TrialNotFound

TRAIN = """
import os
import sys
import time
from pathlib import Path

from expsdk import experiment, log_metric

time.sleep(float(os.environ.get("IMPORTS_FOR_S", "0")))


@experiment(space={"number": list(range(6))}, objective="loss")
def train(number):
    if os.environ.get("IS_DEAF"):
        log_metric("loss", 1.0)
        while True:
            try:
                time.sleep(60)
            except BaseException:
                pass
    while not Path(f"go-{number}").exists():
        log_metric("loss", 1.0)
        time.sleep(0.01)
    return float(number)


if __name__ == "__main__":
    backend = sys.argv[1] if len(sys.argv) > 1 else "local"
    settings = {"sampler": "grid", "name": "train", "parallelism": 2, "retries": 2}
    found = train.sweep(**settings, grace_s=float(os.environ.get("GRACE_S", "30"))).run(backend, progress=False)
    print(found.experiment.status.phase, found.counts)
"""


class Sweeping:
    """A sweep that a process of its own drives."""

    def __init__(self, workshop: Any, *arguments: str, **environment: str) -> None:
        workshop.write("train.py", TRAIN)
        self.workshop = workshop
        self.process = workshop.start("train.py", *arguments, env=environment)

    def attach(self) -> Any:
        return attach("train", root=self.workshop.directory / ".expsdk")

    def go(self, *numbers: int) -> None:
        for number in numbers:
            self.workshop.write(f"go-{number}", "")

    def end(self) -> str:
        """Return what it has printed when it has ended, which it does well."""
        output, errors = self.process.communicate(timeout=60)
        assert (self.process.returncode, errors) == (0, "")
        return str(output).strip()


@pytest.fixture
def sweeping(workshop: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(workshop.directory)  # where trials look, also those of a sweep that this process goes on with
    return lambda *arguments, **environment: Sweeping(workshop, *arguments, **environment)


def test_a_sweep_is_stopped_by_another_process(sweeping: Any, wait_for_trials: Any) -> None:
    sweep = sweeping()
    sweep.go(0)
    wait_for_trials("train", 2)
    results = sweep.attach().stop(progress=False)
    assert results.experiment.status.phase == "Cancelled"
    assert results.counts == {"Succeeded": 1, "Cancelled": 2}
    assert {trial.reason for trial in results.filter(phase="Cancelled")} == {"Interrupted"}
    assert sweep.end() == "Cancelled {'Succeeded': 1, 'Cancelled': 2}"
    assert not (sweep.workshop.directory / ".expsdk/train/control").exists()
    assert sweep.attach().stop(progress=False).counts == results.counts


def test_a_stopped_sweep_goes_on(sweeping: Any, wait_for_trials: Any) -> None:
    sweep = sweeping()
    wait_for_trials("train", 2)
    sweep.attach().stop(progress=False)
    sweep.end()
    sweep.go(*range(6))
    results = sweep.attach().run(progress=False)
    assert results.counts == {"Succeeded": 6}
    assert [trial.attempt for trial in results] == [2, 2, 1, 1, 1, 1]


def test_one_trial_is_stopped_for_good_and_the_sweep_goes_on(sweeping: Any, wait_for_trials: Any) -> None:
    sweep = sweeping()
    wait_for_trials("train", 2)
    trial = sweep.attach().stop_trial("train-0001")
    assert (trial.phase, trial.reason, trial.number) == ("Cancelled", "", 1)
    assert sweep.attach().is_driven
    assert sweep.attach().stop_trial(1).ended == trial.ended
    sweep.go(0, 2, 3, 4, 5)
    assert sweep.end() == "Succeeded {'Succeeded': 5, 'Cancelled': 1}"
    assert [trial.attempt for trial in sweep.attach().results()] == [1] * 6


def test_a_trial_that_does_not_listen_is_ended_after_its_grace_and_not_tried_again(
    sweeping: Any, wait_for_trials: Any
) -> None:
    sweep = sweeping(IS_DEAF="1", GRACE_S="0.2")
    wait_for_trials("train", 2)
    trial = sweep.attach().stop_trial(0)
    assert (trial.phase, trial.reason, trial.attempt) == ("Cancelled", "Cancelled", 1)
    document = json.loads((sweep.workshop.directory / ".expsdk/train/results/train-0000.json").read_text())
    assert document["status"]["message"] == "the trial was asked to stop, and did not within 0.2 s"
    wait_for_trials("train", 2)
    sweep.attach().stop(progress=False)
    assert sweep.end().startswith("Cancelled")
    assert sweep.attach().results()[0].attempt == 1


def test_stopping_once_more_kills_what_does_not_listen(sweeping: Any, wait_for_trials: Any) -> None:
    sweep = sweeping(IS_DEAF="1", GRACE_S="3600")
    wait_for_trials("train", 2)
    assert sweep.attach().stop(wait=False, progress=False).experiment.status.phase == "Running"
    assert sweep.attach().is_driven
    assert sweep.attach().stop(progress=False).counts == {"Cancelled": 2}
    assert sweep.end() == "Cancelled {'Cancelled': 2}"


def test_a_sweep_that_is_stopped_while_it_starts_launches_nothing(sweeping: Any, wait_until: Any) -> None:
    sweep = sweeping(IMPORTS_FOR_S="1.5")
    wait_until(lambda: (sweep.workshop.directory / ".expsdk/train/experiment.json").exists())
    results = sweep.attach().stop(progress=False)
    assert (results.experiment.status.phase, results.counts) == ("Cancelled", {})
    assert sweep.end() == "Cancelled {}"


def test_what_a_killed_driver_left_is_harmless(sweeping: Any, wait_for_trials: Any) -> None:
    sweep = sweeping()
    wait_for_trials("train", 2)
    sweep.process.kill()
    sweep.process.communicate()
    assert (sweep.workshop.directory / ".expsdk/train/control").is_fifo()
    trial = sweep.attach().stop_trial(0)
    assert (trial.phase, trial.reason) == ("Failed", "Lost")
    results = sweep.attach().stop(progress=False)
    assert results.experiment.status.phase == "Cancelled"
    assert not sweep.attach().is_driven
    sweep.go(*range(6))
    assert sweep.attach().run(progress=False).counts == {"Succeeded": 6}


def test_a_trial_whose_driver_was_killed_while_it_was_to_stop_is_not_tried_again(
    sweeping: Any, wait_for_trials: Any, wait_until: Any
) -> None:
    sweep = sweeping(IS_DEAF="1", GRACE_S="3600")
    wait_for_trials("train", 2)
    sweep.attach().stop_trial(1, wait=False)
    path = sweep.workshop.directory / ".expsdk/train/results/train-0001.json"
    wait_until(lambda: '"stop":"cancelled"' in path.read_text())
    sweep.process.kill()
    sweep.process.communicate()
    sweep.go(*range(6))
    assert sweep.attach().run(progress=False).counts == {"Succeeded": 5, "Cancelled": 1}
    assert (sweep.attach().results()[1].reason, sweep.attach().results()[1].attempt) == ("Cancelled", 1)


def test_a_driver_that_is_killed_while_it_is_waited_for_is_replaced(sweeping: Any, wait_for_trials: Any) -> None:
    sweep = sweeping(IS_DEAF="1", GRACE_S="3600")
    wait_for_trials("train", 2)
    found: list[Any] = []
    stopping = threading.Thread(target=lambda: found.append(sweep.attach().stop(progress=False)))
    stopping.start()
    time.sleep(1.0)
    assert stopping.is_alive()
    sweep.process.kill()
    sweep.process.communicate()
    stopping.join(60)
    assert found[0].experiment.status.phase == "Cancelled"


def test_a_sweep_that_ends_meanwhile_is_no_trouble(sweeping: Any, wait_for_trials: Any, workshop: Any) -> None:
    for _ in range(4):
        sweep = sweeping()
        wait_for_trials("train", 1)
        sweep.go(*range(6))
        time.sleep(secrets.randbelow(100) / 1000)
        threads = [threading.Thread(target=lambda: sweep.attach().stop(progress=False)) for _ in range(3)]  # noqa: B023
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()
        assert sweep.end().startswith(("Succeeded", "Cancelled"))
        assert not sweep.attach().is_driven
        shutil.rmtree(workshop.directory / ".expsdk")
        for path in workshop.directory.glob("go-*"):
            path.unlink()


def test_what_is_not_there_is_told(sweeping: Any, wait_for_trials: Any) -> None:
    sweep = sweeping()
    wait_for_trials("train", 2)
    with pytest.raises(TrialNotFound):
        sweep.attach().stop_trial("train-0077")
    with pytest.raises(ExperimentNotFound, match="did you mean 'train'"):
        attach("trian", root=sweep.workshop.directory / ".expsdk")
    sweep.attach().stop(progress=False)
    sweep.end()


def test_the_debug_backend_says_that_it_cannot(sweeping: Any, wait_until: Any, workshop: Any) -> None:
    sweep = sweeping("debug")
    wait_until(lambda: (workshop.directory / ".expsdk/train/results/train-0000.json").exists())
    with pytest.raises(BackendError, match=rf"process {sweep.process.pid}, .* debug backend, .*press Ctrl-C there"):
        sweep.attach().stop(progress=False)
    sweep.process.send_signal(signal.SIGINT)
    sweep.process.communicate(timeout=60)


AS_NOBODY = """
import os, sys
from expsdk.errors import BackendError
from expsdk.sweep.attach import attach

sweep = attach("train", root=sys.argv[1])
sweep.results()
os.setgid(65534)
os.setuid(65534)
try:
    sweep.stop(progress=False)
except BackendError as error:
    print(error)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_another_user_is_refused(make_workshop: Any, wait_until: Any) -> None:
    directory = Path(tempfile.mkdtemp(prefix="expsdk-stop-"))
    directory.chmod(0o755)
    try:
        for workshop in make_workshop("shared", directory):
            sweep = Sweeping(workshop)
            wait_until(lambda: (directory / ".expsdk/train/results/train-0001.json").exists())
            workshop.write("nobody.py", AS_NOBODY)
            refused = workshop.run("nobody.py", directory / ".expsdk", env={"PYTHONPATH": os.pathsep.join(sys.path)})
            assert refused.stdout == (
                f"a sweep is stopped by the user who drives it, and process {sweep.process.pid}, which drives 'train',"
                " is root's; ask them\n"
            ), refused.stderr
            assert sweep.attach().is_driven
            sweep.attach().stop(progress=False)
            sweep.end()
    finally:
        shutil.rmtree(directory)
