"""An experiment that comes from elsewhere, into a cluster: its record, its packed files, its Results with their status.

Nothing runs. Its Jobs' template is its own, where it has one, and else that of a sweep without options, so that whoever
takes the sweep up can go on with it here.
"""

from __future__ import annotations

import copy
import json
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from expsdk.backends.base import Document, Kept
from expsdk.backends.kubernetes import creation, preflight
from expsdk.backends.kubernetes.labels import PAYLOAD, PLAN, SPACE_ANNOTATION, result_document
from expsdk.backends.kubernetes.options import JobOptions
from expsdk.backends.kubernetes.payload_maps import chunk_count, payload_volume
from expsdk.backends.kubernetes.payload_store import Packed, is_in_config_maps, keep_payload
from expsdk.backends.kubernetes.preflight import Permission
from expsdk.backends.kubernetes.statuses import status_change
from expsdk.cluster.api import Api
from expsdk.cluster.kinds import CONFIG_MAPS, EXPERIMENTS, RESULTS
from expsdk.cluster.server import Server
from expsdk.errors import ClusterError, Conflict
from expsdk.resources.experiment import Experiment, PayloadReference
from expsdk.resources.result import Result

AT_ONCE = 4
NEEDED = (
    *(Permission(verb, EXPERIMENTS) for verb in ("create", "get", "delete")),
    Permission("patch", EXPERIMENTS, "status"),
    *(Permission(verb, RESULTS) for verb in ("create", "get")),
    Permission("patch", RESULTS, "status"),
    Permission("create", CONFIG_MAPS),
)


def take_in(api: Api, kept: Kept) -> list[str]:
    """Keep an experiment that comes from elsewhere, whole or not at all; return what was left out, in words.

    Raises:
        ExperimentExists: The name is taken.
        BackendError: Something is missing or refused; nothing is left of it.
    """
    server = preflight.check_connection(api)
    preflight.check_installed(api)
    preflight.check_permissions(api, NEEDED)
    preflight.check_name(api, kept.experiment.metadata.name)
    keep(api, planned(kept.experiment, api.namespace, server), kept)
    if not kept.outputs:
        return []
    return ["what trials wrote and printed stays where it is: a cluster keeps that on volumes and in pods"]


def planned(experiment: Experiment, namespace: str, server: Server) -> Experiment:
    """Return the record as the cluster is to keep it."""
    annotations = {creation.CREATION: uuid.uuid4().hex, SPACE_ANNOTATION: json.dumps(experiment.spec.space)}
    metadata = experiment.metadata.model_copy(
        update={"namespace": namespace, "annotations": {**experiment.metadata.annotations, **annotations}}
    )
    template = _template(experiment, server)
    spec = experiment.spec.model_copy(update={"job_template": template})
    return experiment.model_copy(update={"metadata": metadata, "spec": spec})


def keep(api: Api, experiment: Experiment, kept: Kept) -> None:
    """Create all of an experiment; where something cannot be created, delete it again."""
    there = creation.create(api, experiment)
    name, spec = there.metadata.name, experiment.spec
    try:
        for reference, content, component in ((spec.payload, kept.payload, PAYLOAD), (spec.plan, kept.plan, PLAN)):
            if reference is not None and content is not None:
                keep_payload(api, there, Packed(content, reference.digest), component=component)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda document: _keep_result(api, there, document), kept.results))
        api.patch(EXPERIMENTS, name, status_change(experiment), subresource="status")
    except BaseException:
        with suppress(ClusterError):  # what has been raised already tells more
            api.delete(EXPERIMENTS, name)
        raise


def _keep_result(api: Api, experiment: Experiment, document: Document) -> None:
    result = Result.model_validate(document)
    with suppress(Conflict):  # the answer to the first request was lost, and it was sent again
        api.create(RESULTS, result_document(experiment, result))
    status = result.to_document()["status"]
    api.patch(RESULTS, result.metadata.name, {"status": status}, subresource="status")


def _template(experiment: Experiment, server: Server) -> Document | None:
    """Return the Jobs' template for an experiment of this name, or None where it has no payload and no template."""
    template, payload = experiment.spec.job_template, experiment.spec.payload
    if template is None:
        return None if payload is None else creation.template_for(experiment, JobOptions(), server)
    if payload is None or not is_in_config_maps(template):
        return template
    return _with_payload(template, experiment.metadata.name, payload)


def _with_payload(template: Mapping[str, object], name: str, payload: PayloadReference) -> Document:
    """Return the template with the volume of the payload's ConfigMaps as they are called here."""
    changed: Document = copy.deepcopy(dict(template))
    pod = changed["spec"]["template"]["spec"]
    volume = payload_volume(PAYLOAD, name, payload.digest, chunks=chunk_count(payload.size_bytes))
    pod["volumes"] = [volume if each.get("name") == PAYLOAD else each for each in pod["volumes"]]
    return changed
