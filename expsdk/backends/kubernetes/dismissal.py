"""Ending the coordinator of a detached sweep: its Job would make another pod for each that is ended."""

from __future__ import annotations

import time
from contextlib import suppress

from expsdk.backends.kubernetes.coordinator import coordinator_name
from expsdk.backends.kubernetes.labels import COORDINATOR, selector
from expsdk.backends.kubernetes.pods import has_ended, is_running
from expsdk.cluster.api import Api, Document
from expsdk.cluster.kinds import JOBS, PODS
from expsdk.errors import BackendError, ResourceNotFound

GONE_WITHIN_S = 60.0
_POLL_S = 0.2


def dismiss(api: Api, experiment: str) -> bool:
    """End an experiment's coordinator in the cluster, where there is one, and wait until it has ended.

    Its trials go on. Its Lease lapses soon.

    Returns:
        Whether there was one.

    Raises:
        BackendError: A pod of it runs still after a while.
    """
    try:
        api.delete(JOBS, coordinator_name(experiment))
    except ResourceNotFound:
        return False
    of_it = selector(experiment, COORDINATOR)
    give_up_at = time.monotonic() + GONE_WITHIN_S
    while any(map(_may_drive, there := api.list(PODS, selector=of_it).items)):
        for pod in there:
            if not pod["metadata"].get("deletionTimestamp"):  # what collects garbage may take its time
                with suppress(ResourceNotFound):
                    api.delete(PODS, pod["metadata"]["name"])
        if time.monotonic() > give_up_at:
            raise BackendError(
                f"the coordinator of {experiment!r} is told to end, and a pod of it runs still after"
                f" {GONE_WITHIN_S:.0f} s, on a node that does not answer, maybe; see `kubectl get pods -l {of_it}`"
            )
        time.sleep(_POLL_S)
    return True


def _may_drive(pod: Document) -> bool:
    """Whether a coordinator may run in a pod: now, or later, where nobody has told the pod to go."""
    if is_running(pod):
        return True
    return not has_ended(pod) and not pod["metadata"].get("deletionTimestamp")
