"""What a trial printed in its pods: the last one's log, or each one's in turn as long as the trial goes on."""

from __future__ import annotations

import time
from collections.abc import Iterator

from expsdk.backends.kubernetes import pods
from expsdk.backends.verdict import is_final
from expsdk.cluster.api import Api, Document
from expsdk.cluster.kinds import EXPERIMENTS, JOBS, PODS, RESULTS, Kind
from expsdk.errors import ResourceNotFound, TrialNotFound, Unreachable

POLL_S = 0.5
BEGINS_WITHIN_S = 10.0
"""How long after a trial's own first report its node may take to tell that its container has begun."""


def read_log(api: Api, job: str, *, previous: bool) -> Iterator[str]:
    """Yield what a Job's last pod has printed, or the one before that; nothing where its container has not begun.

    Raises:
        TrialNotFound: There is no such pod.
    """
    there = _pods(api, job)
    if not there:
        raise TrialNotFound(
            f"a log is read from a trial's pod, and no trial {job!r} has one in namespace {api.namespace!r}; give its"
            " name as `print(results)` shows it"
        )
    if previous and len(there) == 1:
        raise TrialNotFound(
            f"an earlier log is that of an attempt before the last, and {job!r} has one pod here; read the log of that"
            " one"
        )
    pod = _begun(api, job, there[-2 if previous else -1])
    if pod is not None:
        yield from _lines(api, pod, follow=False)


def follow_log(api: Api, job: str) -> Iterator[str]:
    """Yield what a Job's pods print, from its last one on, until its trial has ended, or a program's Job.

    Raises:
        TrialNotFound: There is neither such a trial nor such a Job.
    """
    done: set[str] = set()
    yielded = 0
    while True:
        # Whether it is over is looked at first: what was printed until then is read below.
        is_over = _is_over(api, job)
        there = _pods(api, job)
        if not done:
            done |= {pod["metadata"]["uid"] for pod in there[:-1]}
        pod = next((each for each in there if each["metadata"]["uid"] not in done), None)
        if pod is None or not _has_begun(pod):
            if is_over:
                return
            time.sleep(POLL_S)
            continue
        try:
            for count, line in enumerate(_lines(api, pod, follow=True)):
                if count >= yielded:  # what was read before the connection broke comes once
                    yielded = count + 1
                    yield line
        except Unreachable:
            continue  # the next look tells whether the cluster is away
        except ResourceNotFound:  # it has been deleted
            pass
        done.add(pod["metadata"]["uid"])
        yielded = 0


def _begun(api: Api, job: str, pod: Document) -> Document | None:
    """Return a pod once it has a log, or None where it has none yet; its trial's reports may be ahead of its node's."""
    deadline = time.monotonic() + BEGINS_WITHIN_S
    while not _has_begun(pod):
        result = _get(api, RESULTS, job)
        has_reported = result is not None and (result.get("status") or {}).get("startTime")
        if not has_reported or time.monotonic() > deadline:
            return None
        time.sleep(POLL_S)
        uid = pod["metadata"]["uid"]
        pod = next((each for each in _pods(api, job) if each["metadata"]["uid"] == uid), pod)
    return pod


def _pods(api: Api, job: str) -> list[Document]:
    there = api.list(PODS, selector=f"job-name={job}").items
    return sorted(there, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))


def _lines(api: Api, pod: Document, *, follow: bool) -> Iterator[str]:
    return api.log(pod["metadata"]["name"], pod["spec"]["containers"][0]["name"], follow=follow)


def _has_begun(pod: Document) -> bool:
    """Whether a pod's first container runs, or has run, and so has a log."""
    name = pod["spec"]["containers"][0]["name"]
    states = [each for each in pod.get("status", {}).get("containerStatuses") or () if each["name"] == name]
    return any({"running", "terminated"} & each.get("state", {}).keys() for each in states)


def _is_over(api: Api, job: str) -> bool:
    """Whether nothing more is printed: the trial has ended for good, or the Job has, where no Result tells of it."""
    result, there = _get(api, RESULTS, job), _get(api, JOBS, job)
    if result is None:
        if there is None:
            raise TrialNotFound(
                f"no trial {job!r} is in namespace {api.namespace!r}; give its name as `print(results)` shows it"
            )
        return pods.ending_of(there) is not None
    experiment = _get(api, EXPERIMENTS, result["spec"]["experiment"])
    retries = 0 if experiment is None else experiment["spec"].get("retries") or 0
    return is_final(result.get("status") or {}, retries=retries)


def _get(api: Api, kind: Kind, name: str) -> Document | None:
    try:
        return api.get(kind, name)
    except ResourceNotFound:
        return None
