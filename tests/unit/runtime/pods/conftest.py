"""A pod's surroundings: an API server that keeps one Result and can misbehave, and processes that start as pods do."""

from __future__ import annotations

import copy
import hashlib
import importlib
import io
import json
import shutil
import socket
import ssl
import subprocess
import sys
import textwrap
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import expsdk_runtime
from expsdk_runtime.cluster import ApiServer

RUNTIME = Path(expsdk_runtime.__path__[0])
INLINE = (RUNTIME / "inline.py").read_text(encoding="utf-8")
PYTHON = getattr(sys, "_base_executable", sys.executable)
NAME = "train-0003"
PATH = f"/apis/expsdk.dev/v1alpha1/namespaces/ml/results/{NAME}"
CHUNK_BYTES = 60_000

Answer = tuple[int, dict[str, str]]


@dataclass
class Request:
    """A request that has come."""

    verb: str
    path: str
    document: Any
    token: str
    connection: int
    at: float
    content_type: str = ""


class Server(ThreadingHTTPServer):
    """Keeps a Result as an API server does.

    Attributes:
        result: The Result, or None where there is none.
        tokens: Those that are valid.
        requests: What has come, answered or not.
        answers: What the next requests are answered, one each; `always` where they have run out.
        gate: Requests wait until it is set.
        closes: Whether a connection is closed after each answer, without a word.
        before: Called before each request is answered.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, certificate: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate)
        spec = {"experiment": "train", "number": 3, "parameters": {}, "seed": 7, "stop": ""}
        metadata = {"name": NAME, "uid": "uid-1", "resourceVersion": "1"}
        self.result: dict[str, Any] | None = {"metadata": metadata, "spec": spec}
        self.tokens = {"secret"}
        self.requests: list[Request] = []
        self.answers: list[Answer] = []
        self.always: Answer | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.closes = False
        self.before: Callable[[Request], None] = lambda request: None
        self.statuses: list[dict[str, Any]] = []
        self.lock = threading.Lock()

    def finish_request(self, request: Any, client_address: Any) -> None:
        request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as real servers have it
        try:
            with self.context.wrap_socket(request, server_side=True) as connection:
                super().finish_request(connection, client_address)
        except OSError:  # the client has gone
            pass

    def handle_error(self, request: Any, client_address: Any) -> None:
        raise AssertionError("the server of the tests has failed")

    @property
    def status(self) -> dict[str, Any]:
        assert self.result is not None
        status: dict[str, Any] = self.result.get("status", {})
        return status

    @property
    def patches(self) -> list[dict[str, Any]]:
        return [request.document["status"] for request in self.requests if request.verb == "PATCH"]

    def answer(self, request: Request) -> tuple[int, dict[str, str], dict[str, Any]]:
        """Return status, headers and document of the answer to a request."""
        with self.lock:
            if request.token not in self.tokens:
                return 401, {}, {"message": "Unauthorized"}
            if self.answers or self.always:
                code, headers = self.answers.pop(0) if self.answers else self.always or (500, {})
                if code:
                    return code, headers, {"kind": "Status", "message": f"made to answer {code}"}
            if self.result is None or request.path not in (PATH, f"{PATH}/status"):
                return 404, {}, {"message": f"{request.path} not found"}
            if request.verb == "PATCH":
                assert request.content_type == "application/merge-patch+json"
                assert request.path.endswith("/status")
                given = request.document.get("metadata", {}).get("resourceVersion")
                if given not in (None, self.result["metadata"]["resourceVersion"]):
                    return 409, {}, {"message": "the object has been modified"}
                status = merge(self.result.get("status", {}), request.document["status"])
                version = str(int(self.result["metadata"]["resourceVersion"]) + 1)
                metadata = {**self.result["metadata"], "resourceVersion": version}
                self.result = {**self.result, "metadata": metadata, "status": status}
                self.statuses.append(status)
            return 200, {}, copy.deepcopy(self.result)


class Handler(BaseHTTPRequestHandler):
    """One connection to the server."""

    protocol_version = "HTTP/1.1"
    server: Server

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        token = self.headers["Authorization"].removeprefix("Bearer ")
        document = json.loads(body) if body else None
        request = Request(self.command, self.path, document, token, self.client_address[1], time.monotonic())
        request.content_type = self.headers.get("Content-Type", "")
        self.server.requests.append(request)
        self.server.gate.wait(30)
        self.server.before(request)
        code, headers, answer = self.server.answer(request)
        content = json.dumps(answer).encode()
        self.send_response(code)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
        self.close_connection = self.server.closes

    do_GET = do_PATCH = _answer  # noqa: N815

    def log_message(self, *arguments: object) -> None:
        pass


def merge(document: Any, patch: Any) -> Any:
    """Apply a merge patch as RFC 7386 has it."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(document) if isinstance(document, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A throw-away certificate for 127.0.0.1 with its key."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make a certificate with")
    path = tmp_path_factory.mktemp("certificate") / "both.pem"
    subject = ["-subj", "/CN=tests", "-addext", "subjectAltName=IP:127.0.0.1"]
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command = [
        "openssl",
        "req",
        "-x509",
        "-days",
        "2",
        *key,
        *subject,
        "-keyout",
        str(path),
        "-out",
        str(path) + ".crt",
    ]
    subprocess.run(command, check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + Path(f"{path}.crt").read_bytes())
    return path


@pytest.fixture
def make_server(certificate: Path) -> Iterator[Callable[[], Server]]:
    servers: list[Server] = []

    def make() -> Server:
        server = Server(certificate)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return server

    yield make
    for server in servers:
        server.gate.set()
        server.shutdown()
        server.server_close()


