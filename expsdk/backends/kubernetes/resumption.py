"""From an experiment that is kept to one that is driven again: found, brought to its record, its trials listed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from expsdk.backends.kubernetes import preflight
from expsdk.backends.kubernetes.documents import whole
from expsdk.backends.kubernetes.labels import NUMBER_LABEL
from expsdk.backends.kubernetes.records import KubernetesRecords, as_experiment
from expsdk.backends.kubernetes.stopping import forget_stop
from expsdk.backends.kubernetes.trial import LiveTrial
from expsdk.cluster.api import Api, Document, Listing
from expsdk.cluster.changes import changes_between
from expsdk.cluster.kinds import EXPERIMENTS, JOBS, PODS, RESULTS, Kind
from expsdk.cluster.server import Server
from expsdk.errors import BackendError
from expsdk.resources.experiment import Experiment

_STAYS = ("objectives", "seed", "payload")
"""What the trials that are there have in common with those to come; all else of a spec may change, the space too:
whether that may grow is asked of whoever goes on with a sweep."""


class Found(NamedTuple):
    """An experiment that is kept.

    Attributes:
        experiment: Its record, as the server has it.
        server: The server's version.
    """

    experiment: Experiment
    server: Server


def find(records: KubernetesRecords, name: str) -> Found:
    """Return an experiment that is kept, once everything that driving it needs is found to be there.

    Raises:
        ExperimentNotFound: There is none; the message names those that are there.
        BackendError: Something is missing or refused; the message says what to do.
    """
    server = preflight.check_connection(records.api)
    preflight.check_installed(records.api)
    preflight.check_permissions(records.api, preflight.NEEDED_TO_RESUME)
    experiment = records.experiment(name)
    if experiment.spec.payload is None:
        raise BackendError(
            f"a sweep's trials run its payload, and the experiment {name!r} has none: launch them with Client"
        )
    return Found(experiment, server)


def check(kept: Experiment, after: Experiment) -> None:
    """See that an experiment is to be what it can become.

    Raises:
        BackendError: What its trials have in common would change.
    """
    before, wanted = kept.to_document()["spec"], after.to_document()["spec"]
    for field in _STAYS:
        if before.get(field) != wanted.get(field):
            hint = ": the code has changed since" if field == "payload" else ""
            raise BackendError(
                f"the trials of an experiment have one {field}, and that of {kept.metadata.name!r} is"
                f" {_shown(before.get(field))}, not {_shown(wanted.get(field))}{hint}; go on with what it was, or start"
                " an experiment of another name"
            )


def bring_up(api: Api, after: Experiment) -> Experiment:
    """Make the kept spec and status what they are in a record, and return the record as the server has it then."""
    name = after.metadata.name
    there = api.get(EXPERIMENTS, name)
    document = after.to_document()
    # What is left out says nothing of the template and the provenance, which only a cluster and a packer know.
    wanted = {key: there["spec"][key] for key in ("jobTemplate", "provenance") if there["spec"].get(key) is not None}
    wanted |= {key: value for key, value in document["spec"].items() if value is not None}
    spec = changes_between(there["spec"], wanted)
    # The server writes 1 for 1.0: what does not change is not sent, lest it change its look.
    for field in _STAYS:
        spec.pop(field, None)
    if spec:
        there = api.patch(EXPERIMENTS, name, {"spec": spec})
    status = changes_between(there.get("status") or {}, document["status"])
    if status:
        there = api.patch(EXPERIMENTS, name, {"status": status}, subresource="status")
    there = forget_stop(api, there)
    return as_experiment(there)


def trials(listings: Mapping[Kind, Listing], now: float) -> Iterator[LiveTrial]:
    """Yield the trials of an experiment by number, each with its Job and its pods, as lists have them."""
    results, jobs, pods = (listings[kind].items for kind in (RESULTS, JOBS, PODS))
    # One that is being deleted is as good as gone: whoever launches its trial again waits for that.
    job_of = {job["metadata"]["name"]: job for job in jobs if not job["metadata"].get("deletionTimestamp")}
    pods_of: dict[str, list[Document]] = {}
    for pod in sorted(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp"))):
        number = (pod["metadata"].get("labels") or {}).get(NUMBER_LABEL, "")
        pods_of.setdefault(number, []).append(pod)
    for result in sorted(results, key=lambda result: int(result["spec"]["number"])):
        document = whole(result)
        number, name = int(document["spec"]["number"]), str(document["metadata"]["name"])
        trial = LiveTrial(number, name, document, now)
        trial.take_result(document, now)
        if name in job_of:
            trial.take_job(job_of[name], now)
            for pod in pods_of.get(str(number), ()):
                trial.take_pod(pod, now, gone=False)
        yield trial


def _shown(value: object, limit: int = 200) -> str:
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
