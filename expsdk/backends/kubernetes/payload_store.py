"""An experiment's packed files in its cluster: kept beside its record, completed where parts are missing, read back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from expsdk.backends.kubernetes.labels import PAYLOAD, PLAN, selector
from expsdk.backends.kubernetes.payload_maps import chunk_count, chunk_of, payload_config_maps, payload_map_name
from expsdk.cluster.api import Api, Document
from expsdk.cluster.kinds import CONFIG_MAPS
from expsdk.errors import BackendError, Conflict
from expsdk.packaging.payload import Payload
from expsdk.resources.experiment import Experiment, PayloadReference

_WORDS = {PAYLOAD: "payload", PLAN: "packed plan"}


class Packed(NamedTuple):
    """A packed function or plan that comes from where it was kept."""

    content: bytes
    digest: str


def keep_payload(api: Api, experiment: Experiment, payload: Payload | Packed, *, component: str = PAYLOAD) -> None:
    """Create the ConfigMaps that carry a payload.

    Args:
        api: The API server.
        experiment: The experiment's record, as it is on the server.
        payload: The packed function, or the packed plan.
        component: Which of the two it is.
    """
    for document in payload_config_maps(experiment, payload.content, payload.digest, component=component):
        _keep(api, document)


def complete(api: Api, experiment: Experiment, payload: Payload | None, *, component: str = PAYLOAD) -> None:
    """See that the ConfigMaps of a payload are there, and create those that are not from what is at hand.

    Raises:
        BackendError: One is not there, and the payload is not at hand, or is another.
    """
    reference = _reference(experiment, component)
    if reference is None:
        return
    name, what = experiment.metadata.name, _WORDS[component]
    if payload is not None and payload.digest != reference.digest:
        raise BackendError(
            f"an experiment has one {what}, and that of {name!r} is {reference.digest}, not {payload.digest}: the code"
            " has changed since; go on with the code as it was, or start an experiment of another name"
        )
    there = {
        document["metadata"]["name"]
        for document in api.list(CONFIG_MAPS, selector=selector(name, component)).items
        if not document["metadata"].get("deletionTimestamp")
    }
    missing = _names(experiment, reference, component) - there
    if not missing:
        return
    if payload is None:
        raise BackendError(
            f"the {what} of {name!r} is kept in ConfigMaps, and {min(missing)} is not there in namespace"
            f" {api.namespace!r}; take the experiment up from the script that defines it, which brings it along"
        )
    keep_payload(api, experiment, payload, component=component)


def read_payload(api: Api, experiment: Experiment, *, plan: bool = False) -> bytes:
    """Return an experiment's packed function, or its packed plan, as it was kept.

    Raises:
        BackendError: There is none, a part of it is not there, or it is not what was kept.
    """
    component = PLAN if plan else PAYLOAD
    name, what = experiment.metadata.name, _WORDS[component]
    reference = _reference(experiment, component)
    if reference is None:
        raise BackendError(f"what is read was kept, and the experiment {name!r} has no {what}")
    there = {
        document["metadata"]["name"]: document
        for document in api.list(CONFIG_MAPS, selector=selector(name, component)).items
    }
    wanted = [payload_map_name(name, reference.digest, number, component=component) for number in _chunks(reference)]
    missing = [each for each in wanted if each not in there]
    if missing:
        remedy = "take the experiment up from the script that defines it"
        if not plan and not is_in_config_maps(experiment.spec.job_template or {}):
            remedy = f"it is in the trials' image; {remedy}"
        raise BackendError(
            f"the {what} of {name!r} is kept in ConfigMaps, and {missing[0]} is not there in namespace"
            f" {api.namespace!r}: {remedy}"
        )
    content = b"".join(chunk_of(there[each]) for each in wanted)
    found = f"sha256:{hashlib.sha256(content).hexdigest()}"
    if found != reference.digest:
        raise BackendError(
            f"the {what} of {name!r} was changed since it was kept: its digest is {found}, not {reference.digest};"
            " nothing of it is run"
        )
    return content


def is_in_config_maps(template: Mapping[str, Any]) -> bool:
    """Whether the pods of a Job's template get the payload from ConfigMaps, and not from their image."""
    pod = ((template.get("spec") or {}).get("template") or {}).get("spec") or {}
    return any(volume.get("name") == PAYLOAD and "projected" in volume for volume in pod.get("volumes") or ())


def _keep(api: Api, document: Document) -> None:
    """Create a ConfigMap, which may be there already: a request is sent again whose answer was lost."""
    try:
        api.create(CONFIG_MAPS, document)
    except Conflict:
        if chunk_of(api.get(CONFIG_MAPS, document["metadata"]["name"])) != chunk_of(document):
            raise


def _reference(experiment: Experiment, component: str) -> PayloadReference | None:
    return experiment.spec.plan if component == PLAN else experiment.spec.payload


def _chunks(reference: PayloadReference) -> range:
    return range(chunk_count(reference.size_bytes))


def _names(experiment: Experiment, reference: PayloadReference, component: str) -> set[str]:
    name = experiment.metadata.name
    return {payload_map_name(name, reference.digest, number, component=component) for number in _chunks(reference)}
