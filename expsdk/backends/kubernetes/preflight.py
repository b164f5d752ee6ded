"""What is asked of a cluster before anything is created in it: each thing that is missing is named, with its remedy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from expsdk.backends.kubernetes.job import job_for
from expsdk.backends.kubernetes.labels import result_document
from expsdk.cluster.answers import grant
from expsdk.cluster.api import Api
from expsdk.cluster.kinds import (
    CONFIG_MAPS,
    EXPERIMENTS,
    JOBS,
    LEASES,
    NAMESPACES,
    PODS,
    RESULTS,
    SERVICE_ACCOUNTS,
    Kind,
)
from expsdk.cluster.server import Server
from expsdk.errors import (
    BackendError,
    ClusterError,
    Conflict,
    ExperimentExists,
    Forbidden,
    QuotaExceeded,
    ResourceNotFound,
)
from expsdk.resources.experiment import Experiment
from expsdk.resources.result import Result
from expsdk_runtime.contract import API_VERSION

AT_ONCE = 8
_OTHER_ACCOUNT = ", or give another service_account="
_UID = "00000000-0000-0000-0000-000000000000"  # of an experiment that is not there yet


@dataclass(frozen=True, slots=True)
class Permission:
    """Something that a coordinator does."""

    verb: str
    kind: Kind
    subresource: str = ""

    def __str__(self) -> str:
        return f"{self.verb} {self.kind.plural}{self.subresource and '/'}{self.subresource}"


NEEDED = (
    Permission("create", EXPERIMENTS),
    Permission("get", EXPERIMENTS),
    Permission("delete", EXPERIMENTS),
    Permission("patch", EXPERIMENTS, "status"),
    *(Permission(verb, RESULTS) for verb in ("create", "get", "list", "watch", "patch")),
    Permission("patch", RESULTS, "status"),
    *(Permission(verb, JOBS) for verb in ("create", "get", "list", "watch", "delete")),
    *(Permission(verb, PODS) for verb in ("get", "list", "watch", "patch", "delete")),
    *(Permission(verb, LEASES) for verb in ("create", "get", "patch")),
    Permission("create", CONFIG_MAPS),
)
NEEDED_TO_RESUME = (*NEEDED, Permission("patch", EXPERIMENTS), Permission("list", CONFIG_MAPS))


def check_connection(api: Api) -> Server:
    """Return which version answers; raises `Unreachable`, or `ClusterError` where what answers is no Kubernetes."""
    return api.server()


def check_installed(api: Api) -> None:
    """See that the cluster knows Experiments and Results of the version that this expsdk writes.

    Raises:
        BackendError: It does not; the message says what to run.
    """
    missing = sorted({EXPERIMENTS.plural, RESULTS.plural} - api.discover(API_VERSION))
    if missing:
        raise BackendError(
            f"a cluster needs expsdk's CustomResourceDefinitions, and {api.connection.context} has no"
            f" {' and no '.join(missing)} of {API_VERSION}; run `expsdk install --namespace {api.namespace}` once, or"
            " ask who administers it to"
        )


def check_permissions(api: Api, needed: Iterable[Permission] = NEEDED) -> None:
    """See that whoever asks may do all that a coordinator does.

    Raises:
        Forbidden: Something may not be done; the message names all of it, and how it is granted.
    """
    needed = tuple(needed)

    def may(permission: Permission) -> bool:
        return api.may(permission.verb, permission.kind, subresource=permission.subresource)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        allowed = list(pool.map(may, needed))
    missing = [str(permission) for permission, is_allowed in zip(needed, allowed, strict=True) if not is_allowed]
    if missing:
        raise Forbidden(
            f"a sweep needs the rights of the ClusterRole expsdk-user in namespace {api.namespace!r}, and you may not"
            f" {', '.join(missing)}; who may grant it: {grant('NAME', api.namespace)}",
            status=403,
        )


def check_account(api: Api, name: str, *, what: str = "trials run", remedy: str = _OTHER_ACCOUNT) -> None:
    """See that a ServiceAccount is there, as far as that may be asked.

    Args:
        api: The API server.
        name: The ServiceAccount's name.
        what: What runs as it, in words.
        remedy: What else can be done than to install expsdk.

    Raises:
        BackendError: It is not.
    """
    try:
        api.get(SERVICE_ACCOUNTS, name)
    except Forbidden:  # then the Job's events will tell
        return
    except ResourceNotFound as error:
        raise BackendError(
            f"{what} as ServiceAccount {name!r}, and namespace {api.namespace!r} has none; run"
            f" `expsdk install --namespace {api.namespace}`{remedy}"
        ) from error


def check_name(api: Api, name: str) -> None:
    """See that an experiment's name is free, and that the namespace is there; see `check_namespace`.

    Raises:
        ExperimentExists: The name is taken.
        ResourceNotFound: There is no such namespace.
    """
    try:
        api.get(EXPERIMENTS, name)
    except ResourceNotFound:
        pass
    else:
        raise name_taken(api, name)
    check_namespace(api)


def check_namespace(api: Api) -> None:
    """See that the namespace is there, as far as that may be asked; raises `ResourceNotFound`."""
    try:
        api.get(NAMESPACES, api.namespace)
    except Forbidden:  # then the dry run will tell
        return
    except ResourceNotFound as error:
        raise ResourceNotFound(
            f"trials run in a namespace, and there is none of the name {api.namespace!r}; create it (kubectl create"
            f" namespace {api.namespace}) and run `expsdk install --namespace {api.namespace}`, or give another"
            " namespace=",
            status=404,
        ) from error


def name_taken(api: Api, name: str) -> ExperimentExists:
    """Return the error for a name that is taken."""
    return ExperimentExists(
        f"an experiment's name is unique, and {name!r} is kept in namespace {api.namespace!r} already; give another"
        " name=, or go on with that one: run(resume=True)"
    )


def rehearse(api: Api, experiment: Experiment, document: dict[str, Any], result: Result) -> None:
    """Let the server check the experiment, the first Result and Job, and the pod, without keeping any of it.

    Args:
        api: The API server.
        experiment: The experiment's record, its template included.
        document: The experiment as it will be sent.
        result: The first trial's record.

    Raises:
        BackendError: One of them is refused; the message says what, why and what to do.
    """
    kept = _try("experiment", lambda: api.create(EXPERIMENTS, document, dry_run=True))
    if kept is None:
        raise name_taken(api, experiment.metadata.name)
    lost = sorted(document["spec"].keys() - kept["spec"].keys())
    if lost:
        raise BackendError(
            f"the cluster's CustomResourceDefinition of experiments is of another expsdk: it drops spec.{lost[0]};"
            " run `expsdk install` to bring it up to date"
        )
    planned = as_if_kept(experiment)
    _try("first Result", lambda: api.create(RESULTS, result_document(planned, result), dry_run=True))
    job = job_for(planned, result)
    rehearse_job(api, "first Job", job)
    if api.may("create", PODS):
        template = job["spec"]["template"]
        pod = {"apiVersion": "v1", "kind": "Pod", **template}
        pod["metadata"] = {**template.get("metadata", {}), "name": result.metadata.name}
        _try("first pod", lambda: api.create(PODS, pod, dry_run=True))


def rehearse_job(api: Api, what: str, job: dict[str, Any]) -> None:
    """Let the server check a Job without keeping it; raises `BackendError` with its words, in which it is `what`."""
    _try(what, lambda: api.create(JOBS, job, dry_run=True))


def as_if_kept(experiment: Experiment) -> Experiment:
    """Return an experiment's record as a server might answer with it, to own what is only rehearsed."""
    metadata = experiment.metadata.model_copy(update={"uid": _UID})
    return experiment.model_copy(update={"metadata": metadata})


def _try(what: str, create: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
    """Let something be created as a rehearsal; None where it is there, and say what it was where it is refused."""
    try:
        return create()
    except Conflict:
        return None
    except QuotaExceeded as error:
        raise QuotaExceeded(
            f"the {what} does not fit what is left of the namespace's quota: {error}; ask for less with Resources(…),"
            " end other work, or have the quota raised",
            status=error.status,
        ) from error
    except ClusterError as error:
        raise type(error)(
            f"the server refuses the {what} (nothing was created): {error}", status=error.status
        ) from error
