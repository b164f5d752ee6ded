"""What a Job and its pods say of a trial: whether it waits and for what, whether it is over, and how it ended.

Pure reading of documents. Phases and reasons of pods:
https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from expsdk.backends.kubernetes.labels import QUEUE_LABEL
from expsdk.backends.verdict import describe_exit, ended
from expsdk_runtime.contract import ExitCode, Phase, Reason
from expsdk_runtime.status import keep_end

Document = Mapping[str, Any]

SIGNALS_FROM = 128
_IMAGE = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable"})
_CONFIGURATION = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError", "FailedMount"})
_STARTING = frozenset({"ContainerCreating", "PodInitializing"})
_ADMISSION = ("QuotaReserved", "Admitted")
"""Conditions of a Workload in the order in which they come true: https://kueue.sigs.k8s.io/docs/concepts/workload/."""
_EXIT_REASONS = {
    ExitCode.PAYLOAD_INVALID: Reason.PAYLOAD_INVALID,
    ExitCode.PYTHON_MISMATCH: Reason.PYTHON_MISMATCH,
    ExitCode.PACKAGES_FAILED: Reason.PACKAGES_FAILED,
}


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why a trial does not run yet.

    Attributes:
        reason: One of `contract.Reason`.
        message: The cluster's own words.
    """

    reason: str
    message: str


def is_over(job: Document | None) -> bool:
    """Whether a Job has ended: complete, failed, or gone."""
    return job is None or ending_of(job) is not None


def ending_of(job: Document) -> Document | None:
    """Return the condition that says how a Job ended, or None while it has not."""
    for condition in job.get("status", {}).get("conditions") or ():
        if condition["type"] in {"Complete", "Failed"} and condition["status"] == "True":
            found: Document = condition
            return found
    return None


def is_running(pod: Document) -> bool:
    """Whether a container of a pod runs, as far as its node has said."""
    return any("running" in each.get("state", {}) for each in pod.get("status", {}).get("containerStatuses") or ())


def has_ended(pod: Document) -> bool:
    """Whether a pod has ended: none of its containers runs, or will run again."""
    return pod.get("status", {}).get("phase") in {"Succeeded", "Failed"}


def is_starting(pod: Document) -> bool:
    """Whether a pod has a node and none of its containers has got anywhere yet."""
    status = pod.get("status", {})
    states = [each.get("state", {}) for each in status.get("containerStatuses") or ()]
    return status.get("phase") == "Pending" and any(
        state.get("waiting", {}).get("reason") in _STARTING for state in states
    )


def waiting_of(pod: Document) -> Waiting | None:
    """Return what a pod waits for that somebody may have to mend, or None."""
    status = pod.get("status", {})
    for container in [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]:
        waiting = container.get("state", {}).get("waiting", {})
        reason, message = waiting.get("reason", ""), waiting.get("message", "")
        if reason in _IMAGE:
            return Waiting(Reason.IMAGE_PULL_ERROR, f"image {container['image']}: {message or reason}")
        if reason in _CONFIGURATION:
            return Waiting(Reason.CONTAINER_CONFIG_ERROR, message or reason)
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] == "False" and condition.get("message"):
            return Waiting(Reason.UNSCHEDULABLE, condition["message"])
    return None


def is_suspended(job: Document | None) -> bool:
    """Whether a Job waits until somebody, a queue's controller most likely, lets it start."""
    return bool((job or {}).get("spec", {}).get("suspend"))


def waiting_in_queue(job: Document, workloads: Iterable[Document] = ()) -> Waiting:
    """Return what a suspended Job waits for.

    Args:
        job: The Job.
        workloads: What Kueue keeps of it, where that can be read.
    """
    queue = (job.get("metadata", {}).get("labels") or {}).get(QUEUE_LABEL)
    where = f"waits in queue {queue}" if queue else "waits: its Job is suspended, and starts when that is taken back"
    told = [
        condition["message"]
        for workload in workloads
        for kind in _ADMISSION
        for condition in workload.get("status", {}).get("conditions") or ()
        if condition["type"] == kind and condition["status"] == "False" and condition.get("message")
    ]
    reason = told[0] if told else "it starts when the queue admits it" if queue else ""
    return Waiting(Reason.QUEUED, f"{where}: {reason}" if reason else where)


def waiting_of_events(events: Iterable[Document]) -> Waiting | None:
    """Return what the warnings about a Job without pods, or about a pod that does not start, tell; the last counts."""
    found = None
    for event in sorted(events, key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or ""):
        if event.get("type") != "Warning":
            continue
        message = event.get("message", "")
        if "exceeded quota" in message or "failed quota" in message:
            found = Waiting(Reason.QUOTA_EXCEEDED, message)
        elif event.get("reason") == "FailedCreate":
            found = Waiting(Reason.LAUNCH_FAILED, message)
        elif event.get("reason") in {"FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox"}:
            found = Waiting(Reason.CONTAINER_CONFIG_ERROR, message)
    return found


def harvest(pod: Document | None) -> dict[str, Any]:
    """Return the part of a status that a trial left in its container's termination message, if it did."""
    terminated = _terminated(pod) or {}
    try:
        left = json.loads(terminated.get("message", ""))
    except ValueError:
        return {}
    return left if isinstance(left, dict) and left.get("phase") in Phase.ALL else {}


