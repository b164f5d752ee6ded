"""Whole pods as real processes: from the Job's command to the last report, with an API server that can misbehave."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

StartPod = Callable[..., Any]
Pack = Callable[..., bytes]

MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"
OTHER_MINORS = [minor for minor in ("3.10", "3.11", "3.12", "3.13", "3.14") if minor != MINOR]

HEAD = """
import os, sys, time
from expsdk import experiment, log_metric, current_trial, output_dir, checkpoint_dir, uniform
@experiment(space={"lr": uniform(0, 1)}, objective="loss")
"""
THREE_EPOCHS = """
def train(lr):
    for epoch in range(3):
        log_metric("loss", lr / (epoch + 1), epoch=epoch)
"""
SLEEPS = """
def train(lr):
    log_metric("loss", 0.5)
    try:
        print("ready")
        time.sleep(60)
    finally:
        print("cleaned")
"""
SAYS_WHO = """
def train(lr):
    print(current_trial().attempt, output_dir(), checkpoint_dir())
    return lr
"""
BEGUN = {
    "phase": "Failed",
    "reason": "Preempted",
    "attempt": 1,
    "environment": {"pod": "pod-0"},
    "epoch": 1,
    "metrics": {"loss": {"last": 0.25, "min": 0.25, "max": 9.0, "best": 0.25, "epoch": 1}},
    "history": {"loss": {"stride": 1, "points": [[0, 1], [0.5, 0.25]]}},
    "objectives": {"loss": 0.25},
}


def with_status(server: Any, **status: Any) -> None:
    server.result = {**server.result, "status": status}


def test_a_trial_runs_from_its_chunks_to_its_result(server: Any, pack: Pack, start_pod: StartPod) -> None:
    pod = start_pod(server, pack(HEAD + THREE_EPOCHS))
    assert (pod.end(), pod.stderr) == (0, "")
    status = server.status
    assert (status["phase"], status["attempt"], status["objectives"]) == ("Succeeded", 1, {"loss": 0.5 / 3})
    assert status["history"]["loss"]["points"][0] == [0, 1, 2]
    assert status["outputDir"] == ""  # it goes with the pod
    about = status["environment"]
    assert (about["pod"], about["podName"], about["node"], about["image"]) == (
        "pod-1",
        "train-0003-abcde",
        "node1",
        "python:slim",
    )
    assert about["digest"].startswith("sha256:")
    assert [request.verb for request in server.requests][:2] == ["GET", "PATCH"]
    assert len({request.connection for request in server.requests}) == 1  # kept all the time
    end = pod.termination
    assert (end["phase"], end["attempt"], end["epoch"], end["objectives"], end["delivered"]) == (
        "Succeeded",
        1,
        2,
        {"loss": 0.5 / 3},
        True,
    )
    assert end["metrics"]["loss"]["min"] == 0.5 / 3


@pytest.mark.parametrize("minor", OTHER_MINORS)
def test_it_runs_on_other_interpreters(server: Any, pack: Pack, start_pod: StartPod, minor: str) -> None:
    pod = start_pod(server, pack(HEAD + THREE_EPOCHS, python=minor), python=interpreter(minor))
    assert (pod.end(), pod.stderr) == (0, "")
    assert server.status["phase"] == "Succeeded"
    assert server.status["environment"]["python"].startswith(minor)


def test_the_command_is_small_and_has_nothing_that_kubernetes_expands() -> None:
    import expsdk_runtime

    text = (Path(expsdk_runtime.__path__[0]) / "inline.py").read_bytes()
    assert len(text) < 2500
    assert b"$(" not in text
    assert text.isascii()


class TestRefusals:
    """What never runs, and what is said of it."""

    @pytest.mark.parametrize(
        "change",
        [
            lambda payload: flip(payload / "001"),
            lambda payload: (payload / "001").unlink(),
            lambda payload: (payload / "001").write_bytes((payload / "001").read_bytes()[:-1]),
            lambda payload: (payload / "900").write_bytes(b"more"),
            shutil.rmtree,
        ],
        ids=["tampered", "missing", "truncated", "another", "none"],
    )
    def test_a_payload_that_was_changed_never_runs(
        self, server: Any, pack: Pack, start_pod: StartPod, change: Callable[[Path], object]
    ) -> None:
        pod = start_pod(server, pack(HEAD + THREE_EPOCHS), change=change)
        assert pod.end() == 65
        assert server.requests == []
        assert not (pod.scratch / "payload.pyz").exists()
        assert (pod.termination["phase"], pod.termination["reason"]) == ("Failed", "PayloadInvalid")
        assert pod.termination["message"] in pod.stderr
        assert "Traceback" not in pod.stderr

    @pytest.mark.parametrize("digest", [None, "", "sha256:00"])
    def test_nor_one_that_the_job_was_not_made_for(
        self, server: Any, pack: Pack, start_pod: StartPod, digest: str | None
    ) -> None:
        pod = start_pod(server, pack(HEAD + THREE_EPOCHS), EXPSDK_DIGEST=digest)
        assert pod.end() == 65
        assert "its digest is sha256:" in pod.termination["message"]

    @pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x05\x06" + bytes(18)])
    def test_nor_one_that_is_none(self, server: Any, start_pod: StartPod, content: bytes) -> None:
        pod = start_pod(server, content)
        assert pod.end() == 65
        assert "Traceback" not in pod.stderr

    def test_nor_one_for_another_python(self, server: Any, pack: Pack, start_pod: StartPod) -> None:
        pod = start_pod(server, pack(HEAD + THREE_EPOCHS + "print('it runs')", python="3.9"))
        assert pod.end() == 66
        assert (pod.stdout, pod.termination["reason"]) == ("", "PythonMismatch")
        assert pod.termination["message"].startswith(f"the payload needs Python 3.9 and this is {MINOR} (")
        assert pod.termination["message"].endswith("take an image such as python:3.9-slim")

    @pytest.mark.parametrize("minor", ["3.6", "3.8", "3.9", *OTHER_MINORS])
    def test_any_interpreter_can_say_so(self, server: Any, pack: Pack, start_pod: StartPod, minor: str) -> None:
        pod = start_pod(server, pack(HEAD + THREE_EPOCHS), python=interpreter(minor))
        assert pod.end() == 66
        assert pod.termination["message"].startswith(f"the payload needs Python {MINOR} and this is {minor}")

    def test_a_termination_log_that_cannot_be_written_hides_no_reason(
        self, server: Any, pack: Pack, start_pod: StartPod, tmp_path: Path
    ) -> None:
        pod = start_pod(server, b"", EXPSDK_DIGEST="sha256:00", EXPSDK_TERMINATION_LOG=tmp_path / "none" / "log")
        assert pod.end() == 65
        assert "expsdk: PayloadInvalid: the payload in" in pod.stderr

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"EXPSDK_TRIAL": None}, "EXPSDK_TRIAL is not set"),
            ({"EXPSDK_PARAMETERS": "{lr}"}, "EXPSDK_PARAMETERS is no JSON"),
            ({"EXPSDK_PARAMETERS": "[1]"}, "EXPSDK_PARAMETERS is a JSON object, not '[1]'"),
            ({"EXPSDK_SEED": "x"}, "EXPSDK_SEED is a number, not 'x'"),
            ({"KUBERNETES_SERVICE_HOST": None}, "KUBERNETES_SERVICE_HOST is not set: this is no pod"),
        ],
    )
    def test_a_pod_that_is_told_wrongly_who_it_is(
        self, server: Any, pack: Pack, start_pod: StartPod, changes: dict[str, Any], words: str
    ) -> None:
        pod = start_pod(server, pack(HEAD + THREE_EPOCHS), **changes)
        assert pod.end() == 2
        assert words in pod.stderr
        assert words in pod.termination["message"]
        assert pod.termination["reason"] == "LaunchFailed"

    def test_a_module_of_the_working_directory_does_not_run_in_place_of_pythons(
        self, server: Any, pack: Pack, start_pod: StartPod, tmp_path: Path
    ) -> None:
        for name in ("hashlib", "json", "zipimport", "signal"):
            (tmp_path / f"{name}.py").write_text("print('mine')")
        pod = start_pod(server, pack(HEAD + THREE_EPOCHS))
        assert (pod.end(), pod.stdout) == (0, "")


class TestEndings:
    """How a trial may end, and where that is told."""

    @pytest.mark.parametrize(
        ("body", "code", "reason", "words"),
        [
            ("raise ValueError('no data')", 1, "UserError", "ValueError: no data"),
            ("sys.exit(3)", 1, "UserError", "sys.exit with anything but 0"),
            ("raise MemoryError", 68, "OutOfMemory", "MemoryError"),
            ("return None", 67, "NoObjective", "without a value of its objective loss"),
            ("import no_such", 1, "UserError", "module 'no_such' is neither in the payload nor installed"),
        ],
    )
    def test_a_failure(
        self, server: Any, pack: Pack, start_pod: StartPod, body: str, code: int, reason: str, words: str
    ) -> None:
        pod = start_pod(server, pack(f"{HEAD}def train(lr):\n    {body}\n"))
        assert pod.end() == code
        for told in (server.status, pod.termination):
            assert (told["phase"], told["reason"]) == ("Failed", reason)
            assert words in told["message"]

    def test_a_system_exit_without_a_code_is_as_good_as_a_return(
        self, server: Any, pack: Pack, start_pod: StartPod
    ) -> None:
        pod = start_pod(server, pack(f"{HEAD}def train(lr):\n    log_metric('loss', 1.0)\n    sys.exit()\n"))
        assert pod.end() == 0
        assert server.status["phase"] == "Succeeded"

    @pytest.mark.parametrize(("stop", "phase"), [("pruned", "Pruned"), ("cancelled", "Cancelled")])
    def test_a_stop_comes_with_the_answer_to_a_report(
        self, server: Any, pack: Pack, start_pod: StartPod, stop: str, phase: str
    ) -> None:
        def ask(request: Any) -> None:
            if request.verb == "PATCH" and request.document["status"]["metrics"]:
                server.result["spec"]["stop"] = stop

        server.before = ask
        body = (
            "def train(lr):\n    for epoch in range(3000):\n        log_metric('loss', 1.0)\n        time.sleep(0.01)\n"
        )
        pod = start_pod(server, pack(HEAD + body))
        assert pod.end() == 0
        assert server.status["phase"] == pod.termination["phase"] == phase
        assert {request.verb for request in server.requests[1:]} == {"PATCH"}

    def test_a_stop_that_was_asked_before_calls_nothing(self, server: Any, pack: Pack, start_pod: StartPod) -> None:
        server.result["spec"]["stop"] = "pruned"
        pod = start_pod(server, pack(HEAD + SAYS_WHO), EXPSDK_PACKAGES='["never-installed==1"]')
        assert (pod.end(), pod.stdout) == (0, "")
        assert server.status["phase"] == "Pruned"

    @pytest.mark.parametrize("stop", ["", "pruned"])
    def test_sigterm(self, server: Any, pack: Pack, start_pod: StartPod, stop: str) -> None:
        pod = start_pod(server, pack(HEAD + SLEEPS))
        pod.wait_for_line("ready")
        server.result["spec"]["stop"] = stop  # which a trial that logs nothing more does not hear of
        pod.process.send_signal(signal.SIGTERM)
        assert pod.end() == (0 if stop else 75)
        for told in (server.status, pod.termination):
            assert (told["phase"], told["reason"]) == (("Pruned", "") if stop else ("Failed", "Preempted"))
            assert told["objectives"] == {"loss": 0.5}
        assert pod.stdout.endswith("cleaned\n")
        assert pod.termination["delivered"] is True

    def test_sigterm_at_the_very_start_is_heard_by_the_trial(
        self, server: Any, pack: Pack, start_pod: StartPod
    ) -> None:
        server.gate.clear()
        pod = start_pod(server, pack(HEAD + SLEEPS))
        wait_until(lambda: server.requests)
        pod.process.send_signal(signal.SIGTERM)
        server.gate.set()
        assert (pod.end(), pod.stdout) == (75, "")
        assert server.status["reason"] == pod.termination["reason"] == "Preempted"

    def test_after_sigterm_an_absent_server_is_waited_for_within_the_grace_period(
        self, server: Any, pack: Pack, start_pod: StartPod
    ) -> None:
        pod = start_pod(server, pack(HEAD + SLEEPS), EXPSDK_GRACE_S="5")
        pod.wait_for_line("ready")
        server.gate.clear()  # it hangs from now on
        began = time.monotonic()
        pod.process.send_signal(signal.SIGTERM)
        assert pod.end() == 75
        assert time.monotonic() - began < 12  # and not the 20 seconds of other ends
        assert (pod.termination["reason"], pod.termination["delivered"]) == ("Preempted", False)
        assert pod.termination["objectives"] == {"loss": 0.5}

    def test_a_killed_process_leaves_no_half_message(self, server: Any, pack: Pack, start_pod: StartPod) -> None:
        pod = start_pod(server, pack(HEAD + "def train(lr):\n    return lr\n"))
        server.before = lambda request: stall_last(server, request)
        wait_until(lambda: server.requests and phase_of(server.requests[-1]) == "Succeeded")
        pod.process.kill()
        pod.end()
        assert (pod.termination["phase"], pod.termination["delivered"]) == ("Succeeded", False)


class TestAttempts:
    """What a pod finds in its Result, and what it makes of it."""

    def test_another_pod_is_another_attempt_and_continues_the_history(
        self, server: Any, pack: Pack, start_pod: StartPod
    ) -> None:
        with_status(server, **BEGUN)
        pod = start_pod(server, pack(HEAD + "def train(lr):\n    log_metric('loss', 0.125)\n    print('ran')\n"))
        assert (pod.end(), pod.stdout) == (0, "ran\n")
        status = server.status
        assert (status["attempt"], status["environment"]["pod"]) == (2, "pod-1")
        assert status["history"]["loss"] == {"stride": 1, "points": [[0, 1, 2], [0.5, 0.25, 0.125]]}
        assert status["metrics"]["loss"] == {"last": 0.125, "min": 0.125, "max": 9.0, "best": 0.125, "epoch": 2}
        assert pod.termination["attempt"] == 2

    def test_a_former_pod_that_runs_still_is_given_its_grace_period(
        self, server: Any, pack: Pack, start_pod: StartPod
    ) -> None:
        with_status(server, **{**BEGUN, "phase": "Running", "reason": ""})
        began = time.monotonic()
        pod = start_pod(server, pack(HEAD + SAYS_WHO), EXPSDK_GRACE_S="2")
        assert pod.end() == 0
        assert time.monotonic() - began > 2
        assert server.status["attempt"] == 2

    def test_a_container_that_starts_again_in_its_pod_is_the_same_attempt(
        self, server: Any, pack: Pack, start_pod: StartPod
    ) -> None:
        with_status(server, **{**BEGUN, "environment": {"pod": "pod-1"}})
        pod = start_pod(server, pack(HEAD + SAYS_WHO))
        assert pod.end() == 0
        assert (server.status["attempt"], server.status["history"]["loss"]["points"][0]) == (1, [0, 1])

    def test_on_a_shared_volume_the_next_attempt_finds_its_checkpoints_and_its_whole_series(
        self, server: Any, pack: Pack, start_pod: StartPod, tmp_path: Path
    ) -> None:
        body = """
