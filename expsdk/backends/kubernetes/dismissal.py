"""Ending the coordinator of a detached sweep: its Job would make another pod for each that is ended."""

from __future__ import annotations

import time

from expsdk.backends.kubernetes.coordinator import coordinator_name
from expsdk.backends.kubernetes.labels import COORDINATOR, selector
from expsdk.cluster.api import Api
from expsdk.cluster.kinds import JOBS, PODS
from expsdk.errors import BackendError, ResourceNotFound

GONE_WITHIN_S = 60.0
_POLL_S = 0.2


def dismiss(api: Api, experiment: str) -> bool:
    """End an experiment's coordinator in the cluster, where there is one, and wait until its pods have gone.

    Its trials go on. Its Lease lapses soon.

    Returns:
        Whether there was one.

    Raises:
        BackendError: A pod of it is there still after a while.
    """
    try:
        api.delete(JOBS, coordinator_name(experiment))
    except ResourceNotFound:
        return False
    of_it = selector(experiment, COORDINATOR)
    give_up_at = time.monotonic() + GONE_WITHIN_S
    while api.list(PODS, selector=of_it).items:
        if time.monotonic() > give_up_at:
            raise BackendError(
                f"the coordinator of {experiment!r} is told to end, and a pod of it is there still after"
                f" {GONE_WITHIN_S:.0f} s, on a node that does not answer, maybe; see `kubectl get pods -l {of_it}`"
            )
        time.sleep(_POLL_S)
    return True