def conclude(
    status: dict[str, Any], job: Document | None, pod: Document | None, *, packed: bool, objectives: Iterable[str]
) -> dict[str, Any]:
    """Return the final status of a trial that has not said itself how it ended.

    Args:
        status: The last that it reported, with what its container left.
        job: Its Job, or None where that is gone.
        pod: The last of its Job's pods, where there was one.
        packed: Whether it ran a payload of ours, which says how it ends, or a program that need not.
        objectives: The metrics without which no trial has succeeded.
    """
    # A pod that its deleted Job takes along ends by SIGTERM or SIGKILL, or goes before its end is seen.
    is_deleted = job is None and (pod is None or _is_deleted(pod) or _is_unfinished(pod))
    if is_deleted and status["phase"] not in Phase.FINISHED:
        return ended(status, reason=Reason.LOST, message="its Job was deleted by somebody before the trial ended")
    said = _of_pod(status, pod, packed=packed) if pod is not None else None
    if said is not None and said["phase"] == Phase.SUCCEEDED:
        missing = [metric for metric in objectives if metric not in (status.get("objectives") or {})]
        if missing:
            message = (
                f"the program ended without a value of its objective {', '.join(missing)}; record it with"
                f" `python -m expsdk_runtime log {missing[0]}=…` or `Client.record`"
            )
            return ended(status, reason=Reason.NO_OBJECTIVE, message=message)
    if said is not None:
        return said
    if status["phase"] in Phase.FINISHED:  # "Preempted", and nobody knows better
        return status
    ending = ending_of(job or {}) or {}
    if ending.get("reason") == "DeadlineExceeded":
        return ended(status, reason=Reason.TIMEOUT, message=ending.get("message") or "the Job's deadline has passed")
    message = ending.get("message") or "the Job has ended"
    return ended(status, reason=Reason.LOST, message=f"its pod is gone, and nothing tells how it ended ({message})")


def _is_deleted(pod: Document) -> bool:
    return bool(pod.get("metadata", {}).get("deletionTimestamp"))


def _is_unfinished(pod: Document) -> bool:
    return not has_ended(pod) and _terminated(pod) is None


def _of_pod(status: dict[str, Any], pod: Document, *, packed: bool) -> dict[str, Any] | None:
    """Return the final status as a pod's own end tells it, or None where that tells nothing."""
    end = pod.get("status", {})
    reason, message = end.get("reason", ""), end.get("message", "")
    if reason == "DeadlineExceeded":
        limit = pod.get("spec", {}).get("activeDeadlineSeconds")
        return ended(
            status, reason=Reason.TIMEOUT, message=f"the trial took longer than the {limit} s that it may take"
        )
    if reason == "Evicted":
        return ended(status, reason=Reason.EVICTED, message=message or "the node evicted the pod")
    if reason in {"Preempting", "Preempted", "Shutdown", "Terminated", "NodeShutdown"} or _is_disrupted(end):
        return ended(status, reason=Reason.PREEMPTED, message=_disruption(end) or message or reason)
    if reason == "NodeLost":
        return ended(status, reason=Reason.LOST, message=message or "the node does not answer")
    terminated = _terminated(pod)
    if terminated is None:
        if status["phase"] in Phase.FINISHED:
            return status
        if end.get("phase") == "Failed" and (reason or message):
            return ended(status, reason=reason or Reason.LOST, message=message)
        return None
    if terminated.get("reason") == "OOMKilled":
        return ended(status, reason=Reason.OUT_OF_MEMORY, message=_out_of_memory(pod))
    if status["phase"] in Phase.FINISHED:
        return status
    return _of_exit(status, terminated, packed=packed)


def _of_exit(status: dict[str, Any], terminated: Document, *, packed: bool) -> dict[str, Any]:
    """Return the final status that an exit code tells."""
    code = terminated["exitCode"]
    if code == 0 and not packed:
        return {**ended(status, reason="", message=""), "phase": Phase.SUCCEEDED}
    number = SIGNALS_FROM - code if code > SIGNALS_FROM else code
    words = terminated.get("message", "").strip()
    tail = f"; the end of its log:\n{words}" if words and not words.startswith("{") else ""
    ending = f"the process ended {describe_exit(number)}" + (" before the function returned" if packed else "")
    message = keep_end(ending + tail)
    reason = _EXIT_REASONS.get(code) if packed else Reason.USER_ERROR
    return ended(status, reason=reason or Reason.CRASHED, message=message)


def _terminated(pod: Document | None) -> Document | None:
    """Return how the trial's container ended: the first of the pod, or the first that failed."""
    statuses = (pod or {}).get("status", {}).get("containerStatuses") or ()
    states: list[Document] = [each["state"]["terminated"] for each in statuses if "terminated" in each.get("state", {})]
    return next((state for state in states if state["exitCode"]), states[0] if states else None)


def _is_disrupted(end: Document) -> bool:
    return bool(_disruption(end))


def _disruption(end: Document) -> str:
    """Return why a pod was disrupted (Kubernetes 1.26 and newer say so), or ""."""
    for condition in end.get("conditions") or ():
        if condition["type"] == "DisruptionTarget" and condition["status"] == "True":
            return str(condition.get("message") or condition.get("reason") or "disrupted")
    return ""


def _out_of_memory(pod: Document) -> str:
    containers = pod.get("spec", {}).get("containers") or [{}]
    limit = containers[0].get("resources", {}).get("limits", {}).get("memory")
    if limit:
        return f"the container used more than its limit of {limit} of memory; give it more with Resources(memory=…)"
    return "the node ran out of memory and ended the container; ask for what it needs with Resources(memory=…)"