def train(lr):
    state = checkpoint_dir() / "state"
    if not state.exists():
        state.write_text("saved")
        log_metric("loss", 0.5); log_metric("other", 1.0); time.sleep(0.5)
        os._exit(9)
    return 0.25
"""
        content = pack(HEAD + body)
        shared = {"EXPSDK_OUTPUT_ROOT": tmp_path / "volume", "EXPSDK_OUTPUT_URL": "pvc:results"}
        assert start_pod(server, content, **shared).end() == 9
        assert (server.status["phase"], server.status["outputDir"]) == ("Running", "pvc:results/train/train-0003")
        del server.status["history"]  # the volume knows better
        assert start_pod(server, content, **shared, EXPSDK_POD_UID="pod-2").end() == 0
        assert (server.status["attempt"], server.status["phase"]) == (2, "Succeeded")
        assert server.status["metrics"].keys() == {"loss", "other"}
        lines = (tmp_path / "volume/train/train-0003/metrics.jsonl").read_text().splitlines()
        assert [json.loads(line)["value"] for line in lines] == [0.5, 1.0, 0.25]

    def test_a_new_result_of_an_old_name_does_not_go_on_from_the_old_ones_checkpoint(
        self, server: Any, pack: Pack, start_pod: StartPod, tmp_path: Path
    ) -> None:
        body = "def train(lr):\n    state = checkpoint_dir() / 'state'\n    found = state.exists()\n    state.touch()\n"
        content = pack(HEAD + body + "    return int(found)\n")
        for uid, found in (("uid-1", 0.0), ("uid-1", 1.0), ("uid-2", 0.0)):
            with_status(server)
            server.result["metadata"]["uid"] = uid
            pod = start_pod(server, content, EXPSDK_OUTPUT_ROOT=tmp_path / "volume")
            assert pod.end() == 0
            assert server.status["objectives"] == {"loss": found}
        assert "was a former trial's of this name" in pod.stderr
        assert (tmp_path / "volume/train/train-0003.former-1/checkpoint/state").exists()

    def test_a_trial_goes_on_from_its_parents_checkpoints(
        self, server: Any, pack: Pack, start_pod: StartPod, tmp_path: Path
    ) -> None:
        parent = tmp_path / "volume/train/train-0001/checkpoint"
        parent.mkdir(parents=True)
        (parent / "epoch").write_text("7")
        body = """
