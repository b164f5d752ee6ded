"""What is decided for a trial that runs, second by second."""

from __future__ import annotations

from typing import Any

from expsdk.backends.kubernetes import ward
from expsdk.backends.kubernetes.pods import Waiting, waiting_in_queue
from expsdk.backends.kubernetes.trial import LiveTrial, Patience
from expsdk.backends.kubernetes.ward import Look, NoteWaiting, Remove
from expsdk.cluster.follow import Listed, Seen
from expsdk.cluster.kinds import JOBS, PODS, RESULTS

Document = dict[str, Any]

PATIENCE = Patience(start_s=600.0, place_s=3600.0)
JOB = {"metadata": {"name": "train-0000"}, "status": {}}
FAILED = {**JOB, "status": {"conditions": [{"type": "Failed", "status": "True"}]}}
QUEUED: Document = {
    "metadata": {"name": "train-0000", "uid": "8a1f", "labels": {"kueue.x-k8s.io/queue-name": "gpus"}},
    "spec": {"suspend": True},
    "status": {},
}
RUNNING = [{"image": "a", "state": {"running": {}}}]
NO_IMAGE = [{"image": "a:1", "state": {"waiting": {"reason": "ErrImagePull", "message": "not found"}}}]


def trial(*, phase: str = "Pending", job: Document | None = JOB) -> LiveTrial:
    status = {"phase": phase, "reason": ""}
    made = LiveTrial(0, "train-0000", {"metadata": {"name": "train-0000"}, "status": status}, 0.0)
    if job:
        made.take_job(job, 0.0)
    return made


def pod(containers: list[Document]) -> Document:
    return {"metadata": {"name": "train-0000-x"}, "status": {"phase": "Pending", "containerStatuses": containers}}


def minded(made: LiveTrial, now: float) -> list[ward.Decision]:
    return list(ward.mind(made, now, PATIENCE))


def test_the_events_of_a_job_without_pods_are_read_now_and_then() -> None:
    made = trial()
    assert [bool(minded(made, now)) for now in (1.0, 11.0, 12.0, 22.0)] == [False, True, False, True]
    assert minded(made, 40.0) == [Look(("train-0000",))]
    assert minded(trial(phase="Running"), 40.0) == []
    assert minded(trial(job=None), 40.0) == []  # it is yet to come


def test_what_it_waits_for_is_noted_once_and_taken_back() -> None:
    made = trial()
    ward.take(made, Seen(PODS, "ADDED", pod(NO_IMAGE)), 1.0)
    (noted,) = minded(made, 2.0)
    assert isinstance(noted, NoteWaiting)
    assert noted.waiting is not None
    assert (noted.waiting.reason, noted.waiting.message) == ("ImagePullError", "image a:1: not found")
    assert minded(made, 300.0) == []
    ward.take(made, Seen(PODS, "MODIFIED", pod(RUNNING)), 301.0)
    assert minded(made, 301.0) == [NoteWaiting(None)]


def test_patience_is_lost_in_the_end_and_once() -> None:
    made = trial()
    ward.take(made, Seen(PODS, "ADDED", pod(NO_IMAGE)), 1.0)
    assert isinstance(minded(made, 2.0)[0], NoteWaiting)
    assert minded(made, 602.0) == []
    (decision,) = minded(made, 603.0)
    assert isinstance(decision, Remove)
    assert (decision.sentence.reason, "waited 600 s" in decision.sentence.message) == ("ImagePullError", True)
    made.sentence = decision.sentence
    assert minded(made, 604.0) == []


def test_a_container_that_runs_after_its_job_has_time_to_report() -> None:
    made = trial(phase="Running")
    ward.take(made, Seen(PODS, "ADDED", pod(RUNNING)), 1.0)
    ward.take(made, Seen(JOBS, "MODIFIED", FAILED), 10.0)
    assert [ward.lingers(made, now, 3.0) for now in (10.0, 17.9, 18.0)] == [True, True, False]
    ward.take(made, Seen(PODS, "DELETED", pod(RUNNING)), 11.0)
    assert not ward.lingers(made, 11.0, 3.0)


