"""What `expsdk install` puts into a cluster: definitions, roles, and accounts in the namespaces where sweeps run.

Installing applies documents on the server's side, so it can be repeated at will: what is there already is brought up to
date, and nothing that others have added is lost. Before anything is applied, all is asked that can be known before:
whether the namespaces are there, whether the caller may do every single thing, whether a newer expsdk has been here.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from expsdk.cluster.api import Api
from expsdk.cluster.kinds import (
    CLUSTER_ROLES,
    DEFINITIONS,
    EXPERIMENTS,
    NAMESPACES,
    RESULTS,
    ROLE_BINDINGS,
    SERVICE_ACCOUNTS,
    Kind,
)
from expsdk.cluster.rbac import LABELS, cluster_roles, namespace_documents
from expsdk.errors import ClusterError, Forbidden, ResourceNotFound
from expsdk.resources.crd import custom_resource_definitions
from expsdk.version import __version__
from expsdk_runtime.contract import API_VERSION

Document = dict[str, Any]

VERSION_ANNOTATION = "expsdk.dev/version"
WITHIN_S = 60.0
POLL_S = 0.2
_KINDS = {kind.name: kind for kind in (DEFINITIONS, CLUSTER_ROLES, NAMESPACES, SERVICE_ACCOUNTS, ROLE_BINDINGS)}
_APPLYING = ("get", "create", "patch")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done to one object.

    Attributes:
        change: "created", "changed", "unchanged" or "deleted".
        kind: The object's kind.
        name: Its name.
        namespace: Its namespace, or "".
    """

    change: str
    kind: str
    name: str
    namespace: str = ""

    def __str__(self) -> str:
        where = f" in {self.namespace}" if self.namespace else ""
        return f"{self.change:<9}  {self.kind} {self.name}{where}"


def documents(
    namespaces: Iterable[str], *, namespaced_only: bool = False, create_namespaces: bool = False
) -> list[Document]:
    """Return all that is installed, in the order in which it is applied.

    Args:
        namespaces: Where sweeps are to run.
        namespaced_only: Leave out what is the whole cluster's: definitions and ClusterRoles.
        create_namespaces: The namespaces too.
    """
    found: list[Document] = []
    if not namespaced_only:
        found += [_labelled(definition) for definition in custom_resource_definitions()] + cluster_roles()
    for namespace in dict.fromkeys(namespaces):
        if create_namespaces:
            found.append({"apiVersion": NAMESPACES.api_version, "kind": "Namespace", "metadata": {"name": namespace}})
        found += namespace_documents(namespace)
    return found


def install(
    api: Api,
    namespaces: Sequence[str],
    *,
    namespaced_only: bool = False,
    create_namespaces: bool = False,
    force: bool = False,
    tell: Callable[[Outcome], object] = lambda _: None,
) -> list[Outcome]:
    """Install expsdk, or bring what is installed to this version, and return what was done to each object.

    Args:
        api: The API server.
        namespaces: Where sweeps are to run.
        namespaced_only: Touch nothing outside these namespaces; what is the whole cluster's must be there.
        create_namespaces: Create those namespaces that are not there.
        force: Put this version's definitions in the place of a newer one's.
        tell: Called with each outcome as it comes.

    Raises:
        ResourceNotFound: A namespace is not there, or the definitions are not and are to be.
        Forbidden: The caller lacks a right; nothing has been applied.
        ClusterError: A newer version is installed, or the server does not take what it is given.
    """
    absent = [name for name in dict.fromkeys(namespaces) if not is_there(api, NAMESPACES, name)]
    if absent and not create_namespaces:
        raise ResourceNotFound(
            f"sweeps run in namespaces that are there, and {quoted(absent)} {is_or_are(absent)} not: create with"
            f" `kubectl create namespace {absent[0]}`, or install with --create-namespace; nothing has been changed",
            status=404,
        )
    _check_rights(api, namespaces, absent, namespaced_only=namespaced_only)
    if namespaced_only:
        _check_definitions_are_there(api)
    else:
        _check_version(api, force=force)
    wanted = documents(namespaces, namespaced_only=namespaced_only)
    # Rights that are given away must be held: only the server's own look at the document tells that.
    for document in wanted:
        if namespaced_only or not document["metadata"].get("namespace"):
            seen_from(api, document).apply(_KINDS[document["kind"]], document, dry_run=True)
    outcomes: list[Outcome] = []
    missing: list[Document] = [{"kind": NAMESPACES.name, "metadata": {"name": name}} for name in absent]
    for document in missing + wanted:
        outcomes.append(_put(api, document))
        tell(outcomes[-1])
        if document["kind"] == DEFINITIONS.name:
            _wait_until_established(api, document["metadata"]["name"])
    return outcomes


def _put(api: Api, document: Document) -> Outcome:
    """Apply a document and tell what that did; a namespace is created and belongs to its creator from then on."""
    kind, name = _KINDS[document["kind"]], document["metadata"]["name"]
    place = seen_from(api, document)
    namespace = place.namespace if kind.is_namespaced else ""
    if kind is NAMESPACES:
        place.create(kind, document)
        return Outcome("created", kind.name, name)
    try:
        before = place.get(kind, name)["metadata"]["resourceVersion"]
    except ResourceNotFound:
        before = ""
    after = place.apply(kind, document)["metadata"]["resourceVersion"]
    change = "unchanged" if before == after else "changed" if before else "created"
    return Outcome(change, kind.name, name, namespace)


