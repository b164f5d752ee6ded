"""Jobs that run with a coordinator's rights: expsdk's own coordinator of one experiment, and a user's own program.

Both must outlive evictions, nodes that go away and a process that is killed. So their pods are never restarted in
place: a pod that failed stays with its log, and the Job makes another, on any node that is well (with `OnFailure` the
kubelet of one node would restart it there, and the log of each failure would go with the next). The Job's limit of
retries is one that no sweep reaches: between them it pauses longer and longer, up to 6 minutes
(https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-backoff-failure-policy).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from expsdk.backends.kubernetes.environment import literal, variable
from expsdk.backends.kubernetes.holder import POD_VARIABLES
from expsdk.backends.kubernetes.inline import inline_bootstrap
from expsdk.backends.kubernetes.labels import (
    COMPONENT_LABEL,
    COORDINATOR,
    EXPSDK_LABELS,
    PROGRAM,
    PROGRAM_LABEL,
    labels_of,
    owner,
)
from expsdk.backends.kubernetes.options import SCRATCH_PATH
from expsdk.backends.kubernetes.payload_maps import chunk_count, payload_volume
from expsdk.backends.kubernetes.resources import Resources
from expsdk.backends.kubernetes.template import PAYLOAD_PATH
from expsdk.cluster.rbac import COORDINATOR as ACCOUNT
from expsdk.resources.experiment import Experiment
from expsdk.version import __version__

__all__ = ["IMAGE", "coordinator_job", "coordinator_name", "program_job", "program_labels"]

IMAGE = f"expsdk:{__version__}"
"""The image of the repository's Dockerfile, where no other is named."""
RETRIES = 1000
GRACE_S = 10
USER = 1000
SMALL = Resources(cpu="100m", memory="512Mi")
"""What a coordinator of ten thousand trials needs: the sampler's libraries above all."""
_PAYLOAD, _SCRATCH = "payload", "scratch"

Document = dict[str, Any]


def coordinator_name(experiment: str) -> str:
    """Return the name of an experiment's coordinator's Job: 52 characters at most, where a label holds 63."""
    return f"{experiment}-coordinator"


def coordinator_job(
    experiment: Experiment,
    *,
    image: str,
    pull_policy: str | None = None,
    env: Mapping[str, str] | None = None,
    resources: Resources | None = None,
    arguments: Sequence[str] = (),
) -> Document:
    """Return the Job that drives an experiment from inside its cluster.

    Args:
        experiment: The experiment's record, as it is on the server: it owns the Job.
        image: The image, with expsdk and what it depends on.
        pull_policy: "Always", "IfNotPresent" or "Never"; None: as the cluster has it.
        env: Environment variables.
        resources: What the coordinator needs of a machine.
        arguments: What `expsdk coordinate` is told beside the experiment's name and namespace.
    """
    name = experiment.metadata.name
    labels = labels_of(name, COORDINATOR)
    namespace = ["--namespace", experiment.metadata.namespace] if experiment.metadata.namespace else []
    container = {
        "name": COORDINATOR,
        "image": image,
        "args": [literal(each) for each in ("coordinate", name, *namespace, *arguments)],
        "env": _variables({}, env or {}),
        "resources": (resources or SMALL).to_document(),
    }
    metadata = {"name": coordinator_name(name), "labels": labels, "ownerReferences": owner(experiment)}
    return _job(metadata, labels, container, [], pull_policy=pull_policy, retries=RETRIES)


def program_job(
    name: str,
    *,
    digest: str,
    size_bytes: int,
    arguments: Mapping[str, Any],
    image: str,
    python: str = "python",
    pull_policy: str | None = None,
    packages: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    resources: Resources | None = None,
    retries: int = 0,
) -> Document:
    """Return the Job that runs a user's packed program, which `Client` lets create experiments and launch trials.

    Args:
        name: The Job's name.
        digest: The payload's digest.
        size_bytes: Its size.
        arguments: The function's arguments by name, as JSON has them.
        image: The image, with the payload's Python and what expsdk depends on.
        python: The Python in the image.
        pull_policy: "Always", "IfNotPresent" or "Never"; None: as the cluster has it.
        packages: What is installed before the program runs, each as pip has it.
        env: Environment variables.
        resources: What the program needs of a machine.
        retries: How often it is run again when it fails.
    """
    labels = program_labels(name)
    values = {
        "EXPSDK_DIGEST": digest,
        "EXPSDK_PAYLOAD_DIR": PAYLOAD_PATH,
        "EXPSDK_PARAMETERS": json.dumps(arguments),
        "EXPSDK_PROGRAM": name,
        **({"EXPSDK_PACKAGES": json.dumps(list(packages))} if packages else {}),
    }
    container = {
        "name": PROGRAM,
        "image": image,
        "command": [literal(python), "-c", literal(inline_bootstrap())],
        "env": _variables(values, env or {}),
        "resources": (resources or SMALL).to_document(),
    }
    volume = payload_volume(_PAYLOAD, name, digest, chunks=chunk_count(size_bytes))
    return _job({"name": name, "labels": labels}, labels, container, [volume], pull_policy=pull_policy, retries=retries)


def program_labels(name: str) -> dict[str, str]:
    """Return the labels of a program's Job, pods and ConfigMaps."""
    return {**EXPSDK_LABELS, COMPONENT_LABEL: PROGRAM, PROGRAM_LABEL: name}


def _variables(values: Mapping[str, str], env: Mapping[str, str]) -> list[Document]:
    given = {"HOME": SCRATCH_PATH, "PYTHONUNBUFFERED": "1", **env, **values}
    return [*(variable(name, value) for name, value in given.items()), *POD_VARIABLES]


def _job(
    metadata: Document,
    labels: Mapping[str, str],
    container: Document,
    volumes: Sequence[Document],
    *,
    pull_policy: str | None,
    retries: int,
) -> Document:
    """Return a Job of one container that Pod Security's level `restricted` admits.

    https://kubernetes.io/docs/concepts/security/pod-security-standards/
    """
    mounts: list[Document] = [{"name": _SCRATCH, "mountPath": SCRATCH_PATH}]
    mounts += [{"name": each["name"], "mountPath": PAYLOAD_PATH, "readOnly": True} for each in volumes]
    secured = {
        **container,
        **({"imagePullPolicy": pull_policy} if pull_policy else {}),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": mounts,
    }
    pod = {
        "restartPolicy": "Never",
        "serviceAccountName": ACCOUNT,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": GRACE_S,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [secured],
        "volumes": [{"name": _SCRATCH, "emptyDir": {}}, *volumes],
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {"backoffLimit": retries, "template": {"metadata": {"labels": dict(labels)}, "spec": pod}},
    }
