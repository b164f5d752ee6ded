"""Two coordinators and one experiment: exactly one drives it, and the other says so."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from typing import Any

import pytest

import expsdk

TRAIN = """
    import sys
    import time
    from pathlib import Path

    from expsdk import experiment, log_metric, output_dir, uniform

    @experiment(space={"x": uniform(0, 1)}, objective="loss")
    def train(x):
        with open(output_dir() / "begun", "a") as begun:
            begun.write("once\\n")
        while not Path("go").exists():
            log_metric("loss", x)
            time.sleep(0.05)
        return x

    if __name__ == "__main__":
        train.sweep(trials=4, parallelism=2, seed=7, name="one").run(resume=sys.argv[1] == "resume")
"""

REFUSALS = {
    "resume": r"one coordinator drives an experiment, and process (\d+) drives 'one' now; end that one first, or look"
    r" on: expsdk\.attach\('one'\)\.watch\(\)",
    "new": r"an experiment's name is unique, and 'one' is kept in .* already; give another name=, or go on with that"
    r" one: run\(resume=True\)",
}


@pytest.mark.parametrize("how", ["resume", "new"])
def test_of_two_that_begin_at_once_one_drives(
    workshop: Any, wait_for_trials: Callable[..., expsdk.Results], how: str
) -> None:
    workshop.write("train.py", TRAIN)
    both = [workshop.start("train.py", how) for _ in range(2)]
    wait_for_trials("one", 2)
    (workshop.directory / "go").touch()
    errors = [process.communicate(timeout=60)[1] for process in both]
    assert sorted(process.returncode for process in both) == [0, 1], errors
    refused = both[0].returncode == 1
    said = re.search(REFUSALS[how], errors[not refused])
    assert said, errors[not refused]
    if how == "resume":
        assert int(said[1]) == both[refused].pid
    check_that_all_ran_once(workshop.results("one"))


def test_whoever_comes_later_looks_on(
    workshop: Any, wait_for_trials: Callable[..., expsdk.Results], wait_until: Callable[..., Any]
) -> None:
    workshop.write("train.py", TRAIN)
    with workshop.start("train.py", "new") as driver:
        wait_for_trials("one", 2)
        watch = "import expsdk; print(expsdk.attach('one').watch().counts)"
        with workshop.start("-c", watch) as leaver, workshop.start("-c", watch) as onlooker:
            wait_until(leaver.stderr.readline)
            leaver.send_signal(signal.SIGINT)
            output, errors = leaver.communicate(timeout=30)
            assert leaver.returncode == 0, errors
            assert "interrupted: nobody looks on here any more; the sweep goes on" in errors
            assert 'look on again: expsdk watch one, or expsdk.attach("one").watch()' in errors
            assert "'Running': 2" in output
            taken = workshop.run("-c", "import expsdk; expsdk.attach('one').run()")
            assert taken.returncode == 1
            assert re.search(REFUSALS["resume"], taken.stderr), taken.stderr
            (workshop.directory / "go").touch()
            output, errors = onlooker.communicate(timeout=30)
            assert (onlooker.returncode, output) == (0, "{'Succeeded': 4}\n"), errors
        assert driver.wait(30) == 0
    check_that_all_ran_once(workshop.results("one"))


def check_that_all_ran_once(results: expsdk.Results) -> None:
    assert results.counts == {"Succeeded": 4}
    for trial in results:
        with open(f"{trial.output_dir}/begun") as begun:  # noqa: PTH123
            assert begun.read() == "once\n"