def _labelled(definition: Document) -> Document:
    """Return a definition with the labels of what is installed, and the version that `_check_version` reads."""
    metadata = {
        **definition["metadata"],
        "labels": {**LABELS, "app.kubernetes.io/version": __version__},
        "annotations": {VERSION_ANNOTATION: __version__},
    }
    return {**definition, "metadata": metadata}


def _check_rights(api: Api, namespaces: Sequence[str], absent: Sequence[str], *, namespaced_only: bool) -> None:
    """Raise for all rights that the caller lacks, together."""
    wide: list[str] = []
    if not namespaced_only:
        wide = lacking(api, {DEFINITIONS: _APPLYING, CLUSTER_ROLES: _APPLYING})
    if absent:
        wide += lacking(api, {NAMESPACES: ("create",)})
    narrow = [
        f"{missing} in namespace {name!r}"
        for name in dict.fromkeys(namespaces)
        for missing in lacking(replace(api, namespace=name), {SERVICE_ACCOUNTS: _APPLYING, ROLE_BINDINGS: _APPLYING})
    ]
    if not wide and not narrow:
        return
    given = " ".join(f"--namespace {name}" for name in dict.fromkeys(namespaces))
    remedy = f"an administrator of the cluster can run `expsdk install {given}` once"
    if namespaced_only:
        remedy = f"whoever has the role admin there can run `expsdk install {given} --namespaced-only`"
    elif not narrow and not absent:
        remedy += (
            "; where definitions and ClusterRoles are there already, you need no more than"
            f" `expsdk install {given} --namespaced-only`"
        )
    raise Forbidden(
        f"installing needs rights that you lack: {'; '.join(wide + narrow)}; nothing has been changed: {remedy}",
        status=403,
    )


def lacking(api: Api, needed: dict[Kind, tuple[str, ...]]) -> list[str]:
    """Return the rights among those needed that the caller does not have, in words."""
    missing = {kind: [verb for verb in verbs if not api.may(verb, kind)] for kind, verbs in needed.items()}
    return [f"{_and(verbs)} {kind.plural}" for kind, verbs in missing.items() if verbs]


def _check_definitions_are_there(api: Api) -> None:
    if not _definitions_are_there(api):
        raise ResourceNotFound(
            f"--namespaced-only needs expsdk's definitions ({API_VERSION}), which are the whole cluster's, and they are"
            " not there: an administrator of the cluster runs `expsdk install` once",
            status=404,
        )


def _definitions_are_there(api: Api) -> bool:
    return {EXPERIMENTS.plural, RESULTS.plural} <= api.discover(API_VERSION)


def _check_version(api: Api, *, force: bool) -> None:
    """Raise if a newer expsdk has installed its definitions: this one's would drop what they have more."""
    for definition in custom_resource_definitions():
        try:
            document = api.get(DEFINITIONS, definition["metadata"]["name"])
        except ResourceNotFound:
            continue
        installed = (document["metadata"].get("annotations") or {}).get(VERSION_ANNOTATION, "")
        if not force and version_order(installed) > version_order(__version__):
            raise ClusterError(
                f"this cluster has the definitions of expsdk {installed}, and this is the older {__version__}, whose"
                " definitions would drop fields that records have by now: upgrade it (pip install --upgrade expsdk),"
                " or put the older ones there all the same with --force; nothing has been changed"
            )


def version_order(version: str) -> tuple[list[int], bool, str]:
    """Return what versions are compared by: a pre-release ("0.2.0rc1") comes before its release."""
    found = re.match(r"\d+(?:\.\d+)*", version)
    numbers = found[0] if found else ""
    rest = version[len(numbers) :]
    return [int(number) for number in numbers.split(".") if number], rest == "", rest


def _wait_until_established(api: Api, name: str) -> None:
    """Wait until records of a kind can be created."""
    deadline = time.monotonic() + WITHIN_S
    while True:
        conditions = {
            each["type"]: each for each in api.get(DEFINITIONS, name).get("status", {}).get("conditions") or ()
        }
        if conditions.get("Established", {}).get("status") == "True":
            return
        refusal = conditions.get("NamesAccepted", {})
        if refusal.get("status") == "False":
            raise ClusterError(
                f"the definition {name} needs its names, short ones included, and another's has them:"
                f" {refusal.get('message')}; delete or rename that one (`kubectl get crd`), then install again"
            )
        if time.monotonic() > deadline:
            raise ClusterError(
                f"{name} was not established after {WITHIN_S:.0f} s; `kubectl describe crd {name}` tells"
            )
        time.sleep(POLL_S)


def is_there(api: Api, kind: Kind, name: str) -> bool:
    """Whether an object is there; one that may not be seen counts as there: what comes next will tell."""
    try:
        api.get(kind, name)
    except ResourceNotFound:
        return False
    except Forbidden:
        return True
    return True


def seen_from(api: Api, document: Document) -> Api:
    """Return the API server as seen from a document's namespace."""
    namespace = document["metadata"].get("namespace")
    return replace(api, namespace=namespace) if namespace else api


def quoted(names: Sequence[str]) -> str:
    """Return names as a message lists them."""
    return ", ".join(map(repr, names))


def is_or_are(names: Sequence[str]) -> str:
    """Return the verb that goes with names."""
    return "is" if len(names) == 1 else "are"


def _and(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
