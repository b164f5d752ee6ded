"""Whoever is killed, whenever: nothing of a sweep runs on, and its records say what was lost."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import expsdk
from expsdk.backends.registry import open_records

SCRIPTS = Path(__file__).parent / "scripts"
PROCESSES_OF_A_TRIAL = 6
"""Itself, a child, a daemon with a child of its own, and two workers."""


@pytest.fixture(params=["forked", "fresh"])
def lingering(request: pytest.FixtureRequest, workshop: Any) -> Callable[[str], Any]:
    """Return a function that starts a sweep whose trials, two at a time, run until they are ended."""
    shutil.copy(SCRIPTS / "lingering.py", workshop.directory)
    environment = {"START_THREAD": "1"} if request.param == "fresh" else {}
    return lambda name: workshop.start("lingering.py", name, env=environment)


@pytest.fixture
def all_run(workshop: Any, wait_for_trials: Callable[..., expsdk.Results], wait_until: Callable[..., Any]) -> Any:
    """Return a function that waits until two trials run with all their children."""

    def wait(name: str) -> expsdk.Results:
        results = wait_for_trials(name, 2)
        wait_until(lambda: len(workshop.processes()) >= 3 + 2 * PROCESSES_OF_A_TRIAL)
        return results

    return wait


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP], ids=lambda each: each.name)
def test_when_the_coordinator_is_killed_everything_ends(
    workshop: Any, lingering: Any, all_run: Any, wait_until: Callable[..., Any], number: signal.Signals
) -> None:
    with lingering("killed") as process:
        all_run("killed")
        process.send_signal(number)
        process.communicate(timeout=10)
    wait_until(lambda: not workshop.processes(), within_s=5.0)
    # A process is out of sight a moment before its files are closed.
    records = open_records("local", root=workshop.directory / ".expsdk")
    wait_until(lambda: not records.is_driven("killed"), within_s=1.0)
    results = workshop.results("killed")
    assert [(trial.phase, trial.reason) for trial in results] == [("Failed", "Lost")] * 2
    assert "the process that drove the sweep ended" in results[0].error


def test_when_the_launcher_is_killed_its_trials_are_lost_and_the_sweep_goes_on(
    workshop: Any, lingering: Any, all_run: Any, wait_until: Callable[..., Any]
) -> None:
    with lingering("relaunched") as process:
        results = all_run("relaunched")
        lost = set(workshop.processes()) - {process.pid}
        os.kill(int(results[0].metrics["launcher"]["last"]), signal.SIGKILL)
        wait_until(lambda: not lost & set(workshop.processes()), within_s=3.0)
        (workshop.directory / "let-them-end").touch()
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    results = workshop.results("relaunched")
    phases = [(trial.phase, trial.reason) for trial in results]
    assert phases == [("Failed", "Lost")] * 2 + [("Succeeded", "")] * 4, "the samples that were lost are tried again"
    assert "the process that starts trials ended by SIGKILL" in results[0].error


def test_when_the_guard_is_killed_its_trials_are_lost_and_the_sweep_goes_on(
    workshop: Any, lingering: Any, all_run: Any, wait_until: Callable[..., Any]
) -> None:
    with lingering("unguarded") as process:
        results = all_run("unguarded")
        launcher = int(results[0].metrics["launcher"]["last"])
        guard = int(Path(f"/proc/{launcher}/stat").read_text().rpartition(")")[2].split()[1])
        os.kill(guard, signal.SIGKILL)
        trials = {int(trial.environment["pid"]) for trial in results}
        wait_until(lambda: not trials & set(workshop.processes()))
        (workshop.directory / "let-them-end").touch()
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    phases = [(trial.phase, trial.reason) for trial in workshop.results("unguarded")]
    assert phases == [("Failed", "Lost")] * 2 + [("Succeeded", "")] * 4
    workshop.kill_all()  # who would have ended the daemons is gone


@pytest.mark.parametrize("start_thread", ["", "1"], ids=["forked", "fresh"])
def test_what_a_trial_leaves_is_ended_with_the_trial_not_with_the_sweep(workshop: Any, start_thread: str) -> None:
    shutil.copy(SCRIPTS / "lingering.py", workshop.directory)
    workshop.write(
        "train.py",
        """
        import os
        import time
        from pathlib import Path

        import lingering
        from expsdk import experiment

        PLACE = Path("left").resolve()

        def runs(pid):
            try:
                return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
            except FileNotFoundError:
                return False

        @experiment(space={"number": [1, 2]}, objective="loss")
        def train(number):
            if number == 1:
                lingering.leave_a_daemon()
                children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
                assert any(runs(pid) for pid in children)
                PLACE.write_text(" ".join(children))
            give_up_at = time.monotonic() + 20
            while number == 2 and any(runs(pid) for pid in PLACE.read_text().split()):
                assert time.monotonic() < give_up_at
                time.sleep(0.01)
            return float(number)

        if __name__ == "__main__":
            train.sweep(sampler="grid", name="left").run()
        """,
    )
    done = workshop.run("train.py", env={"START_THREAD": start_thread} if start_thread else {})
    results = workshop.results("left")
    assert results.counts == {"Succeeded": 2}, results[-1].error + done.stderr


def test_when_the_sampler_fails_nothing_of_its_sweep_runs_on(workshop: Any) -> None:
    shutil.copy(SCRIPTS / "lingering.py", workshop.directory)
    workshop.write(
        "train.py",
        """
        import lingering
        from expsdk import experiment

        @experiment(space={"number": [0, 1, 2, 3]}, objective="loss")
        def train(number):
            return 0.0 if number == 0 else lingering.train(number)

        class Sampler:
            def ask(self, number):
                if number == 3:
                    raise RuntimeError("no idea")
                return {"number": number}

            def tell(self, outcome):
                pass

        if __name__ == "__main__":
            train.sweep(sampler=Sampler(), trials=5, parallelism=3, name="failed").run()
        """,
    )
    done = workshop.run("train.py")
    words = "the sampler, asked for trial 3, raised RuntimeError: no idea"
    assert done.returncode == 1
    assert done.stderr.rstrip().splitlines()[-1] == (
        f'expsdk.errors.SweepError: {words}; what has ended is kept, expsdk.results("failed") reads it, and'
        " run(resume=True) goes on once that is mended"
    )
    assert 'raise RuntimeError("no idea")' in done.stderr, "the user's own line"
    assert workshop.processes() == {}
    results = workshop.results("failed")
    assert [trial.phase for trial in results] == ["Succeeded", "Cancelled", "Cancelled"]
    assert (results.experiment.status.phase, results.experiment.status.message) == ("Failed", words)


def test_children_of_the_imports_outlive_the_trials_but_not_the_sweep(workshop: Any) -> None:
    workshop.write(
        "train.py",
        """
        import subprocess
        from expsdk import experiment

        server = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)

        @experiment(space={"number": [1, 2, 3]}, objective="loss")
        def train(number):
            server.stdin.write(b"%d\\n" % number)
            server.stdin.flush()
            return float(server.stdout.readline())

        if __name__ == "__main__":
            import train
            train.train.sweep(sampler="grid", name="server").run()
        """,
    )
    done = workshop.run("train.py")
    assert done.returncode == 0, done.stderr
    assert [trial.values.get("loss") for trial in workshop.results("server")] == [1.0, 2.0, 3.0]


HANGING = """
    import os
    import subprocess
    import time
    from pathlib import Path

    from expsdk import experiment

    def leave_a_daemon():
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(3600)
            os._exit(0)
        os.wait()

    if not os.environ.get("COORDINATOR_PID") == str(os.getpid()):
        leave_a_daemon()
        subprocess.Popen(["sleep", "3600"], start_new_session=True)
        Path("is-loading").touch()
        {hangs}

    @experiment(space={{"number": [1, 2, 3]}}, objective="loss")
    def train(number):
        return 1.0
