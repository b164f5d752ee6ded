"""The Job that all trials of a sweep have in common: what an Experiment's `spec.jobTemplate` holds."""

from __future__ import annotations

import json
import math
from typing import Any

from expsdk.backends.kubernetes.environment import literal, variable
from expsdk.backends.kubernetes.inline import inline_bootstrap
from expsdk.backends.kubernetes.labels import QUEUE_LABEL
from expsdk.backends.kubernetes.merge import merge
from expsdk.backends.kubernetes.options import OUTPUT_PATH, SCRATCH_PATH, JobOptions
from expsdk.backends.kubernetes.payload_maps import payload_volume
from expsdk.backends.kubernetes.pod_template import CONTAINER, with_named_containers
from expsdk.backends.kubernetes.volumes import SecretEnv
from expsdk.cluster.server import Server
from expsdk.resources.experiment import PayloadReference
from expsdk_runtime.contract import ExitCode

__all__ = ["PAYLOAD_PATH", "job_template", "omissions"]

PAYLOAD_PATH = "/expsdk/payload"
_PAYLOAD, _SCRATCH, _OUTPUT = "payload", "scratch", "output"
_FINAL_CODES = (
    ExitCode.USER_ERROR,
    ExitCode.USAGE,
    ExitCode.PAYLOAD_INVALID,
    ExitCode.PYTHON_MISMATCH,
    ExitCode.NO_OBJECTIVE,
    ExitCode.OUT_OF_MEMORY,
    ExitCode.PACKAGES_FAILED,
)
"""How a trial ends that would end so again."""

Document = dict[str, Any]


def job_template(
    options: JobOptions,
    *,
    experiment: str,
    payload: PayloadReference,
    chunks: int,
    trial_timeout_s: float | None,
    grace_s: float,
    server: Server,
) -> Document:
    """Return everything of a sweep's Jobs but what is one trial's own: labels, annotations and spec.

    Args:
        options: What the user says about it.
        experiment: The experiment's name.
        payload: The packed function.
        chunks: How many ConfigMaps carry it.
        trial_timeout_s: Time for one attempt at a trial, in seconds, counted from when its pod has a node.
        grace_s: Time between telling a trial to end and killing it, in seconds.
        server: The server that takes the Jobs: it gets what its version knows.
    """
    grace = max(1, math.ceil(grace_s))
    spec: Document = {"backoffLimit": 0}
    if options.ttl_s is not None and server.has_ttl:
        spec["ttlSecondsAfterFinished"] = options.ttl_s
    if options.queue and server.has_suspend:
        spec["suspend"] = True
    if server.has_pod_failure_policy:
        spec["podFailurePolicy"] = _failure_policy()
    pod: Document = {
        "restartPolicy": "Never",
        "serviceAccountName": options.service_account,
        "enableServiceLinks": False,  # a variable for each of the namespace's services would be noise
        "terminationGracePeriodSeconds": grace,
        **_deadline(trial_timeout_s),
        **_placement(options),
        "securityContext": _pod_security(options),
        "containers": [_container(options, payload, grace=grace)],
        "volumes": [
            *(
                []
                if options.payload_in_image
                else [payload_volume(_PAYLOAD, experiment, payload.digest, chunks=chunks)]
            ),
            *_volumes(options),
        ],
    }
    marks = _marks(options)
    spec["template"] = merge({**marks, "spec": pod}, with_named_containers(options.pod_template))
    queue = {QUEUE_LABEL: options.queue} if options.queue else {}
    labels = {**options.labels, **queue}
    metadata = {**marks.get("metadata", {}), **({"labels": labels} if labels else {})}
    return {**({"metadata": metadata} if metadata else {}), "spec": spec}


def omissions(options: JobOptions, server: Server) -> list[str]:
    """Return in words what the Jobs go without because the server's version does not have it."""
    lacks = f"Kubernetes {server.text}"
    notes = []
    if options.ttl_s is not None and not server.has_ttl:
        notes.append(f"ttl_s={options.ttl_s} is left out: {lacks} does not delete finished Jobs, 1.21 does")
    if options.queue and not server.has_suspend:
        notes.append(
            f"queue={options.queue!r} is a label only: {lacks} cannot hold a Job until the queue admits it, 1.22 can"
        )
    if not server.has_pod_failure_policy:
        notes.append(
            f"{lacks} cannot tell a trial whose node went away from one that failed, 1.26 can (podFailurePolicy): it"
            " starts neither again by itself"
        )
    return notes


