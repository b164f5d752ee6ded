"""A real HTTP server that keeps objects as an API server does: versions, conflicts, merge patches, statuses apart."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from loopback import serving

from expsdk.cluster.api import Api

Document = dict[str, Any]

NAMESPACE = "ml"


class Store:
    """What the server keeps, by path.

    Attributes:
        url: Its address.
        objects: Each object by its path.
        requests: The verb and the path of each request, as they came.
        is_away: Whether it hangs up on whoever asks.
        meanwhile: Called before a request is answered, with its verb and path.
    """

    def __init__(self) -> None:
        self.url = ""
        self.objects: dict[str, Document] = {}
        self.requests: list[tuple[str, str]] = []
        self.is_away = False
        self.meanwhile: Callable[[str, str], None] = lambda verb, path: None
        self._version = 0
        self._lock = threading.RLock()

    def answer(self, verb: str, path: str, body: Any) -> tuple[int, Document]:
        self.meanwhile(verb, path)
        with self._lock:
            self.requests.append((verb, path))
            name = path.removesuffix("/status")
            if verb == "POST":
                name = f"{path}/{body['metadata']['name']}"
                if name in self.objects:
                    return _refusal(409, f"{name} already exists")
                return 201, self._keep(name, body)
            if name not in self.objects:
                return _refusal(404, f"{name} is not there")
            there = self.objects[name]
            if verb == "GET":
                return 200, there
            if verb == "DELETE":
                return 200, self.objects.pop(name)
            given = body.get("metadata", {}).get("resourceVersion")
            if given not in (None, there["metadata"]["resourceVersion"]):
                return _refusal(409, f"{name} has been modified")
            changes = {"status": body.get("status", {})} if path != name else body
            return 200, self._keep(name, merged(there, changes))

    def write(self, path: str, changes: Document) -> None:
        """Merge changes into an object, as somebody else does it."""
        with self._lock:
            self._keep(path, merged(self.objects.get(path, {"metadata": {}}), changes))

    def _keep(self, path: str, document: Document) -> Document:
        self._version += 1
        kept = copy.deepcopy(document)
        kept["metadata"] = {**kept.get("metadata", {}), "resourceVersion": str(self._version)}
        self.objects[path] = kept
        return kept


def merged(before: Any, changes: Any) -> Any:
    """Return `before` with a merge patch applied (RFC 7386)."""
    if not isinstance(changes, dict):
        return changes
    found = dict(before) if isinstance(before, dict) else {}
    for key, value in changes.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = merged(found.get(key), value)
    return found


def _refusal(code: int, message: str) -> tuple[int, Document]:
    return code, {"kind": "Status", "status": "Failure", "message": message, "code": code}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    store: Store

    def log_message(self, *_: object) -> None:
        pass

    def answer(self) -> None:
        text = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.store.is_away:
            self.close_connection = True
            return
        status, document = self.store.answer(
            self.command, self.path.partition("?")[0], json.loads(text) if text else None
        )
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815 - http.server looks for these


@contextmanager
def _serving() -> Iterator[Store]:
    store = Store()
    handler = type("Handler", (_Handler,), {"store": store})
    with serving(handler) as store.url:
        yield store


@pytest.fixture
def store() -> Iterator[Store]:
    with _serving() as store:
        yield store


@pytest.fixture
def api(store: Store, tmp_path: Path) -> Iterator[Api]:
    """The API server, in the namespace ml."""
    path = tmp_path / "kubeconfig"
    context = {"name": "here", "context": {"cluster": "here", "user": "anna", "namespace": NAMESPACE}}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [context],
        "clusters": [{"name": "here", "cluster": {"server": store.url}}],
        "users": [{"name": "anna", "user": {"token": "t0ken"}}],
    }
    path.write_text(json.dumps(document))
    api = Api.connect(kubeconfig=str(path))
    yield api
    api.close()
