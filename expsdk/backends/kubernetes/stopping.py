"""How a sweep or a trial of the cluster is asked to stop, by whoever may change its records, wherever it is driven.

A trial's Result says it in `spec.stop`: its job hears of it with its next report, its coordinator by its watch. A
sweep's Experiment says it in an annotation: the answer to the status that a coordinator writes every few seconds is the
whole Experiment, so it costs no request more.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timezone
from typing import Any

from expsdk.backends.base import StopRequest
from expsdk.backends.kubernetes.work import Work
from expsdk.cluster.api import Api, Document
from expsdk.cluster.kinds import EXPERIMENTS, RESULTS
from expsdk.errors import Conflict, ResourceNotFound, TrialNotFound
from expsdk.resources.experiment import Experiment
from expsdk.resources.names import trial_name
from expsdk_runtime.contract import API_GROUP, Phase, Stop
from expsdk_runtime.status import timestamp

STOP_ANNOTATION = f"{API_GROUP}/stop"
"""An Experiment's: when its sweep was asked to stop last. Every other value asks once more."""
STOP_PHASES = {Stop.PRUNED: Phase.PRUNED, Stop.CANCELLED: Phase.CANCELLED}


def request_stop(api: Api, experiment: Experiment, request: StopRequest) -> None:
    """Ask an experiment's coordinator to end its sweep, or a trial to end.

    Raises:
        TrialNotFound: There is no such trial.
        ExperimentNotFound: The experiment is not there any more.
    """
    name = experiment.metadata.name
    if request.number is None:
        now = datetime.now(timezone.utc).isoformat()
        api.patch(EXPERIMENTS, name, {"metadata": {"annotations": {STOP_ANNOTATION: now}}})
        return
    trial = trial_name(name, request.number)
    try:
        stop_trial(api, experiment, trial, Stop.CANCELLED)
    except ResourceNotFound as error:
        raise TrialNotFound(
            f"no trial {trial!r} is in namespace {api.namespace!r}; give its name as `print(results)` shows it"
        ) from error


def asked_at(experiment: Document) -> str:
    """Return what an Experiment's annotation says, or ""."""
    return str((experiment["metadata"].get("annotations") or {}).get(STOP_ANNOTATION) or "")


def forget_stop(api: Api, experiment: Document) -> Document:
    """Take back what was asked of an earlier coordinator; return the Experiment."""
    if not asked_at(experiment):
        return experiment
    return api.patch(
        EXPERIMENTS, experiment["metadata"]["name"], {"metadata": {"annotations": {STOP_ANNOTATION: None}}}
    )


def stop_trial(api: Api, experiment: Experiment, trial: str, how: str) -> Document:
    """Have a trial stopped and return its Result; raises ResourceNotFound where it has none.

    A program that cannot hear of it, since no payload of ours runs it, is ended.
    """
    there = api.get(RESULTS, trial)
    if (there.get("status") or {}).get("phase") in Phase.FINISHED:
        return there
    there = api.patch(RESULTS, trial, {"spec": {"stop": how}})
    if experiment.spec.payload is None:
        Work(api, experiment, lambda _: None).terminate(there["spec"]["number"], trial)
        there = _keep_end(api, trial, how)
    return there


def stopped(how: str) -> dict[str, Any]:
    """Return the part of a status that says that a trial was stopped so."""
    return {
        "phase": STOP_PHASES[how],
        "reason": "",
        "message": f"it was stopped ({how}), and its program was ended",
        "completionTime": timestamp(),
    }


def _keep_end(api: Api, trial: str, how: str) -> Document:
    """Write into a Result that its trial was stopped, unless it has ended otherwise meanwhile; return the Result."""
    while True:
        there = api.get(RESULTS, trial)
        if (there.get("status") or {}).get("phase") in Phase.FINISHED:
            return there
        metadata = {"resourceVersion": there["metadata"]["resourceVersion"]}
        with suppress(Conflict):  # it has reported meanwhile
            changes = {"metadata": metadata, "status": stopped(how)}
            return api.patch(RESULTS, trial, changes, subresource="status")
