"""`python -m expsdk_runtime` in a trial's pod: how a shell script records its metrics."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import expsdk_runtime

RUNTIME = Path(expsdk_runtime.__path__[0]).parent

Record = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def record(server: Any, environment: Callable[..., dict[str, str]], check_document: Callable[..., None]) -> Any:
    """Run the command as a script in the pod does; what it leaves in the Result is checked."""

    def run(*arguments: str, **changes: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "expsdk_runtime", *arguments],
            env=environment(server, **{"PYTHONPATH": RUNTIME, **changes}),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    yield run
    for status in server.statuses:
        check_document(status)


def test_values_come_one_after_the_other(server: Any, record: Record) -> None:
    for values in (["loss=0.5", "acc=0.25"], ["loss=0.25"], ["loss=NaN", "epoch=7"]):
        done = record("log", *values)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    status = server.status
    assert (status["phase"], status["attempt"], status["epoch"]) == ("Running", 1, 7)
    assert status["history"]["loss"] == {"stride": 1, "points": [[0, 1, 7], [0.5, 0.25, "NaN"]]}
    assert status["metrics"]["acc"]["last"] == 0.25
    assert status["environment"] == {"pod": "pod-1", "podName": "train-0003-abcde", "node": "node1"}
    assert len({status["startTime"] for status in server.statuses}) == 1


def test_the_end_is_told_too(server: Any, record: Record) -> None:
    record("log", "loss=0.5")
    assert record("end").returncode == 0
    assert (server.status["phase"], server.status["objectives"]) == ("Succeeded", {"loss": 0.5})
    assert server.status["completionTime"]
    done = record("log", "loss=0.25")
    assert done.returncode == 1
    assert done.stderr == "expsdk: nothing was recorded: the trial train-0003 has ended already (Succeeded)\n"


def test_a_failure_is_told_with_its_reason(server: Any, record: Record) -> None:
    done = record("end", "--phase", "Failed", "--reason", "NoData", "--message", "the disk was empty")
    assert done.returncode == 0
    told = server.status
    assert (told["phase"], told["reason"], told["message"]) == ("Failed", "NoData", "the disk was empty")


def test_a_success_without_its_objective_is_none(server: Any, record: Record) -> None:
    record("log", "acc=1")
    done = record("end")
    assert done.returncode == 67
    assert "without a value of its objective loss: log it before the end" in done.stderr
    assert (server.status["phase"], server.status["reason"]) == ("Failed", "NoObjective")


def test_another_pod_is_another_attempt(server: Any, record: Record) -> None:
    record("log", "loss=0.5")
    record("log", "loss=0.25", EXPSDK_POD_UID="pod-2")
    assert (server.status["attempt"], server.status["environment"]["pod"]) == (2, "pod-2")
    assert server.status["history"]["loss"]["points"][0] == [0, 1]


def test_commands_at_the_same_time_lose_nothing(server: Any, record: Record) -> None:
    with ThreadPoolExecutor(4) as pool:
        codes = [done.returncode for done in pool.map(lambda n: record("log", f"metric-{n}={n}"), range(8))]
    assert codes == [0] * 8
    assert len(server.status["metrics"]) == 8


def test_a_busy_server_is_asked_again(server: Any, record: Record) -> None:
    server.answers = [(503, {}), (0, {}), (429, {"Retry-After": "1"})]
    assert record("log", "loss=0.5").returncode == 0
    assert server.status["objectives"] == {"loss": 0.5}


def test_a_server_that_refuses_is_told_of(server: Any, record: Record) -> None:
    server.always = (403, {})
    done = record("log", "loss=0.5")
    assert done.returncode == 1
    assert done.stderr.startswith("expsdk: nothing was recorded: the API server answers 403")


@pytest.mark.parametrize(
    ("arguments", "changes", "words"),
    [
        (["log", "loss=1"], {"EXPSDK_TRIAL": None}, "this records in a trial's pod, and EXPSDK_TRIAL is not set"),
        (["log", "loss"], {}, "what is logged is name=value, not 'loss': write loss=0.3 for example"),
        (["log", "loss=low"], {}, "a metric's value is a number, not 'low': write loss=0.3 for example"),
        (["log", "loss="], {}, "a metric's value is a number, not ''"),
        (["log", "=1"], {}, "a metric's name has 1 to 128 characters"),
        (["log", "loss=1", "epoch=1.5"], {}, "an epoch is an integer from 0, not '1.5': write epoch=4 for example"),
        (["log", "loss=1", "epoch=-1"], {}, "an epoch is an integer from 0, not '-1'"),
        (["log", "epoch=1"], {}, "there is no metric to log"),
        (["log", "loss=1", "loss=2"], {}, "a metric has one value an epoch, and 'loss' is here twice"),
        (["log"], {}, "NAME=VALUE"),
        ([], {}, "{log,end}"),
        (["end", "--phase", "Running"], {}, "invalid choice: 'Running'"),
    ],
)
def test_wrong_usage_is_exit_code_2(
    server: Any, record: Record, arguments: list[str], changes: dict[str, Any], words: str
) -> None:
    done = record(*arguments, **changes)
    assert done.returncode == 2
    assert words in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert server.requests == []