def train(lr):
    print(current_trial().parent)
    return int((checkpoint_dir() / "epoch").read_text())
"""
        content = pack(HEAD + body)
        pod = start_pod(server, content, EXPSDK_OUTPUT_ROOT=tmp_path / "volume", EXPSDK_PARENT="train-0001")
        assert (pod.end(), pod.stdout) == (0, "train-0001\n")
        assert server.status["objectives"] == {"loss": 7.0}
        assert (tmp_path / "volume/train/train-0003/checkpoint/epoch").exists()

    def test_without_a_volume_its_parents_checkpoints_are_gone(
        self, server: Any, pack: Pack, start_pod: StartPod
    ) -> None:
        pod = start_pod(server, pack(HEAD + SAYS_WHO), EXPSDK_PARENT="train-0001")
        assert (pod.end(), pod.stdout) == (1, "")
        assert server.status["reason"] == "LaunchFailed"
        assert server.status["message"] == (
            "the trial goes on from the checkpoints of train-0001, and without an output volume those went with its"
            " pod: give the sweep one, such as output='CLAIM', the name of a PersistentVolumeClaim"
        )

    def test_a_volume_that_cannot_be_written_fails_before_hours_are_spent(
        self, server: Any, pack: Pack, start_pod: StartPod, tmp_path: Path
    ) -> None:
        (tmp_path / "volume").write_text("no directory")
        pod = start_pod(server, pack(HEAD + SAYS_WHO), EXPSDK_OUTPUT_ROOT=tmp_path / "volume")
        assert (pod.end(), pod.stdout) == (1, "")
        assert server.status["reason"] == "LaunchFailed"
        assert "cannot be written" in server.status["message"]

    @pytest.mark.parametrize(
        ("status", "code"),
        [
            ({"phase": "Succeeded"}, 0),
            ({"phase": "Pruned"}, 0),
            ({"phase": "Failed", "reason": "UserError"}, 1),
            ({"phase": "Failed", "reason": "NoObjective"}, 67),
            ({"phase": "Failed", "reason": "Timeout"}, 1),
        ],
    )
    def test_what_has_ended_is_not_run_again(
        self, server: Any, pack: Pack, start_pod: StartPod, status: dict[str, Any], code: int
    ) -> None:
        with_status(server, **status, environment={"pod": "pod-0"})
        pod = start_pod(server, pack(HEAD + SAYS_WHO))
        assert (pod.end(), pod.stdout) == (code, "")
        assert [request.verb for request in server.requests] == ["GET"]
        assert "nothing is run: the trial train-0003 has ended already" in pod.stderr

    def test_a_cancelled_trial_does_not_run_again_while_it_is_asked_to_stop(
        self, server: Any, pack: Pack, start_pod: StartPod
    ) -> None:
        with_status(server, phase="Cancelled", environment={"pod": "pod-0"})
        server.result["spec"] = {"stop": "cancelled"}
        pod = start_pod(server, pack(HEAD + SAYS_WHO))
        assert (pod.end(), pod.stdout) == (0, "")
        assert [request.verb for request in server.requests] == ["GET"]

    def test_a_trial_that_was_cancelled_with_its_sweep_runs_again_once_nobody_asks_it_to_stop(
        self, server: Any, pack: Pack, start_pod: StartPod
    ) -> None:
        with_status(server, **{**BEGUN, "phase": "Cancelled", "reason": "Interrupted"})
        assert start_pod(server, pack(HEAD + THREE_EPOCHS)).end() == 0
        assert (server.status["phase"], server.status["attempt"]) == ("Succeeded", 2)

    def test_a_preempted_trial_goes_on(self, server: Any, pack: Pack, start_pod: StartPod) -> None:
        with_status(
            server, **{**BEGUN, "phase": "Failed", "reason": "Preempted", "completionTime": "2026-01-01T00:00:00Z"}
        )
        assert start_pod(server, pack(HEAD + THREE_EPOCHS)).end() == 0
        assert (server.status["phase"], server.status["attempt"]) == ("Succeeded", 2)
        running = next(status for status in server.statuses if status["phase"] == "Running")
        assert "completionTime" not in running
        assert running["reason"] == ""

    @pytest.mark.parametrize("history", [3, {"loss": None}, {"loss": {"points": [["x"], [1]], "stride": 1}}])
    def test_a_status_that_somebody_has_edited_stops_nothing(
        self, server: Any, pack: Pack, start_pod: StartPod, history: Any
    ) -> None:
        with_status(server, **{**BEGUN, "history": history, "attempt": "many"})
        pod = start_pod(server, pack(HEAD + THREE_EPOCHS))
        assert pod.end() == 0
        assert "are not continued" in pod.stderr
        assert server.status["history"]["loss"]["points"][0] == [0, 1, 2]


class TestServers:
    """What the API server may do to a trial: nothing."""

    def test_an_absent_one(self, pack: Pack, start_pod: StartPod) -> None:
        body = """
