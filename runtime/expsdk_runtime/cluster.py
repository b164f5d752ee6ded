"""The API server as a trial sees it from its pod: its own Result, over a kept connection, as its ServiceAccount."""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPException, HTTPResponse, HTTPSConnection
from typing import Any

from expsdk_runtime.console import say
from expsdk_runtime.contract import API_VERSION
from expsdk_runtime.sinks import Refused

ACCOUNT_DIR = "/var/run/secrets/kubernetes.io/serviceaccount"
TIMEOUT_S = 10.0
SELDOM_S = 30.0
"""How often is tried again what the server will not have, whoever asks: the Result or the right to it may come back."""

UNAUTHORIZED = 401
CONFLICT = 409
_TOO_MANY_REQUESTS = 429
_SELDOM = {
    403: "this pod's ServiceAccount may not do that (`expsdk install` grants it); the trial goes on unseen",
    404: "the trial's Result is gone, or was never there; the trial goes on unseen",
    413: "the status is too large for it: log fewer metrics",
    422: "the status does not fit the Result's definition: `expsdk install` of this version brings it up to date",
}


class ApiError(Refused):
    """The API server has answered, but not as was wished.

    Attributes:
        status: The HTTP status.
    """

    def __init__(self, status: int, message: str, *, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.status = status
        self.is_busy = status == _TOO_MANY_REQUESTS or status >= 500
        self.retry_after_s = max(retry_after_s, SELDOM_S if status in _SELDOM else 0.0)


class ApiServer:
    """Requests to the API server, over one connection that is kept. For one thread at a time."""

    def __init__(self, host: str, port: int, *, account_dir: str = ACCOUNT_DIR, timeout_s: float = TIMEOUT_S) -> None:
        """Ask the server at `host` and `port` with the token and the authority in `account_dir`."""
        self.timeout_s = timeout_s
        self._place = (host, port)
        self._account_dir = account_dir
        self._connection: HTTPSConnection | None = None
        self._token = ""

    def request(self, verb: str, path: str, document: Any = None) -> dict[str, Any]:
        """Return the server's answer to a request; `document` is sent as a merge patch.

        Raises:
            ApiError: The server has refused it.
            OSError: There was no answer.
        """
        body = None if document is None else json.dumps(document, separators=(",", ":")).encode()
        token = self._read_token()
        response, content = self._ask(verb, path, body, token)
        if response.status == UNAUTHORIZED and self._read_token() != token:  # it was replaced at this very moment
            response, content = self._ask(verb, path, body, self._token)
        try:
            answer = json.loads(content)
        except ValueError:
            answer = None
        if response.status >= 300 or not isinstance(answer, dict):
            words = answer.get("message") if isinstance(answer, dict) else content[:200].decode(errors="replace")
            raise ApiError(
                response.status,
                f"the API server answers {response.status} {response.reason} to {verb} {path}: {words}",
                retry_after_s=_seconds(response.getheader("Retry-After")),
            )
        return answer

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(OSError):
                connection.close()

    def _ask(self, verb: str, path: str, body: bytes | None, token: str) -> tuple[HTTPResponse, bytes]:
        """Return the answer, over the kept connection or, where the server has closed that, over a new one."""
        if self._connection is not None:
            try:
                return self._exchange(self._connection, verb, path, body, token)
            except TimeoutError:
                raise
            except OSError:
                pass
        self._connection = self._connect()
        return self._exchange(self._connection, verb, path, body, token)

    def _exchange(
        self, connection: HTTPSConnection, verb: str, path: str, body: bytes | None, token: str
    ) -> tuple[HTTPResponse, bytes]:
        headers = {"Accept": "application/json", "Authorization": f"Bearer {token}", "User-Agent": "expsdk"}
        if body is not None:
            headers["Content-Type"] = "application/merge-patch+json"
        try:
            connection.request(verb, path, body, headers)
            response = connection.getresponse()
            return response, response.read()
        except HTTPException as error:
            self.close()
            raise ConnectionError(f"the API server's answer breaks off or is none: {error!r}") from error
        except BaseException:
            self.close()
            raise

    def _connect(self) -> HTTPSConnection:
        # Not ssl.create_default_context: from Python 3.13 on that asks of a cluster's own authority for more than most
        # of them have (VERIFY_X509_STRICT). Certificate and host name are checked all the same.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(os.path.join(self._account_dir, "ca.crt"))
        host, port = self._place
        return HTTPSConnection(host, port, timeout=self.timeout_s, context=context)

    def _read_token(self) -> str:
        """Return the token as its file has it now: it is replaced from time to time."""
        try:
            with open(os.path.join(self._account_dir, "token"), encoding="ascii") as file:
                self._token = file.read().strip()
        except (OSError, ValueError):
            if not self._token:
                raise
        return self._token


def connect(environment: Mapping[str, str], *, timeout_s: float = TIMEOUT_S) -> ApiServer:
    """Return the API server that a pod's environment names.

    Raises:
        LookupError: It names none: this is no pod.
    """
    return ApiServer(
        environment["KUBERNETES_SERVICE_HOST"],
        int(environment["KUBERNETES_SERVICE_PORT"]),
        account_dir=environment.get("EXPSDK_ACCOUNT_DIR") or ACCOUNT_DIR,
        timeout_s=timeout_s,
    )


def result_path(namespace: str, name: str) -> str:
    """Return the path of a Result."""
    return f"/apis/{API_VERSION}/namespaces/{namespace}/results/{name}"


class ResultSink:
    """Reports into the status of a Result. The answer to a report is the whole Result, and so tells of a stop."""

    def __init__(self, server: ApiServer, path: str, *, interval_s: float) -> None:
        """Report into the Result at `path` at most once in `interval_s`."""
        self.interval_s = interval_s
        self._server = server
        self._path = path
        self._known: dict[str, Any] = {}
        self._said: set[int] = set()

    def read(self) -> dict[str, Any]:
        """Return the Result; raises OSError where it cannot be had."""
        try:
            self._known = self._server.request("GET", self._path)
        except ApiError as error:
            self._complain(error)
            raise
        return self._known

    def report(self, status: dict[str, Any]) -> None:
        """Replace the Result's status, whatever it had of metrics that `status` lacks."""
        patch = patch_of(self._known.get("status") or {}, status)
        try:
            self._known = self._server.request("PATCH", f"{self._path}/status", {"status": patch})
        except ApiError as error:
            self._complain(error)
            raise

    def stop(self) -> str:
        """Return what the last answer asked of the trial."""
        return stop_of(self._known)

    def listen(self) -> None:
        """Give nothing to listen to: only answers tell."""

    def _complain(self, error: ApiError) -> None:
        """Say once that the server will not have it."""
        if error.status in _SELDOM and error.status not in self._said:
            self._said.add(error.status)
            say(f"expsdk: {error}; {_SELDOM[error.status]}")


def patch_of(before: dict[str, Any], status: dict[str, Any]) -> dict[str, Any]:
    """Return the merge patch (RFC 7386) that leaves nothing in `before` of metrics that `status` lacks."""
    gone = {}
    for field in ("metrics", "history", "objectives"):
        if isinstance(before.get(field), dict) and isinstance(status.get(field), dict):
            gone[field] = {**dict.fromkeys(before[field].keys() - status[field].keys()), **status[field]}
    return {**status, **gone}


def stop_of(result: dict[str, Any]) -> str:
    """Return what a Result asks of its trial."""
    spec = result.get("spec")
    stop = spec.get("stop") if isinstance(spec, dict) else ""
    return stop if isinstance(stop, str) else ""


def _seconds(text: str | None) -> float:
    """Return the seconds of a Retry-After header; one that names a date says nothing here, where clocks may differ."""
    return float(text) if text and text.strip().isdecimal() else 0.0
