"""What `expsdk uninstall` takes from a cluster; nothing goes before it was told what is lost, and agreed to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from expsdk.cluster.api import Api
from expsdk.cluster.install import POLL_S, WITHIN_S, Outcome, is_or_are, is_there, lacking, quoted, seen_from
from expsdk.cluster.kinds import (
    CLUSTER_ROLES,
    DEFINITIONS,
    EXPERIMENTS,
    JOBS,
    RESULTS,
    ROLE_BINDINGS,
    SERVICE_ACCOUNTS,
    Kind,
)
from expsdk.cluster.rbac import ACCOUNTS, SELECTOR, cluster_roles
from expsdk.errors import ClusterError, Forbidden, ResourceNotFound
from expsdk.resources.crd import custom_resource_definitions
from expsdk_runtime.contract import Phase

Document = dict[str, Any]

_UNDERWAY = frozenset({"", Phase.PENDING, Phase.RUNNING})


@dataclass(frozen=True, slots=True)
class Loss:
    """What uninstalling takes along.

    Attributes:
        namespaces: The namespaces that are cleared; none are named where all are.
        experiments: How many Experiments are deleted, with their Jobs and payloads.
        results: How many Results are deleted.
        places: How many namespaces these lie in.
        underway: How many trials have not ended yet and are ended, or can no longer report.
    """

    namespaces: tuple[str, ...]
    experiments: int
    results: int
    places: int
    underway: int

    def __str__(self) -> str:
        if self.namespaces:
            where = ", ".join(self.namespaces)
            trials = _count(self.underway, "trial") if self.underway else "no trial"
            return f"accounts and bindings in {where} go, and {trials} underway needs them to report; all records stay"
        return (
            f"{_count(self.experiments, 'experiment')} and {_count(self.results, 'result')} in"
            f" {_count(self.places, 'namespace')} are deleted for good, {_count(self.underway, 'trial')} underway"
        )


def uninstall(
    api: Api,
    namespaces: Sequence[str],
    *,
    agree: Callable[[Loss], bool],
    tell: Callable[[Outcome], object] = lambda _: None,
) -> list[Outcome] | None:
    """Take away what `install` put there, and return what was deleted; None if `agree` said no.

    With namespaces, these lose what lets trials and coordinators work there; no record is touched. Without any, all of
    expsdk goes from the whole cluster, and with it every Experiment, Result, trial's Job and payload.

    Args:
        api: The API server.
        namespaces: Which namespaces to clear, or none for the whole cluster.
        agree: Called once with what would be lost, before anything is deleted.
        tell: Called with each outcome as it comes.

    Raises:
        Forbidden: The caller lacks a right.
        ClusterError: Something does not go.
    """
    clusterwide = not namespaces
    everywhere = replace(api, namespace="")
    if clusterwide:
        _check_removal_rights(everywhere)
    experiments = _listed(everywhere, EXPERIMENTS) if clusterwide else []
    results = [
        each
        for place in ([everywhere] if clusterwide else [replace(api, namespace=name) for name in namespaces])
        for each in _listed(place, RESULTS)
    ]
    loss = Loss(
        tuple(dict.fromkeys(namespaces)),
        len(experiments),
        len(results) if clusterwide else 0,
        len({each["metadata"]["namespace"] for each in experiments + results}) if clusterwide else 0,
        sum((each.get("status") or {}).get("phase", "") in _UNDERWAY for each in results),
    )
    if not agree(loss):
        return None
    outcomes: list[Outcome] = []
    for outcome in _remove_all(everywhere, experiments) if clusterwide else _remove_from(api, loss.namespaces):
        outcomes.append(outcome)
        tell(outcome)
    return outcomes


def _remove_all(everywhere: Api, experiments: list[Document]) -> Iterator[Outcome]:
    # Experiments go while their definition is there: a server that knows their kind no longer would not find what they
    # own, and leave Jobs running.
    for experiment in experiments:
        yield from _delete(seen_from(everywhere, experiment), EXPERIMENTS, experiment["metadata"]["name"])
    if experiments:
        _wait_until_gone(
            lambda: [each["metadata"]["name"] for each in everywhere.list(JOBS, selector=SELECTOR).items],
            "the trials' Jobs",
        )
    names = [definition["metadata"]["name"] for definition in custom_resource_definitions()]
    for name in names:
        yield from _delete(everywhere, DEFINITIONS, name)
    _wait_until_gone(lambda: [name for name in names if is_there(everywhere, DEFINITIONS, name)], "the definitions")
    for kind in (ROLE_BINDINGS, SERVICE_ACCOUNTS):
        for document in everywhere.list(kind, selector=SELECTOR).items:
            if document["metadata"]["name"] in ACCOUNTS:
                yield from _delete(seen_from(everywhere, document), kind, document["metadata"]["name"])
    for role in cluster_roles():
        yield from _delete(everywhere, CLUSTER_ROLES, role["metadata"]["name"])


def _remove_from(api: Api, namespaces: Iterable[str]) -> Iterator[Outcome]:
    for namespace in namespaces:
        place = replace(api, namespace=namespace)
        for kind in (ROLE_BINDINGS, SERVICE_ACCOUNTS):
            for name in ACCOUNTS:
                yield from _delete(place, kind, name)


def _delete(api: Api, kind: Kind, name: str) -> Iterator[Outcome]:
    try:
        api.delete(kind, name)
    except ResourceNotFound:
        return
    yield Outcome("deleted", kind.name, name, api.namespace if kind.is_namespaced else "")


def _check_removal_rights(everywhere: Api) -> None:
    missing = lacking(
        everywhere,
        {
            EXPERIMENTS: ("list", "delete"),
            RESULTS: ("list",),
            JOBS: ("list",),
            DEFINITIONS: ("get", "delete"),
            ROLE_BINDINGS: ("list", "delete"),
            SERVICE_ACCOUNTS: ("list", "delete"),
            CLUSTER_ROLES: ("delete",),
        },
    )
    if missing:
        raise Forbidden(
            f"taking expsdk from the whole cluster needs rights that you lack in all namespaces: {'; '.join(missing)};"
            " ask an administrator of the cluster, or clear one namespace: `expsdk uninstall --namespace NAME`",
            status=403,
        )


def _wait_until_gone(left: Callable[[], list[str]], what: str) -> None:
    deadline = time.monotonic() + WITHIN_S
    while names := left():
        if time.monotonic() > deadline:
            raise ClusterError(
                f"{what} were deleted, and {quoted(names[:3])} {is_or_are(names)} still there after {WITHIN_S:.0f} s;"
                " look for finalizers (`kubectl get -o yaml`), then run `expsdk uninstall` again"
            )
        time.sleep(POLL_S)


def _listed(api: Api, kind: Kind) -> list[Document]:
    try:
        return api.list(kind).items
    except ResourceNotFound:  # not installed
        return []


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
