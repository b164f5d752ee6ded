"""The log of a trial that is preempted and tried again, followed from another process, from before it begins."""

from __future__ import annotations

import sys
from typing import Any

TRAIN = """
import os
import signal
import subprocess
import time
from pathlib import Path

from expsdk import current_trial, experiment, log_metric


@experiment(space={"number": [1]}, objective="loss")
def train(number):
    attempt = current_trial().attempt
    print(f"attempt {attempt} begins")
    while not Path("go").exists():
        log_metric("loss", 2.0)
        time.sleep(0.01)
    subprocess.run(["echo", f"attempt {attempt} has a child"], check=True)
    print("no end", end="")
    if attempt < 3:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)
    return 1.0


if __name__ == "__main__":
    train.sweep(sampler="grid", name="talk", retries=2).run(progress=False)
"""
FOLLOW = """
import sys
from expsdk.backends.registry import open_records

for line in open_records("local").logs("talk-0000", follow=True):
    print(line, end="" if line.endswith("\\n") else "|\\n", flush=True)
"""


def test_a_trials_log_is_followed_from_attempt_to_attempt(workshop: Any, wait_for_trials: Any, wait_until: Any) -> None:
    workshop.write("train.py", TRAIN)
    workshop.write("follow.py", FOLLOW)
    sweep = workshop.start("train.py")
    wait_for_trials("talk", 1)
    with workshop.start("follow.py") as follower:
        assert follower.stdout.readline() == "attempt 1 begins\n"
        workshop.write("go", "")
        output, errors = follower.communicate(timeout=60)
    assert (sweep.wait(30), follower.returncode, errors) == (0, 0, ""), sweep.stderr.read()
    expected = [f"attempt {each} begins\nattempt {each} has a child\nno end|\n" for each in (1, 2, 3)]
    assert "attempt 1 begins\n" + output == "".join(expected)
    sweep.stdout.close()
    sweep.stderr.close()


def test_a_log_that_is_followed_ends_with_a_coordinator_that_is_killed(workshop: Any, wait_for_trials: Any) -> None:
    workshop.write("train.py", TRAIN)
    workshop.write("follow.py", FOLLOW)
    sweep = workshop.start("train.py", stdout=sys.stderr, stderr=sys.stderr)
    wait_for_trials("talk", 1)
    with workshop.start("follow.py") as follower:
        assert follower.stdout.readline() == "attempt 1 begins\n"
        sweep.kill()
        sweep.wait()
        assert follower.communicate(timeout=60) == ("", "")
