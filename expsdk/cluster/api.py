"""Verbs on the API server's objects, as plain dicts: get, list, create, apply, patch, delete, watch, logs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from expsdk.cluster.answers import Request, error_of
from expsdk.cluster.connection import READ_TIMEOUT_S, Connection, connect
from expsdk.cluster.kinds import ACCESS_REVIEWS, PODS, Kind
from expsdk.cluster.server import Server
from expsdk.errors import ClusterError

Document = dict[str, Any]

FIELD_MANAGER = "expsdk"
PAGE = 500
_MERGE = "application/merge-patch+json"
_APPLY = "application/apply-patch+yaml"  # JSON is YAML
_JSON = "application/json"


class Listing(NamedTuple):
    """Objects as they were at one moment, and the version from which a watch goes on."""

    items: list[Document]
    version: str


@dataclass(frozen=True)
class Api:
    """An API server, seen from one namespace; for many threads at once.

    Every verb raises `ClusterError`, or the subclass that says why it was not done (see `expsdk.errors`).

    Attributes:
        connection: The way to it.
        namespace: The namespace of all objects that have one.
    """

    connection: Connection
    namespace: str

    @classmethod
    def connect(
        cls,
        *,
        namespace: str | None = None,
        context: str | None = None,
        kubeconfig: str | None = None,
        connections: int = 16,
        limit_s: float | None = None,
    ) -> Api:
        """Return the API server that a kubeconfig or the surrounding pod names; nothing is sent yet.

        Args:
            namespace: By default the context's, or the pod's.
            context: A context of the kubeconfig; by default the current one.
            kubeconfig: The kubeconfig's path; by default where kubectl finds it.
            connections: How many connections are kept open.
            limit_s: See `Connection`.
        """
        connection = connect(context=context, kubeconfig=kubeconfig, connections=connections, limit_s=limit_s)
        return cls(connection, namespace or connection.namespace)

    def server(self) -> Server:
        """Return which version of Kubernetes answers."""
        return Server.from_document(self._do("GET", "/version", Request("get", PODS, "")))

    def discover(self, api_version: str) -> set[str]:
        """Return the plural names of the kinds that a group's version has; none where there is no such group."""
        answer = self.connection.request("GET", f"/apis/{api_version}")
        if answer.status == 404:
            return set()
        return {each["name"] for each in self._read(answer, Request("list", PODS, ""))["resources"]}

    def get(self, kind: Kind, name: str) -> Document:
        """Return an object."""
        return self._do("GET", self._path(kind, name), self._request("get", kind, name))

    def list(self, kind: Kind, *, selector: str = "", fields: str = "") -> Listing:
        """Return all objects of a kind, or those that a label selector and a field selector choose.

        They come in pages, all of one moment; should that moment become too old meanwhile, the server's later pages
        are newer.
        """
        query = {"limit": str(PAGE), "labelSelector": selector, "fieldSelector": fields}
        items: list[Document] = []
        while True:
            page = self._do("GET", self._path(kind), self._request("list", kind), query=query)
            items += page["items"]
            following = page["metadata"].get("continue")
            if not following:
                return Listing(items, page["metadata"]["resourceVersion"])
            query["continue"] = following

    def create(self, kind: Kind, document: Mapping[str, Any], *, dry_run: bool = False) -> Document:
        """Create an object and return it as the server has it; raises `Conflict` where its name is taken."""
        query = {"fieldManager": FIELD_MANAGER, **({"dryRun": "All"} if dry_run else {})}
        request = self._request("create", kind, str(document.get("metadata", {}).get("name", "")))
        return self._do("POST", self._path(kind), request, body=document, query=query)

    def apply(self, kind: Kind, document: Mapping[str, Any], *, dry_run: bool = False) -> Document:
        """Create an object or bring it to what `document` says of it (server-side apply), and return it."""
        name = document["metadata"]["name"]
        query = {"fieldManager": FIELD_MANAGER, "force": "true", **({"dryRun": "All"} if dry_run else {})}
        path, request = self._path(kind, name), self._request("patch", kind, name)
        return self._do("PATCH", path, request, body=document, query=query, content_type=_APPLY)

    def patch(self, kind: Kind, name: str, changes: Mapping[str, Any], *, subresource: str = "") -> Document:
        """Merge changes into an object, or into its subresource, and return it (RFC 7386: null takes a field away)."""
        path, request = self._path(kind, name, subresource), self._request("patch", kind, name)
        return self._do(
            "PATCH", path, request, body=changes, query={"fieldManager": FIELD_MANAGER}, content_type=_MERGE
        )

    def delete(self, kind: Kind, name: str, *, propagation: str = "Background", grace_s: int | None = None) -> None:
        """Delete an object; what it owns goes with it.

        Args:
            kind: The kind of object.
            name: Its name.
            propagation: "Background", or "Foreground" for what is to stay until all that it owns has gone.
            grace_s: For a pod, the time between SIGTERM and SIGKILL in seconds; by default its own.
        """
        options: Document = {"propagationPolicy": propagation}
        if grace_s is not None:
            options["gracePeriodSeconds"] = grace_s
        self._do("DELETE", self._path(kind, name), self._request("delete", kind, name), body=options)

    def may(self, verb: str, kind: Kind, *, subresource: str = "", name: str = "") -> bool:
        """Whether the caller may do `verb` to objects of a kind (or to the one of that name) in this namespace."""
        attributes = {
            "verb": verb,
            "group": kind.group,
            "resource": kind.plural,
            "subresource": subresource,
            "name": name,
            "namespace": self.namespace if kind.is_namespaced else "",
        }
        review = {"apiVersion": ACCESS_REVIEWS.api_version, "kind": ACCESS_REVIEWS.name}
        document = {**review, "spec": {"resourceAttributes": attributes}}
        request = Request("create", ACCESS_REVIEWS, "")
        answer = self._do("POST", ACCESS_REVIEWS.path(""), request, body=document)
        return bool(answer["status"]["allowed"])

    def watch(self, kind: Kind, *, selector: str, version: str, timeout_s: int) -> Watch:
        """Return what happens to objects of a kind after `version`, for at most `timeout_s` seconds.

        Raises:
            Expired: `version` is too old: list them again.
        """
        query = {
            "watch": "true",
            "labelSelector": selector,
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(timeout_s),
        }
        return Watch(self, kind, query, timeout_s + READ_TIMEOUT_S / 2)

    def log(self, pod: str, container: str, *, follow: bool = False, previous: bool = False) -> Iterator[str]:
        """Yield the lines that a container has printed, and with `follow` those that it will, until it ends."""
        query = {"container": container, "follow": str(follow).lower(), "previous": str(previous).lower()}
        request = Request("get", PODS, self.namespace, f"{pod}/log")
        path = PODS.path(self.namespace, pod, "log")
        silence_s = 3600.0 if follow else READ_TIMEOUT_S
        answer = self.connection.request("GET", path, query=query, stream=True, read_timeout_s=silence_s)
        with closing(answer):
            if answer.status >= 400:
                raise error_of(answer.status, answer.read(), request)
            rest = b""
            for chunk in self.connection.chunks(answer):
                *lines, rest = (rest + chunk).split(b"\n")
                yield from (line.decode(errors="replace") + "\n" for line in lines)
            if rest:
                yield rest.decode(errors="replace")

    def close(self) -> None:
        """Close all connections."""
        self.connection.close()

    def _path(self, kind: Kind, name: str = "", subresource: str = "") -> str:
        return kind.path(self.namespace, name, subresource)

    def _request(self, verb: str, kind: Kind, name: str = "") -> Request:
        return Request(verb, kind, self.namespace if kind.is_namespaced else "", name)

    def _do(
        self,
        method: str,
        path: str,
        request: Request,
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        content_type: str = _JSON,
    ) -> Document:
        answer = self.connection.request(
            method,
            path,
            body=None if body is None else json.dumps(body, separators=(",", ":")).encode(),
            headers=None if body is None else {"Content-Type": content_type},
            query=query,
        )
        return self._read(answer, request)

    def _read(self, answer: Any, request: Request) -> Document:
        if answer.status >= 400:
            raise error_of(answer.status, answer.data, request)
        try:
            document: Document = json.loads(answer.data)
        except ValueError as error:
            raise ClusterError(
                f"an API server answers in JSON, and {self.connection.url} (context {self.connection.context}) does"
                " not: see that the kubeconfig's context leads to a Kubernetes, and not to another server or a login"
                " page",
                status=answer.status,
            ) from error
        return document


