"""Submitting a program: a user's own optimizer, packed as training functions are, runs as a Job inside the cluster."""

from __future__ import annotations

import inspect
import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from expsdk.backends.kubernetes import pods, preflight
from expsdk.backends.kubernetes.checks import check_json
from expsdk.backends.kubernetes.coordinator import IMAGE, program_job, program_labels
from expsdk.backends.kubernetes.options import JobOptions
from expsdk.backends.kubernetes.payload_maps import config_maps
from expsdk.backends.kubernetes.records import KubernetesRecords
from expsdk.backends.kubernetes.resources import Resources
from expsdk.cluster.api import Api
from expsdk.cluster.kinds import CONFIG_MAPS, JOBS, PODS
from expsdk.cluster.lanes import is_for_now
from expsdk.cluster.rbac import COORDINATOR
from expsdk.errors import BackendError, ClusterError, Conflict, OptionError, ResourceNotFound, WaitTimeout
from expsdk.packaging.payload import Payload, pack_function
from expsdk.resources.names import EXPERIMENT_NAME_LIMIT_CHARS, check_experiment_name, suggest_experiment_name

__all__ = ["Program", "submit"]

POLL_S = 0.5
_SUFFIX_BYTES = 2

Document = dict[str, Any]


def submit(
    program: Callable[..., object],
    *,
    arguments: Mapping[str, Any] | None = None,
    name: str | None = None,
    namespace: str | None = None,
    context: str | None = None,
    kubeconfig: str | None = None,
    image: str | None = None,
    image_pull_policy: str | None = None,
    packages: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    resources: Resources | None = None,
    retries: int = 3,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
) -> Program:
    """Run a function as a Job inside the cluster, where `expsdk.Client()` may do all that a coordinator may.

    It is an optimizer of your own, say: it creates an experiment, launches trials and looks at their Results, for as
    long as it takes, while this machine goes home. It is packed with all the code of yours that it needs. Where its pod
    is evicted, its node goes away or it fails, the Job runs it again from its beginning.

    Args:
        program: The function.
        arguments: Its arguments by name, such as JSON can hold.
        name: The Job's name; by default the function's, with a suffix.
        namespace: By default the context's.
        context: A context of the kubeconfig; by default the current one.
        kubeconfig: The kubeconfig's path; by default where kubectl finds it.
        image: An image with this Python's minor version and what expsdk depends on; by default `expsdk:VERSION`.
        image_pull_policy: "Always", "IfNotPresent" or "Never"; by default as the cluster has it.
        packages: What is installed before the program runs, each as pip has it.
        env: Environment variables.
        resources: What the program needs of a machine.
        retries: How often it is run again.
        include: Globs of files of the project that travel with it.
        exclude: Globs of files that do not.

    Raises:
        OptionError: An argument cannot work.
        PackingError: Something that the function uses cannot travel.
        BackendError: Something is missing in the cluster or refused; nothing is left there then.
    """
    given = _checked(program, arguments or {})
    options = JobOptions(
        image=image, image_pull_policy=image_pull_policy, packages=packages, env=env or {}, resources=resources
    )
    chosen = _name_for(program) if name is None else check_experiment_name(name)
    payload = pack_function(program, name=chosen, include=tuple(include), exclude=tuple(exclude))
    records = KubernetesRecords(namespace=namespace, context=context, kubeconfig=kubeconfig)
    job = program_job(
        chosen,
        digest=payload.digest,
        size_bytes=len(payload.content),
        arguments=given,
        image=options.image or IMAGE,
        pull_policy=options.image_pull_policy,
        packages=tuple(options.packages),
        env=options.env,
        resources=options.resources,
        retries=retries,
    )
    try:
        _create(records.api, chosen, job, payload)
    except BaseException:
        records.close()
        raise
    return Program(chosen, records)