"""
STARTER = """
    import os

    os.environ["COORDINATOR_PID"] = str(os.getpid())

    import hanging

    hanging.train.sweep(sampler="grid", name="never").run()
"""


@pytest.mark.parametrize(
    ("number", "hangs"),
    [
        (signal.SIGKILL, "time.sleep(3600)"),
        (signal.SIGTERM, "time.sleep(3600)"),
        (signal.SIGINT, "time.sleep(3600)"),
        (signal.SIGKILL, "import itertools; sum(itertools.repeat(0))"),
        (signal.SIGINT, "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(3600)"),
    ],
    ids=["SIGKILL", "SIGTERM", "SIGINT", "SIGKILL-hangs in C", "SIGINT-ignores SIGTERM"],
)
def test_when_the_coordinator_is_ended_while_imports_hang_everything_ends(
    workshop: Any, wait_until: Callable[..., Any], number: signal.Signals, hangs: str
) -> None:
    workshop.write("hanging.py", HANGING.format(hangs=hangs))
    workshop.write("start.py", STARTER)
    with workshop.start("start.py") as process:
        wait_until((workshop.directory / "is-loading").exists)
        process.send_signal(number)
        _, errors = process.communicate(timeout=20)
    wait_until(lambda: not workshop.processes(), within_s=5.0)
    if number == signal.SIGINT:  # it could clean up
        assert "KeyboardInterrupt" in errors
        assert not (workshop.directory / ".expsdk" / "never").exists()
    else:
        assert process.returncode == -number
        assert list(workshop.results("never")) == []
