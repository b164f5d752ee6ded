"""A cluster: whether it answers, and has what sweeps need there."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from expsdk.backends.kubernetes import preflight
from expsdk.cluster.api import Api
from expsdk.cluster.connection import is_named, searched
from expsdk.cluster.kinds import CLUSTER_ROLES, DEFINITIONS, NODES, ROLE_BINDINGS, SERVICE_ACCOUNTS
from expsdk.cluster.rbac import TRIAL, cluster_roles, namespace_documents
from expsdk.diagnosis.definitions import judge_definitions
from expsdk.diagnosis.finding import LIMIT_S, Finding, State, TooLate, within
from expsdk.diagnosis.nodes import judge_image, judge_nodes
from expsdk.errors import BackendError, Forbidden, ResourceNotFound, Unreachable
from expsdk.resources.crd import custom_resource_definitions
from expsdk.version import __version__
from expsdk_runtime.contract import API_VERSION

__all__ = ["examine_cluster"]

ANSWER_WITHIN_S = 5.0
_CONNECTION = "connection"
_KINDS = {kind.name: kind for kind in (CLUSTER_ROLES, ROLE_BINDINGS, SERVICE_ACCOUNTS)}


def examine_cluster(options: Mapping[str, Any], *, is_wanted: bool) -> Iterator[Finding]:
    """Yield how sweeps fare in a cluster; once it does not answer, nothing more is asked.

    Args:
        options: The Kubernetes backend's: namespace, context, kubeconfig.
        is_wanted: Whether to look although nothing names a cluster.
    """
    named = {name: options.get(name) for name in ("context", "kubeconfig")}
    if not is_wanted and not is_named(**named):
        words = f"not looked at: the backend is local, and no kubeconfig is there ({searched()})"
        yield Finding("cluster", State.OK, words, "--backend kubernetes looks all the same")
        return
    api: Api | None = None
    try:
        api = within(LIMIT_S, lambda: Api.connect(**options, limit_s=ANSWER_WITHIN_S))
        yield within(LIMIT_S, partial(_connection, api))
        for check, look in _CHECKS.items():
            yield _found(check, look, api)
    except BackendError as error:
        yield Finding.of_error(_CONNECTION, error)
    except TooLate:
        words = f"an API server answers within seconds, and {_place(api)} had not after {LIMIT_S:g} s"
        yield Finding(_CONNECTION, State.FAIL, words, "see that `kubectl get --raw /readyz` does")
    finally:
        if api is not None:
            api.close()


def _found(check: str, look: Callable[[Api], Finding], api: Api) -> Finding:
    """Return what a check finds; raises `Unreachable`, and `TooLate`, after which no other one would find more."""
    try:
        return within(LIMIT_S, partial(look, api))
    except Unreachable:
        raise
    except BackendError as error:
        return Finding.of_error(check, error)


def _place(api: Api | None) -> str:
    if api is None:
        return "the program that proves who asks (the kubeconfig's exec plugin)"
    return f"{api.connection.url} (context {api.connection.context})"


def _connection(api: Api) -> Finding:
    try:
        server = preflight.check_connection(api)
    except ResourceNotFound as error:
        raise BackendError(
            f"an API server tells its version, and {_place(api)} has none to tell; see that the kubeconfig's context"
            " leads to a Kubernetes"
        ) from error
    began = time.perf_counter()  # of a request over a connection that is open
    api.server()
    took_ms = 1000 * (time.perf_counter() - began)
    words = f"Kubernetes {server.text} at {_place(api)} answers in {took_ms:.0f} ms"
    return Finding(_CONNECTION, State.OK, words)


def _definitions(api: Api) -> Finding:
    preflight.check_installed(api)
    ours = custom_resource_definitions()
    try:
        theirs = [api.get(DEFINITIONS, each["metadata"]["name"]) for each in ours]
    except Forbidden:
        words = f"Experiment and Result are there ({API_VERSION}); of which expsdk, you may not see"
        return Finding("definitions", State.OK, words)
    return judge_definitions(theirs, ours, version=__version__, namespace=api.namespace)


def _permissions(api: Api) -> Finding:
    preflight.check_permissions(api)
    return Finding("permissions", State.OK, f"you may run sweeps here, in namespace {api.namespace!r}")


def _accounts(api: Api) -> Finding:
    """Return whether the roles and accounts are there that `expsdk install` makes, as far as they may be seen."""
    preflight.check_namespace(api)
    missing: list[tuple[str, str]] = []
    unseen: list[str] = []
    for document in (*namespace_documents(api.namespace), *cluster_roles()):
        kind, name = _KINDS[document["kind"]], document["metadata"]["name"]
        try:
            api.get(kind, name)
        except ResourceNotFound:
            missing.append((kind.name, name))
        except Forbidden:
            unseen.append(f"{kind.name}s")
    hidden = f" (you may not see {' and '.join(dict.fromkeys(unseen))})" if unseen else ""
    if missing:
        state = State.FAIL if any(name == TRIAL for _, name in missing) else State.WARN
        words = f"not there for namespace {api.namespace!r}: {', '.join(map(' '.join, missing))}{hidden}"
        remedy = f"run `expsdk install --namespace {api.namespace}`, or ask who administers it to"
        return Finding("accounts", state, words, remedy)
    return Finding("accounts", State.OK, f"what trials and coordinators are to the server is there{hidden}")


def _image(_: Api) -> Finding:
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return judge_image(python, release=sys.version_info.releaselevel, implementation=sys.implementation.name)


def _nodes(api: Api) -> Finding:
    with suppress(Forbidden):
        return judge_nodes(api.list(NODES).items)
    return Finding("nodes", State.OK, "not looked at: you may not list nodes, which sweeps need not")


_CHECKS: dict[str, Callable[[Api], Finding]] = {
    "definitions": _definitions,
    "permissions": _permissions,
    "accounts": _accounts,
    "image": _image,
    "nodes": _nodes,
}