@pytest.fixture
def server(make_server: Callable[[], Server]) -> Server:
    return make_server()


@pytest.fixture
def account(tmp_path: Path, certificate: Path) -> Path:
    """A ServiceAccount's directory as pods have it."""
    directory = tmp_path / "account"
    directory.mkdir()
    shutil.copy(f"{certificate}.crt", directory / "ca.crt")
    (directory / "token").write_text("secret\n")
    return directory


@pytest.fixture
def client(server: Server, account: Path) -> Iterator[ApiServer]:
    host, port = server.server_address[:2]
    client = ApiServer(str(host), port, account_dir=str(account), timeout_s=5.0)
    yield client
    client.close()


@dataclass
class Pod:
    """A process that a container has started."""

    process: subprocess.Popen[str]
    termination_log: Path
    scratch: Path
    stdout: str = ""
    stderr: str = ""
    lines: list[str] = field(default_factory=list)

    def wait_for_line(self, text: str) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.stdout += line
            if line.strip() == text:
                return
        raise AssertionError(f"it never printed {text!r}, but: {self.stdout} {self.end()} {self.stderr}")

    def end(self, timeout_s: float = 40.0) -> int:
        """Wait for its end; return its exit code."""
        out, self.stderr = self.process.communicate(timeout=timeout_s)
        self.stdout += out
        return self.process.returncode

    @property
    def termination(self) -> dict[str, Any]:
        """What the container's termination message says."""
        content = self.termination_log.read_bytes()
        assert len(content) <= 4096
        document: dict[str, Any] = json.loads(content)
        return document


@pytest.fixture
def pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., bytes]:
    """Pack a function `train`, given its source; for another minor version of Python where one is named."""
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.syspath_prepend(str(project))

    def pack_source(source: str, *, python: str = "") -> bytes:
        (project / "packed_train.py").write_text(textwrap.dedent(source), encoding="utf-8")
        importlib.invalidate_caches()
        sys.modules.pop("packed_train", None)
        try:
            content: bytes = importlib.import_module("packed_train").train.pack().content
        finally:
            sys.modules.pop("packed_train", None)
            shutil.rmtree(project / "__pycache__", ignore_errors=True)
        return for_python(content, python) if python else content

    return pack_source


def for_python(content: bytes, minor: str) -> bytes:
    """Return a payload of source files, which run on any Python, as one that another minor version has packed."""
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(changed, "w") as after:
        for name in before.namelist():
            member = before.read(name)
            if name == "manifest.json":
                member = json.dumps({**json.loads(member), "python": minor}).encode()
            after.writestr(name, member)
    return changed.getvalue()


StartPod = Callable[..., Pod]


@pytest.fixture
def environment(tmp_path: Path, account: Path) -> Callable[..., dict[str, str]]:
    """The variables of a trial's pod, and no others."""

    def make(server: Server | None, **changes: Any) -> dict[str, str]:
        host, port = server.server_address[:2] if server else ("127.0.0.1", 9)
        usual: dict[str, Any] = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(tmp_path),
            "KUBERNETES_SERVICE_HOST": host,
            "KUBERNETES_SERVICE_PORT": port,
            "EXPSDK_ACCOUNT_DIR": account,
            "EXPSDK_TERMINATION_LOG": tmp_path / "termination-log",
            "EXPSDK_SCRATCH": tmp_path / "scratch",
            "EXPSDK_PAYLOAD_DIR": tmp_path / "payload",
            "EXPSDK_EXPERIMENT": "train",
            "EXPSDK_TRIAL": NAME,
            "EXPSDK_NUMBER": "3",
            "EXPSDK_SEED": "7",
            "EXPSDK_PARAMETERS": '{"lr": 0.5}',
            "EXPSDK_OBJECTIVES": '[["loss", "minimize"]]',
            "EXPSDK_NAMESPACE": "ml",
            "EXPSDK_POD": "train-0003-abcde",
            "EXPSDK_POD_UID": "pod-1",
            "EXPSDK_NODE": "node1",
            "EXPSDK_IMAGE": "python:slim",
            "EXPSDK_REPORT_INTERVAL_S": "0.1",
        }
        return {name: str(value) for name, value in {**usual, **changes}.items() if value is not None}

    return make


@pytest.fixture
def start_pod(
    tmp_path: Path, environment: Callable[..., dict[str, str]], check_document: Callable[[dict[str, Any]], None]
) -> Iterator[StartPod]:
    """Start a pod's container; every status that its server has had is checked."""
    pods: list[Pod] = []
    servers: list[Server] = []

    def start(server: Server | None, content: bytes, *, python: str = PYTHON, **changes: Any) -> Pod:
        if server:
            servers.append(server)
        payload = tmp_path / "payload"
        shutil.rmtree(payload, ignore_errors=True)
        payload.mkdir()
        for number, begin in enumerate(range(0, len(content), CHUNK_BYTES)):
            (payload / f"{number:03d}").write_bytes(content[begin : begin + CHUNK_BYTES])
        (payload / "..data").mkdir()
        changes.setdefault("EXPSDK_DIGEST", f"sha256:{hashlib.sha256(content).hexdigest()}")
        change = changes.pop("change", None)
        if change:
            change(payload)
        variables = environment(server, **changes)
        process = subprocess.Popen(
            [python, "-c", INLINE],
            env=variables,
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        pods.append(Pod(process, tmp_path / "termination-log", tmp_path / "scratch"))
        return pods[-1]

    yield start
    for pod in pods:
        pod.process.kill()
        pod.process.communicate()
    for server in servers:
        for status in server.statuses:
            if "metrics" in status:
                check_document(status)
