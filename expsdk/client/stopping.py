"""Stopping a trial: its Result says so, and a program that cannot hear of it there is ended."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from expsdk.backends.kubernetes.records import KubernetesRecords
from expsdk.backends.kubernetes.work import Work
from expsdk.client.reading import as_result
from expsdk.client.results import no_trial
from expsdk.cluster.kinds import RESULTS
from expsdk.errors import Conflict, OptionError, ResourceNotFound
from expsdk.resources.result import Result
from expsdk_runtime.contract import Phase, Stop
from expsdk_runtime.status import timestamp

_PHASES = {Stop.PRUNED: Phase.PRUNED, Stop.CANCELLED: Phase.CANCELLED}


def stop_trial(records: KubernetesRecords, name: str, how: str) -> Result:
    """Stop a trial; see `Client.stop`."""
    if how not in _PHASES:
        raise OptionError(f"a trial is stopped as {' or '.join(map(repr, _PHASES))}, not {how!r}; write one of them")
    api = records.api
    try:
        there = api.get(RESULTS, name)
        if (there.get("status") or {}).get("phase") in Phase.FINISHED:
            return as_result(there)
        there = api.patch(RESULTS, name, {"spec": {"stop": how}})
        experiment = records.experiment(there["spec"]["experiment"])
        if experiment.spec.payload is None:
            Work(api, experiment, lambda _: None).terminate(there["spec"]["number"], name)
            there = _keep_end(records, name, how)
    except ResourceNotFound as error:
        raise no_trial(name, api.namespace) from error
    return as_result(there)


def stopped(how: str) -> dict[str, Any]:
    """Return the part of a status that says that a trial was stopped so."""
    return {
        "phase": _PHASES[how],
        "reason": "",
        "message": f"it was stopped ({how}), and its program was ended",
        "completionTime": timestamp(),
    }


def _keep_end(records: KubernetesRecords, name: str, how: str) -> dict[str, Any]:
    """Write into a Result that its trial was stopped, unless it has ended otherwise meanwhile; return the Result."""
    while True:
        there = records.api.get(RESULTS, name)
        if (there.get("status") or {}).get("phase") in Phase.FINISHED:
            return there
        metadata = {"resourceVersion": there["metadata"]["resourceVersion"]}
        with suppress(Conflict):  # it has reported meanwhile
            changes = {"metadata": metadata, "status": stopped(how)}
            return records.api.patch(RESULTS, name, changes, subresource="status")