def train(lr):
    began = time.perf_counter()
    for epoch in range(20000):
        log_metric("loss", 1 / (epoch + 1), epoch=epoch)
    print(time.perf_counter() - began)
"""
        began = time.monotonic()
        pod = start_pod(None, pack(HEAD + body))
        assert pod.end(60) == 0
        assert float(pod.stdout) < 2.0
        assert time.monotonic() - began < 45  # 10 s for the first look, 20 s for the last report
        end = pod.termination
        assert (end["phase"], end["delivered"], end["epoch"]) == ("Succeeded", False, 19999)
        assert end["objectives"] == {"loss": 1 / 20000}
        assert "the trial begins, as its first attempt, without a look at its Result" in pod.stderr
        lines = (pod.scratch / "output/train/train-0003/metrics.jsonl").read_text().splitlines()
        assert len(lines) == 20000

    @pytest.mark.parametrize("code", [403, 404])
    def test_one_that_will_not_have_it_is_told_of_once_and_the_trial_ends_at_once(
        self, server: Any, pack: Pack, start_pod: StartPod, code: int
    ) -> None:
        server.always = (code, {})
        began = time.monotonic()
        pod = start_pod(server, pack(HEAD + THREE_EPOCHS.replace("log_metric", "time.sleep(0.3); log_metric")))
        assert pod.end() == 0
        assert time.monotonic() - began < 10
        assert pod.stderr.count(f"answers {code}") == 1
        assert "Traceback" not in pod.stderr
        assert len(server.requests) == 3  # a look, a report, the last
        assert (pod.termination["phase"], pod.termination["delivered"]) == ("Succeeded", False)

    def test_a_busy_first_look_is_tried_again(self, server: Any, pack: Pack, start_pod: StartPod) -> None:
        server.answers = [(429, {"Retry-After": "1"}), (500, {})]
        with_status(server, **BEGUN)
        pod = start_pod(server, pack(HEAD + THREE_EPOCHS))
        assert pod.end() == 0
        assert server.status["attempt"] == 2
        assert server.requests[1].at - server.requests[0].at >= 1.0

    def test_a_token_that_is_replaced(
        self, server: Any, pack: Pack, start_pod: StartPod, account: Path, tmp_path: Path
    ) -> None:
        body = """
