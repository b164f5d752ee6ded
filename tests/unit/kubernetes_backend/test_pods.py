"""What is read from the documents of Jobs, pods and events; real ones are read in tests/kubernetes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from expsdk.backends.kubernetes.pods import (
    Waiting,
    conclude,
    harvest,
    is_over,
    is_running,
    is_starting,
    waiting_of,
    waiting_of_events,
)

RUNNING: dict[str, Any] = {"phase": "Running", "reason": "", "message": "", "completionTime": None, "objectives": {}}
JOB: dict[str, Any] = {"status": {"active": 1}}


def job(kind: str, reason: str = "", message: str = "") -> dict[str, Any]:
    return {"status": {"conditions": [{"type": kind, "status": "True", "reason": reason, "message": message}]}}


def pod(state: dict[str, Any], *, memory: str | None = None, **status: Any) -> dict[str, Any]:
    resources = {"limits": {"memory": memory}} if memory else {}
    return {
        "spec": {"containers": [{"resources": resources}], "activeDeadlineSeconds": 60},
        "status": {"containerStatuses": [{"image": "python:3.99", "state": state}], **status},
    }


def ended(code: int, reason: str = "Error", message: str = "") -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "reason": reason, "message": message}}


class TestWaiting:
    @pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"])
    def test_an_image_that_cannot_be_pulled(self, reason: str) -> None:
        found = waiting_of(pod({"waiting": {"reason": reason, "message": "not found"}}, phase="Pending"))
        assert found == Waiting("ImagePullError", "image python:3.99: not found")

    def test_a_secret_that_is_not_there(self) -> None:
        state = {"waiting": {"reason": "CreateContainerConfigError", "message": 'secret "key" not found'}}
        assert waiting_of(pod(state)) == Waiting("ContainerConfigError", 'secret "key" not found')

    def test_no_node_has_room(self) -> None:
        words = "0/1 nodes are available: 1 Insufficient cpu."
        condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": words}
        found = waiting_of({"status": {"phase": "Pending", "conditions": [condition]}})
        assert found == Waiting("Unschedulable", words)

    @pytest.mark.parametrize("state", [{"running": {}}, ended(0), {"waiting": {"reason": "ContainerCreating"}}])
    def test_what_goes_its_way_waits_for_nobody(self, state: dict[str, Any]) -> None:
        assert waiting_of(pod(state)) is None

    def test_a_pod_that_is_new_has_said_nothing(self) -> None:
        assert waiting_of({"metadata": {}}) is None
        assert not is_running({"metadata": {}})
        assert not is_starting({"metadata": {}})

    def test_a_container_that_is_being_created_starts(self) -> None:
        assert is_starting(pod({"waiting": {"reason": "ContainerCreating"}}, phase="Pending"))
        assert not is_starting(pod({"running": {}}, phase="Running"))
        assert is_running(pod({"running": {}}))


class TestEvents:
    @pytest.mark.parametrize(
        ("reason", "message", "waiting"),
        [
            ("FailedCreate", 'pods "x" is forbidden: exceeded quota: q, requested: cpu=1', "QuotaExceeded"),
            ("FailedCreate", 'pods "x" is forbidden: violates PodSecurity "restricted:latest"', "LaunchFailed"),
            ("FailedMount", 'configmap "data" not found', "ContainerConfigError"),
            ("FailedCreatePodSandBox", "no address is left", "ContainerConfigError"),
        ],
    )
    def test_warnings_tell_why_nothing_starts(self, reason: str, message: str, waiting: str) -> None:
        event = {"type": "Warning", "reason": reason, "message": message, "lastTimestamp": "2026-01-01T00:00:00Z"}
        assert waiting_of_events([event]) == Waiting(waiting, message)

    def test_what_goes_its_way_is_no_warning(self) -> None:
        assert waiting_of_events([{"type": "Normal", "reason": "Scheduled", "message": "ok"}]) is None
        assert waiting_of_events([{"type": "Warning", "reason": "BackOff", "message": "again"}]) is None

    def test_the_last_one_counts(self) -> None:
        events = [
            {"type": "Warning", "reason": "FailedMount", "message": text, "lastTimestamp": f"2026-01-01T00:00:0{at}Z"}
            for text, at in (("later", 2), ("first", 1))
        ]
        found = waiting_of_events(events)
        assert found is not None
        assert found.message == "later"


class TestTheEnd:
    def test_a_job_is_over_when_it_says_so_or_is_gone(self) -> None:
        assert not is_over(JOB)
        assert is_over(job("Complete"))
        assert is_over(job("Failed"))
        assert is_over(None)
        assert not is_over({"status": {"conditions": [{"type": "Suspended", "status": "True"}]}})

    @pytest.mark.parametrize(
        ("last", "reason", "words"),
        [
            (pod(ended(137, "OOMKilled"), memory="64Mi"), "OutOfMemory", "limit of 64Mi of memory"),
            (pod(ended(137, "OOMKilled")), "OutOfMemory", "the node ran out of memory"),
            (pod(ended(1), reason="DeadlineExceeded"), "Timeout", "longer than the 60 s"),
            (pod({}, reason="Evicted", message="The node was low on memory."), "Evicted", "low on memory"),
            (pod(ended(143), reason="Preempting", message="by x"), "Preempted", "by x"),
            (pod({"running": {}}, reason="NodeLost"), "Lost", "node does not answer"),
            (pod(ended(3)), "Crashed", "with exit code 3"),
            (pod(ended(139)), "Crashed", "by SIGSEGV"),
            (pod(ended(0)), "Crashed", "with exit code 0 before the function returned"),
            (pod(ended(65, message="PayloadInvalid: damaged")), "PayloadInvalid", "PayloadInvalid: damaged"),
            (pod(ended(66)), "PythonMismatch", "exit code 66"),
            (pod(ended(69)), "PackagesFailed", "exit code 69"),
            (None, "Lost", "its pod is gone"),
        ],
    )
    def test_it_is_told_in_words(self, last: dict[str, Any] | None, reason: str, words: str) -> None:
        failed = job("Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
        status = conclude(RUNNING, failed, last, packed=True, objectives=["loss"])
        assert (status["phase"], status["reason"]) == ("Failed", reason)
        assert words in status["message"]
        assert status["completionTime"]

    def test_a_pod_that_was_disrupted_says_by_what(self) -> None:
        condition = {"type": "DisruptionTarget", "status": "True", "message": "preempted by a pod of higher priority"}
        last = pod(ended(143), conditions=[condition])
        status = conclude(RUNNING, job("Failed"), last, packed=True, objectives=[])
        assert (status["reason"], status["message"]) == ("Preempted", "preempted by a pod of higher priority")

    def test_a_job_that_was_deleted_is_named(self) -> None:
        ending = {**pod(ended(0)), "metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}
        seen_before = {**pod({"running": {}}), "metadata": {}}  # the pod went unseen
        for last, packed in ((None, True), (ending, True), (ending, False), (seen_before, True), (seen_before, False)):
            status = conclude(RUNNING, None, last, packed=packed, objectives=[])
            assert (status["phase"], status["reason"]) == ("Failed", "Lost")
            assert "Job was deleted" in status["message"]

    def test_the_jobs_own_deadline(self) -> None:
        status = conclude(RUNNING, job("Failed", "DeadlineExceeded", "too long"), None, packed=True, objectives=[])
        assert (status["reason"], status["message"]) == ("Timeout", "too long")

    def test_what_the_trial_said_of_sigterm_stands_where_nobody_knows_better(self) -> None:
        said = {**RUNNING, "phase": "Failed", "reason": "Preempted", "message": "SIGTERM"}
        assert conclude(said, job("Failed"), pod(ended(75)), packed=True, objectives=[]) == said
        assert conclude(said, None, None, packed=True, objectives=[]) == said


class TestProgramsOfOthers:
    def test_exit_code_0_is_success_where_the_objective_was_recorded(self) -> None:
        status = {**RUNNING, "objectives": {"loss": 1.0}}
        final = conclude(status, job("Complete"), pod(ended(0)), packed=False, objectives=["loss"])
        assert (final["phase"], final["reason"]) == ("Succeeded", "")

    def test_without_the_objective_it_is_not(self) -> None:
        final = conclude(RUNNING, job("Complete"), pod(ended(0)), packed=False, objectives=["loss"])
        assert (final["phase"], final["reason"]) == ("Failed", "NoObjective")
        assert "python -m expsdk_runtime log loss=" in final["message"]

    def test_another_exit_code_is_their_error_with_the_end_of_their_log(self) -> None:
        final = conclude(RUNNING, job("Failed"), pod(ended(2, message="no such file\n")), packed=False, objectives=[])
        assert (final["phase"], final["reason"]) == ("Failed", "UserError")
        assert final["message"] == "the process ended with exit code 2; the end of its log:\nno such file"


class TestTheTerminationMessage:
    def test_it_is_harvested(self) -> None:
        left = {"phase": "Succeeded", "objectives": {"loss": 1.0}, "delivered": False}
        assert harvest(pod(ended(0, message=json.dumps(left)))) == left

    @pytest.mark.parametrize("message", ["", "Traceback …", "[1]", "{}", '{"phase": "Odd"}', '{"phase'])
    def test_what_is_none_is_passed_over(self, message: str) -> None:
        assert harvest(pod(ended(1, message=message))) == {}
        assert harvest(None) == {}
        assert harvest(pod({"running": {}})) == {}

    def test_of_several_containers_the_one_that_failed_speaks(self) -> None:
        first = {"state": ended(0, message="")}
        second = {"state": ended(1, message='{"phase": "Failed"}')}
        assert harvest({"status": {"containerStatuses": [first, second]}}) == {"phase": "Failed"}
