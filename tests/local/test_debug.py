"""The debug backend: breakpoints and pdb in the user's own file, Ctrl-C, and what is printed in sight."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import pexpect
import pytest

import expsdk

PDB = r"\(Pdb\) "
TRAIN = """
    import sys
    import time

    from expsdk import experiment, log_metric

    @experiment(space={{"number": [1, 2, 3]}}, objective="loss")
    def train(number):
        doubled = 2 * number
        {deed}
        log_metric("loss", doubled)

    if __name__ == "__main__":
        results = train.sweep(sampler="grid", name="debugged").run(backend="debug"{options})
        print("returned", results.counts)
"""


@pytest.fixture
def debug(workshop: Any, terminal: Any) -> Callable[..., Any]:
    """Return a function that starts a sweep of the debug backend in a terminal."""

    def start(deed: str, options: str = "") -> Any:
        workshop.write("train.py", TRAIN.format(deed=deed, options=options))
        return terminal("train.py")

    return start


@pytest.mark.parametrize("call", ["breakpoint()", "import pdb; pdb.set_trace()"], ids=["breakpoint", "set_trace"])
def test_a_breakpoint_stops_in_the_users_own_file(workshop: Any, debug: Any, call: str) -> None:
    child = debug(call)
    for number in (1, 2, 3):
        child.expect(PDB)
        assert f"> {workshop.directory}/train.py(" in child.before
        child.sendline("p doubled")
        child.expect(rf"\r\n{2 * number}\r\n{PDB}")
        child.sendline("l .")
        child.expect(r"doubled = 2 \* number")
        child.expect(PDB)
        child.sendline("c")
    child.expect(r"returned \{'Succeeded': 3\}")
    child.expect(pexpect.EOF)
    assert [trial.values["loss"] for trial in workshop.results("debugged")] == [2.0, 4.0, 6.0]


def test_quitting_the_debugger_ends_the_sweep(workshop: Any, debug: Any) -> None:
    child = debug("if number == 2: breakpoint()")
    child.expect(PDB)
    child.sendline("q")
    child.expect(r"returned \{'Succeeded': 1, 'Cancelled': 1\}")
    child.expect(pexpect.EOF)
    results = workshop.results("debugged")
    assert [(trial.phase, trial.reason) for trial in results] == [("Succeeded", ""), ("Cancelled", "Interrupted")]
    assert results.experiment.status.phase == "Cancelled"


def test_post_mortem_starts_pdb_where_it_failed(workshop: Any, debug: Any) -> None:
    child = debug("if number == 2: raise ValueError('two')", ", post_mortem=True")
    child.expect("ValueError: two")
    child.expect(PDB)
    assert f"> {workshop.directory}/train.py(" in child.before
    child.sendline("p number, doubled")
    child.expect(r"\(2, 4\)")
    child.sendline("c")
    child.expect(r"returned \{'Succeeded': 2, 'Failed': 1\}")
    child.expect(pexpect.EOF)
    assert "ValueError: two" in workshop.results("debugged")[1].error


def test_quitting_post_mortem_ends_the_sweep(workshop: Any, debug: Any) -> None:
    child = debug("raise ValueError('each')", ", post_mortem=True")
    child.expect(PDB)
    child.sendline("q")
    child.expect("returned")
    child.expect(pexpect.EOF)
    results = workshop.results("debugged")
    assert [(trial.phase, trial.reason) for trial in results] == [("Failed", "UserError")]
    assert results.experiment.status.phase == "Cancelled"


def test_ctrl_c_in_a_trial_ends_the_sweep(workshop: Any, debug: Any) -> None:
    child = debug("log_metric('loss', 1.0); print('waits'); time.sleep(3600 if number == 2 else 0)")
    child.expect("waits")
    child.expect("waits")
    child.sendintr()
    child.expect(r"returned \{'Succeeded': 1, 'Cancelled': 1\}")
    child.expect(pexpect.EOF)
    results = workshop.results("debugged")
    assert results[1].values == {"loss": 1.0}
    assert results.experiment.status.phase == "Cancelled"


def test_what_trials_print_and_where_they_fail_is_in_sight(workshop: Any) -> None:
    workshop.write("train.py", TRAIN.format(deed="print('of', number); 1 / (number - 2)  # the user's", options=""))
    done = workshop.run("train.py")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "of 1\nof 2\nof 3\nreturned {'Succeeded': 2, 'Failed': 1}\n"
    assert f'File "{workshop.directory}/train.py", line' in done.stderr
    assert "print('of', number); 1 / (number - 2)  # the user's" in done.stderr
    assert "trials run one at a time in this process" in done.stderr
    assert workshop.results("debugged")[0].log_path is None


def test_a_killed_coordinator_leaves_its_trial_lost(
    workshop: Any, wait_for_trials: Callable[..., expsdk.Results]
) -> None:
    workshop.write("train.py", TRAIN.format(deed="log_metric('loss', 1.0); time.sleep(3600)", options=""))
    with workshop.start("train.py") as process:
        wait_for_trials("debugged", 1)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=10)
    assert [(trial.phase, trial.reason) for trial in workshop.results("debugged")] == [("Failed", "Lost")]


def test_sigterm_ends_the_trial_and_the_sweep(workshop: Any, wait_for_trials: Callable[..., expsdk.Results]) -> None:
    workshop.write("train.py", TRAIN.format(deed="log_metric('loss', 1.0); time.sleep(3600)", options=""))
    with workshop.start("train.py") as process:
        wait_for_trials("debugged", 1)
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=10)
    assert output == "returned {'Failed': 1}\n", errors
    results = workshop.results("debugged")
    assert (results[0].reason, results.experiment.status.phase) == ("Preempted", "Cancelled")


def test_a_process_that_a_trial_leaves_does_not_hold_the_experiment(workshop: Any) -> None:
    workshop.write(
        "train.py",
        """
        import os, time
        from expsdk import experiment

        @experiment(space={"number": [1]}, objective="loss")
        def train(number):
            if os.fork() == 0:
                time.sleep(3600)
            return 1.0

        if __name__ == "__main__":
            train.sweep(sampler="grid", name="debugged").run(backend="debug")
        """,
    )
    with workshop.start("train.py", stderr=None) as process:
        process.wait(timeout=30)
    from expsdk.backends.registry import open_records

    records = open_records("debug", root=workshop.directory / ".expsdk")
    assert not records.is_driven("debugged")
    workshop.kill_all()


def test_a_sweep_in_another_thread(workshop: Any) -> None:
    workshop.write(
        "train.py",
        """
        import threading
        from expsdk import experiment

        @experiment(space={"number": [1, 2]}, objective="loss")
        def train(number):
            return 1.0

        if __name__ == "__main__":
            sweep = train.sweep(sampler="grid", name="debugged")
            thread = threading.Thread(target=lambda: print(sweep.run(backend="debug").counts))
            thread.start()
            thread.join()
        """,
    )
    done = workshop.run("train.py")
    assert done.stdout == "{'Succeeded': 2}\n", done.stderr