def _marks(options: JobOptions) -> Document:
    """Return the user's own labels and annotations as metadata, where there are any."""
    both = {"labels": dict(options.labels), "annotations": dict(options.annotations)}
    metadata = {name: texts for name, texts in both.items() if texts}
    return {"metadata": metadata} if metadata else {}


def _failure_policy() -> Document:
    """Return what becomes of a Job whose pod fails: a pod that was evicted or preempted gets a successor."""
    disrupted = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
    codes = {"containerName": CONTAINER, "operator": "In", "values": list(_FINAL_CODES)}
    return {"rules": [disrupted, {"action": "FailJob", "onExitCodes": codes}]}


def _deadline(trial_timeout_s: float | None) -> Document:
    """Return the pod's deadline. The Job's would count the time that it waits for a node."""
    return {} if trial_timeout_s is None else {"activeDeadlineSeconds": max(1, math.ceil(trial_timeout_s))}


def _placement(options: JobOptions) -> Document:
    found: Document = {}
    if options.image_pull_secrets:
        found["imagePullSecrets"] = [{"name": name} for name in options.image_pull_secrets]
    if options.node_selector:
        found["nodeSelector"] = dict(options.node_selector)
    if options.tolerations:
        found["tolerations"] = [dict(each) for each in options.tolerations]
    if options.priority_class:
        found["priorityClassName"] = options.priority_class
    return found


def _pod_security(options: JobOptions) -> Document:
    """Return what the level `restricted` asks of a pod.

    https://kubernetes.io/docs/concepts/security/pod-security-standards/
    """
    user = options.run_as_user
    users = {} if user is None else {"runAsUser": user, "runAsGroup": user, "fsGroup": user}
    return {"runAsNonRoot": True, **users, "seccompProfile": {"type": "RuntimeDefault"}}


def _container(options: JobOptions, payload: PayloadReference, *, grace: int) -> Document:
    container: Document = {
        "name": CONTAINER,
        "image": options.image_for(payload.python),
        "command": [literal(options.python), "-c", literal(inline_bootstrap())],
        "env": _environment(options, payload, grace=grace),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": _mounts(options),
    }
    if options.image_pull_policy:
        container["imagePullPolicy"] = options.image_pull_policy
    whole = [{"secretRef": {"name": secret}} for secret in options.secrets if isinstance(secret, str)]
    if whole:
        container["envFrom"] = whole
    if options.resources is not None:
        container["resources"] = {name: amounts for name, amounts in options.resources.to_document().items() if amounts}
    return container


def _environment(options: JobOptions, payload: PayloadReference, *, grace: int) -> list[Document]:
    values = {
        "HOME": SCRATCH_PATH,
        "EXPSDK_DIGEST": payload.digest,
        "EXPSDK_PAYLOAD_DIR": PAYLOAD_PATH,
        "EXPSDK_IMAGE": options.image_for(payload.python),
        "EXPSDK_REPORT_INTERVAL_S": f"{options.report_interval_s:g}",
        "EXPSDK_GRACE_S": str(grace),
    }
    if options.packages:
        values["EXPSDK_PACKAGES"] = json.dumps(list(options.packages))
    output = options.output_volume
    if output is not None:
        values |= {"EXPSDK_OUTPUT_ROOT": OUTPUT_PATH, "EXPSDK_OUTPUT_URL": output.url}
    secrets = [secret.to_document() for secret in options.secrets if isinstance(secret, SecretEnv)]
    taken = {secret["name"] for secret in secrets}
    values = {**values, **options.env}
    return [*(variable(name, value) for name, value in values.items() if name not in taken), *secrets]


def _volumes(options: JobOptions) -> list[Document]:
    output = options.output_volume
    return [
        {"name": _SCRATCH, "emptyDir": {}},
        *([output.to_volume(_OUTPUT)] if output is not None else []),
        *(volume.to_volume(f"volume-{number}") for number, volume in enumerate(options.volumes)),
    ]


def _mounts(options: JobOptions) -> list[Document]:
    output = options.output_volume
    return [
        *([] if options.payload_in_image else [{"name": _PAYLOAD, "mountPath": PAYLOAD_PATH, "readOnly": True}]),
        {"name": _SCRATCH, "mountPath": SCRATCH_PATH},
        *([output.to_mount(_OUTPUT, at=OUTPUT_PATH)] if output is not None else []),
        *(volume.to_mount(f"volume-{number}", at=volume.mount_path) for number, volume in enumerate(options.volumes)),
    ]
