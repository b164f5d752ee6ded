"""Who may do what: the roles that `expsdk install` makes, and the accounts and bindings of a namespace.

`expsdk-user` is what a person needs where they run sweeps; it is part of Kubernetes' own roles `edit` and `admin`, so
whoever has one of these in a namespace has it. `expsdk-coordinator` is the same for a coordinator that runs in the
cluster. `expsdk-trial` is what a trial's pod needs: to read its Result and to write that one's status. A binding in a
namespace gives a role there and nowhere else.
"""

from __future__ import annotations

from typing import Any

from expsdk.cluster.kinds import CLUSTER_ROLES, ROLE_BINDINGS, SERVICE_ACCOUNTS, WORKLOADS
from expsdk.version import __version__
from expsdk_runtime.contract import API_GROUP

Document = dict[str, Any]

USER = "expsdk-user"
COORDINATOR = "expsdk-coordinator"
TRIAL = "expsdk-trial"
ACCOUNTS = (COORDINATOR, TRIAL)
"""ServiceAccounts of a namespace, each bound to the ClusterRole that has its name."""

LABELS = {"app.kubernetes.io/name": "expsdk", "app.kubernetes.io/managed-by": "expsdk"}
SELECTOR = ",".join(f"{key}={value}" for key, value in LABELS.items())

_AGGREGATION = {f"rbac.authorization.k8s.io/aggregate-to-{role}": "true" for role in ("admin", "edit")}
_EVERY_VERB = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
_RECORDS = ["experiments", "experiments/status", "results", "results/status"]


def cluster_roles() -> list[Document]:
    """Return the ClusterRoles."""
    return [
        _cluster_role(USER, _sweeping(), labels=_AGGREGATION),
        _cluster_role(COORDINATOR, _sweeping()),
        _cluster_role(
            TRIAL,
            [_rule(API_GROUP, ["results"], ["get"]), _rule(API_GROUP, ["results/status"], ["get", "patch"])],
        ),
    ]


def namespace_documents(namespace: str) -> list[Document]:
    """Return the ServiceAccounts of trials and coordinators in a namespace, and what gives them their roles there."""
    accounts = [_document(SERVICE_ACCOUNTS.api_version, SERVICE_ACCOUNTS.name, name, namespace) for name in ACCOUNTS]
    return accounts + [_role_binding(name, namespace) for name in ACCOUNTS]


def _sweeping() -> list[Document]:
    """Return the rules for who runs sweeps."""
    return [
        _rule(API_GROUP, _RECORDS, _EVERY_VERB),
        _rule("batch", ["jobs"], ["create", "delete", "get", "list", "patch", "watch"]),
        # Pods are created by dry runs only, which is how a server tells that it would refuse a trial's pod; whoever
        # may create Jobs can create pods anyway. A patch ends a pod, by its deadline.
        _rule("", ["pods"], ["create", "delete", "get", "list", "patch", "watch"]),
        _rule("", ["pods/log"], ["get"]),
        _rule("", ["configmaps"], ["create", "delete", "get", "list"]),
        _rule("", ["events"], ["create", "get", "list", "patch", "watch"]),
        _rule("", ["serviceaccounts"], ["get"]),
        _rule(WORKLOADS.group, [WORKLOADS.plural], ["get", "list"]),  # what a trial waits for in a queue of Kueue's
        _rule("coordination.k8s.io", ["leases"], ["create", "delete", "get", "list", "patch", "update"]),
    ]


def _rule(group: str, resources: list[str], verbs: list[str]) -> Document:
    return {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}


def _cluster_role(name: str, rules: list[Document], *, labels: dict[str, str] | None = None) -> Document:
    document = _document(CLUSTER_ROLES.api_version, CLUSTER_ROLES.name, name)
    document["metadata"]["labels"] |= labels or {}
    return {**document, "rules": rules}


def _role_binding(name: str, namespace: str) -> Document:
    group = CLUSTER_ROLES.group
    return {
        **_document(ROLE_BINDINGS.api_version, ROLE_BINDINGS.name, name, namespace),
        "roleRef": {"apiGroup": group, "kind": CLUSTER_ROLES.name, "name": name},
        "subjects": [{"kind": SERVICE_ACCOUNTS.name, "name": name, "namespace": namespace}],
    }


def _document(api_version: str, kind: str, name: str, namespace: str = "") -> Document:
    metadata: Document = {"name": name, "labels": {**LABELS, "app.kubernetes.io/version": __version__}}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}
