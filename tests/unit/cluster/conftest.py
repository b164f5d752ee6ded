"""A real HTTP server that plays answers as an API server gives them, and the kubeconfig that leads to it."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from loopback import serving

from expsdk.cluster.api import Api

NAMESPACE = "ml"


@dataclass(frozen=True)
class Answer:
    """What the server does about one request.

    Attributes:
        status: The HTTP status.
        body: JSON values, or bytes as they are.
        headers: Headers beside the usual ones.
        pieces: Instead of a body: bytes to send one by one, and numbers of seconds, or events, to wait for.
        silent_s: How long the server says nothing before it answers.
        hangs_up: Whether it closes the connection: "instead" of an answer, or "after" it, or "never".
    """

    status: int = 200
    body: Any = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    pieces: Sequence[bytes | float | threading.Event] | None = None
    silent_s: float = 0.0
    hangs_up: str = "never"


@dataclass(frozen=True)
class Received:
    """A request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    client: tuple[str, int]


class ApiServer:
    """Plays its answers in order, the last one again and again."""

    def __init__(self) -> None:
        self.url = ""
        self.received: list[Received] = []
        self._answers: list[Answer] = []
        self._lock = threading.Lock()

    def plays(self, *answers: dict[str, Any]) -> None:
        """Set the answers, each given as the fields of an `Answer`."""
        with self._lock:
            self._answers[:] = [Answer(**answer) for answer in answers]

    def refuses(self, code: int, message: str, *, headers: dict[str, str] | None = None, **details: Any) -> None:
        """Answer everything as the API server does where it says no."""
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "AsItIs", "metadata": {}}
        body = {**status, "message": message, "details": details, "code": code}
        self.plays({"status": code, "body": body, "headers": headers or {}})

    def next(self, request: Received) -> Answer:
        with self._lock:
            self.received.append(request)
            return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    played: ApiServer

    def log_message(self, *_: object) -> None:
        pass

    def answer(self) -> None:
        answer = self.played.next(self._received())
        time.sleep(answer.silent_s)
        if answer.hangs_up == "instead":
            self.close_connection = True
            return
        self.send_response(answer.status)
        for key, value in answer.headers.items():
            self.send_header(key, value)
        if answer.pieces is None:
            content = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        else:
            self._send(answer.pieces, whole=answer.hangs_up == "never")
        if answer.hangs_up == "after":
            self.close_connection = True

    do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815 - http.server looks for these

    def _received(self) -> Received:
        text = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        address = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(address.query, keep_blank_values=True).items()}
        body = json.loads(text) if text else None
        return Received(self.command, address.path, query, dict(self.headers), body, self.client_address)

    def _send(self, pieces: Sequence[bytes | float | threading.Event], *, whole: bool) -> None:
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in pieces:
            if isinstance(piece, bytes):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            elif isinstance(piece, threading.Event):
                piece.wait(30)
            else:
                time.sleep(piece)
        if whole:
            self.wfile.write(b"0\r\n\r\n")


@contextmanager
def _serving(tls: ssl.SSLContext | None = None) -> Iterator[ApiServer]:
    played = ApiServer()
    handler = type("Handler", (_Handler,), {"played": played})
    with serving(handler, tls=tls) as played.url:
        yield played


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with _serving() as server:
        yield server


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that is its own authority, and its key."""
    openssl = shutil.which("openssl")
    if not openssl:
        pytest.skip("making a certificate needs openssl")
    directory = tmp_path_factory.mktemp("certificate")
    certificate, key = directory / "ca.crt", directory / "ca.key"
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key


@pytest.fixture
def tls_server(certificate: tuple[Path, Path]) -> Iterator[ApiServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with _serving(context) as server:
        yield server


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Callable[..., Path]:
    """Writes a kubeconfig for a server's address, or the text that is given, and returns its path."""

    def write(url: str = "http://127.0.0.1:1", *, text: str = "", **cluster: str) -> Path:
        path = tmp_path / "kubeconfig"
        path.write_text(text or yaml.safe_dump(_kubeconfig(url, cluster)))
        return path

    return write


def _kubeconfig(url: str, cluster: dict[str, str]) -> dict[str, Any]:
    context = {"cluster": "here", "user": "anna"}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [
            {"name": "here", "context": {**context, "namespace": NAMESPACE}},
            {"name": "bare", "context": context},
        ],
        "clusters": [{"name": "here", "cluster": {"server": url, **cluster}}],
        "users": [{"name": "anna", "user": {"token": "t0ken"}}],
    }


@pytest.fixture
def api(server: ApiServer, kubeconfig: Callable[..., Path]) -> Iterator[Api]:
    """The API server, in the namespace ml."""
    api = Api.connect(kubeconfig=str(kubeconfig(server.url)))
    yield api
    api.close()


@pytest.fixture
def tls_api(tls_server: ApiServer, certificate: tuple[Path, Path], kubeconfig: Callable[..., Path]) -> Iterator[Api]:
    trusted = {"certificate-authority": str(certificate[0])}
    api = Api.connect(kubeconfig=str(kubeconfig(tls_server.url, **trusted)))
    yield api
    api.close()