def train(lr):
    while not os.path.exists(os.environ["FLAG"]):
        log_metric("loss", 1.0)
        time.sleep(0.02)
"""
        pod = start_pod(server, pack(HEAD + body), FLAG=tmp_path / "flag")
        wait_until(lambda: server.status.get("metrics"))
        server.tokens = {"newer"}
        (account / "token").write_text("newer")
        count = len(server.requests)
        wait_until(lambda: [request.token for request in server.requests[count:]].count("newer") > 2)
        (tmp_path / "flag").touch()
        assert pod.end() == 0
        assert (server.status["phase"], pod.termination["delivered"]) == ("Succeeded", True)


def test_what_pythonpath_names_is_there_for_the_function(
    server: Any, pack: Pack, start_pod: StartPod, tmp_path: Path
) -> None:
    (tmp_path / "library").mkdir()
    (tmp_path / "library/of_the_image.py").write_text("loss = 0.125")
    body = "def train(lr):\n    import of_the_image\n    return of_the_image.loss\n"
    pod = start_pod(server, pack(HEAD + body), PYTHONPATH=tmp_path / "library")
    assert pod.end() == 0, pod.stderr
    assert server.status["objectives"] == {"loss": 0.125}


def interpreter(minor: str) -> str:
    """Return a working interpreter of a minor version that is on PATH, by its own path."""
    found = shutil.which(f"python{minor}")
    if found is not None:
        done = subprocess.run(
            [found, "-c", "import sys; print(sys.executable)"], capture_output=True, text=True, check=False
        )
        if done.returncode == 0:
            return done.stdout.strip()
    pytest.skip(f"there is no working python{minor} on PATH")


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def phase_of(request: Any) -> str:
    return request.document["status"]["phase"] if request.document else ""


def stall_last(server: Any, request: Any) -> None:
    if phase_of(request) == "Succeeded":
        server.gate.clear()
        server.gate.wait(20)


def wait_until(condition: Callable[[], object]) -> None:
    give_up_at = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < give_up_at, "it never came about"
        time.sleep(0.01)