class Program:
    """A program that was submitted.

    Attributes:
        name: Its Job's name.
        namespace: Its namespace.
    """

    def __init__(self, name: str, records: KubernetesRecords) -> None:
        self.name = name
        self.namespace = records.api.namespace
        self._records = records

    @property
    def phase(self) -> str:
        """Where it stands: "Pending", "Running", "Succeeded" or "Failed"."""
        ending = pods.ending_of(self._job())
        if ending is not None:
            return "Succeeded" if ending["type"] == "Complete" else "Failed"
        return "Running" if any(map(pods.is_running, self._pods())) else "Pending"

    def logs(self, *, follow: bool = False) -> Iterator[str]:
        """Yield the lines that it printed, in its last pod; with `follow`, wait for its pod and go on until that ends.

        Raises:
            TrialNotFound: There is no pod of it.
        """
        while follow and self.phase == "Pending" and not any(_has_ended(pod) for pod in self._pods()):
            time.sleep(POLL_S)
        return self._records.logs(self.name, follow=follow)

    def wait(self, timeout_s: float | None = None) -> None:
        """Wait until it has ended well.

        Args:
            timeout_s: How long to wait at most, in seconds.

        Raises:
            BackendError: It has failed, its last retry too; the message has the end of its log.
            WaitTimeout: It has not ended by then; the message says what it waits for, if it does.
        """
        give_up_at = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            try:
                ending = pods.ending_of(self._job())
            except ClusterError as error:
                if not is_for_now(error):
                    raise
                ending = None
            if ending is not None:
                if ending["type"] == "Complete":
                    return
                raise BackendError(self._failure(ending))
            if give_up_at is not None and time.monotonic() >= give_up_at:
                raise WaitTimeout(
                    f"the program {self.name} was to end within {timeout_s:g} s, and did not{self._waiting()}; wait"
                    " longer"
                )
            time.sleep(POLL_S)

    def delete(self) -> None:
        """End it and delete it with its log; experiments that it has created stay."""
        with suppress(ResourceNotFound):
            self._records.api.delete(JOBS, self.name)

    def close(self) -> None:
        """Close all connections; the program goes on."""
        self._records.close()

    def __repr__(self) -> str:
        return f"<program {self.name} in namespace {self.namespace}>"

    def _job(self) -> Document:
        return self._records.api.get(JOBS, self.name)

    def _pods(self) -> list[Document]:
        found = self._records.api.list(PODS, selector=f"job-name={self.name}").items
        return sorted(found, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))

    def _waiting(self) -> str:
        with suppress(ClusterError):
            waiting = next(filter(None, map(pods.waiting_of, self._pods())), None)
            if waiting is not None:
                return f": it waits ({waiting.reason}: {waiting.message})"
        return ""

    def _failure(self, ending: Mapping[str, Any]) -> str:
        words = ""
        with suppress(ClusterError):
            words = next(filter(None, map(_last_words, reversed(self._pods()))), "")
        tail = f"; the end of its log:\n{words}" if words else ""
        why = ending.get("message") or ending.get("reason") or "its Job does not say why"
        return f"the program {self.name} has failed ({why}){tail}"


def _checked(program: Callable[..., object], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments if the program can be called with them; raises `OptionError`."""
    if not inspect.isfunction(program):
        raise OptionError(
            f"what is submitted is a function, and {program!r} is a {type(program).__name__}; put what it does into a"
            " `def`"
        )
    remedy = "create what is more than that inside the function"
    given = dict(check_json("arguments", arguments, remedy=remedy))
    try:
        inspect.signature(program).bind(**given)
    except TypeError as error:
        raise OptionError(
            f"a program is called with arguments= by name, and {program.__name__} cannot be: {error}; write"
            " arguments={...} with all that it needs"
        ) from error
    return dict(json.loads(json.dumps(given)))


def _name_for(program: Callable[..., object]) -> str:
    suffix = secrets.token_hex(_SUFFIX_BYTES)
    stem = suggest_experiment_name(program.__name__)[: EXPERIMENT_NAME_LIMIT_CHARS - len(suffix) - 1].rstrip("-")
    return f"{stem}-{suffix}"


def _create(api: Api, name: str, job: Document, payload: Payload) -> None:
    """Create the Job and the ConfigMaps that it owns, which its pod waits for; on failure, nothing stays."""
    preflight.check_connection(api)
    preflight.check_installed(api)
    preflight.check_permissions(
        api, (*(preflight.Permission(verb, JOBS) for verb in ("create", "get", "delete")), *_MAPS)
    )
    preflight.check_account(api, COORDINATOR, what="a program in the cluster runs", remedy="")
    preflight.rehearse_job(api, "program's Job", job)
    try:
        created = api.create(JOBS, job)
    except Conflict as error:
        raise Conflict(
            f"a program's Job has a name of its own, and {name!r} is taken in namespace {api.namespace!r}; give another"
            f" name=, or delete that one: kubectl delete job {name} --namespace {api.namespace}",
            status=409,
        ) from error
    reference = {"apiVersion": JOBS.api_version, "kind": JOBS.name, "name": name, "uid": created["metadata"]["uid"]}
    metadata = {"labels": program_labels(name), "ownerReferences": [reference]}
    try:
        for document in config_maps(name, payload.content, payload.digest, metadata):
            api.create(CONFIG_MAPS, document)
    except BaseException:
        with suppress(ClusterError):  # what has been raised already tells more
            api.delete(JOBS, name)
        raise


_MAPS = (preflight.Permission("create", CONFIG_MAPS), preflight.Permission("list", PODS))


def _has_ended(pod: Mapping[str, Any]) -> bool:
    return pod.get("status", {}).get("phase") in {"Succeeded", "Failed"}


def _last_words(pod: Mapping[str, Any]) -> str:
    for container in pod.get("status", {}).get("containerStatuses") or ():
        terminated = container.get("state", {}).get("terminated") or {}
        if terminated.get("exitCode") and terminated.get("message"):
            return str(terminated["message"]).strip()
    return ""