def test_who_has_said_how_it_ended_is_not_waited_for() -> None:
    made = trial(phase="Succeeded")
    ward.take(made, Seen(PODS, "ADDED", pod(RUNNING)), 1.0)
    ward.take(made, Seen(JOBS, "MODIFIED", FAILED), 10.0)
    assert not ward.lingers(made, 10.0, 3.0)


def test_what_lists_do_not_have() -> None:
    seen, unseen = trial(), trial(job=None)
    ward.take(seen, Seen(PODS, "ADDED", pod(RUNNING)), 1.0)
    assert ward.missed([seen, unseen], Listed(JOBS, [JOB])) == []
    assert ward.missed([seen, unseen], Listed(JOBS, [])) == [seen]
    assert ward.missed([seen, unseen], Listed(RESULTS, [])) == []
    assert seen.pods
    assert ward.missed([seen, unseen], Listed(PODS, [])) == []
    assert not seen.pods


class TestAQueue:
    """No Kubernetes before 1.22 suspends Jobs, the tests' own least of all: its documents stand for the queue."""

    NO_QUOTA = "couldn't assign flavors to pod set main: insufficient unused quota for nvidia.com/gpu"

    def test_a_suspended_job_waits_in_its_queue_for_as_long_as_it_takes(self) -> None:
        made = trial(job=QUEUED)
        assert minded(made, 1.0) == [
            NoteWaiting(Waiting("Queued", "waits in queue gpus: it starts when the queue admits it"))
        ]
        assert minded(made, 31.0) == [Look(("train-0000",), QUEUED)]
        assert minded(made, 50.0) == []
        assert minded(made, 1e7) == [Look(("train-0000",), QUEUED)]

    def test_what_the_queue_says_is_told_as_often_as_it_says_another_thing(self) -> None:
        made = trial(job=QUEUED)
        minded(made, 1.0)
        for words in (self.NO_QUOTA, "1 more needed"):
            made.warned = waiting_in_queue(QUEUED, [workload(QuotaReserved=("False", words))])
            assert minded(made, 2.0) == [NoteWaiting(Waiting("Queued", f"waits in queue gpus: {words}"))]
            assert minded(made, 3.0) == []

    def test_admitted_it_waits_for_a_node_like_any_other(self) -> None:
        made = trial(job=QUEUED)
        minded(made, 1.0)
        made.warned = waiting_in_queue(QUEUED, [])
        ward.take(made, Seen(JOBS, "MODIFIED", {**QUEUED, "spec": {"suspend": False}}), 2.0)
        assert minded(made, 2.0) == [NoteWaiting(None)]

    def test_patience_with_a_queue_may_be_given(self) -> None:
        made = trial(job=QUEUED)
        hasty = Patience(start_s=600.0, place_s=3600.0, queue_s=60.0)
        assert not [each for now in (1.0, 60.0) for each in ward.mind(made, now, hasty) if isinstance(each, Remove)]
        (removed,) = [each for each in ward.mind(made, 62.0, hasty) if isinstance(each, Remove)]
        assert removed.sentence.reason == "Queued"
        assert removed.sentence.message.endswith("admits it (it waited 60 s for that to change)")

    def test_what_keeps_a_workload_is_told_first_things_first(self) -> None:
        reserved = workload(QuotaReserved=("True", "Quota reserved"), Admitted=("False", "2 checks are pending"))
        assert waiting_in_queue(QUEUED, [reserved]).message == "waits in queue gpus: 2 checks are pending"
        suspended = {"metadata": {"name": "train-0000"}, "spec": {"suspend": True}}
        assert waiting_in_queue(suspended) == Waiting(
            "Queued", "waits: its Job is suspended, and starts when that is taken back"
        )


def workload(**conditions: tuple[str, str]) -> Document:
    told = [{"type": kind, "status": status, "message": message} for kind, (status, message) in conditions.items()]
    return {"status": {"conditions": told}}