class Watch:
    """A stream of changes; iterate over it, `end` it from any thread, and `close` it from the one that iterates."""

    def __init__(self, api: Api, kind: Kind, query: Mapping[str, str], silence_s: float) -> None:
        self._request = Request("watch", kind, api.namespace)
        self._connection = api.connection
        self._has_ended = False
        self._answer = api.connection.request(
            "GET", kind.path(api.namespace), query=query, stream=True, read_timeout_s=silence_s
        )
        if self._answer.status >= 400:
            with closing(self._answer):
                raise error_of(self._answer.status, self._answer.read(), self._request)

    def __iter__(self) -> Iterator[tuple[str, Document]]:
        """Yield "ADDED", "MODIFIED", "DELETED" or "BOOKMARK", and the object."""
        rest = b""
        for chunk in self._connection.chunks(self._answer):
            if self._has_ended:  # what comes from a socket after that may be encrypted still
                return
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    status = event["object"]
                    raise error_of(status.get("code", 500), json.dumps(status).encode(), self._request)
                yield event["type"], event["object"]

    def end(self) -> None:
        """Let the stream end, also one that another thread waits for."""
        self._has_ended = True
        with suppress(ValueError, OSError, RuntimeError, TypeError):  # it has ended already, or does so just now
            self._answer.shutdown()

    def close(self) -> None:
        """End the stream and free its connection; whoever reads it in another thread would read from nothing."""
        self.end()
        self._answer.close()
