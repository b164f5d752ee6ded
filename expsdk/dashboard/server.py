"""The server: what it answers to whom. It takes GET requests only, so nothing that it is asked changes anything."""

from __future__ import annotations

import select
import socket
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from expsdk.dashboard.optuna_pages import is_its
from expsdk.errors import ExpsdkError

if TYPE_CHECKING:
    from expsdk.dashboard.dashboard import Dashboard

IDLE_S = 30.0
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'"
)
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


class Server(ThreadingHTTPServer):
    """A thread for each connection; none outlives the process."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, dashboard: Dashboard, host: str, port: int) -> None:
        self.dashboard = dashboard
        self.host = host
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing where a browser has gone away in the middle of an answer."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def may_be_called(self, host: str) -> bool:
        """Whether a request may name the server so.

        A page of another site may have its own name lead here (DNS rebinding), and would read what it gets then. Names
        of this machine and plain addresses are nobody else's.
        """
        name = urlsplit(f"//{host}").hostname or ""
        if name in _LOCAL_NAMES or name == self.host:
            return True
        if is_loopback(self.host):
            return False
        try:
            ip_address(name)
        except ValueError:
            return name in (socket.gethostname().lower(), socket.getfqdn().lower())
        return True


def is_loopback(host: str) -> bool:
    """Whether an address is this machine's own, which no other machine reaches."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


@cache
def page_files() -> dict[str, bytes]:
    """Return the page's files by name."""
    directory = resources.files("expsdk.dashboard") / "page"
    return {file.name: file.read_bytes() for file in directory.iterdir() if _suffix(file.name) in _TYPES}


def _suffix(name: str) -> str:
    return name[name.rfind(".") :]


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    server_version = "expsdk"
    sys_version = ""
    timeout = IDLE_S
    server: Server

    def do_GET(self) -> None:
        """Answer."""
        if not self.server.may_be_called(self.headers.get("Host", "")):
            text = "this server answers to localhost only: open it as http://127.0.0.1 or http://localhost"
            self._send(HTTPStatus.FORBIDDEN, text.encode())
            return
        address = urlsplit(self.path)
        path, query = unquote(address.path), dict(parse_qsl(address.query))
        if path == "/":
            self._send_file("index.html")
        elif path.startswith("/page/"):
            self._send_file(path.removeprefix("/page/"))
        elif path.startswith("/live/"):
            self._send_stream(self.server.dashboard.stream(path.removeprefix("/live/"), query))
        elif path.startswith("/optuna/") or is_its(path):
            self._answer_for_optuna(path, address.query)
        else:
            self._send_missing()

    def refuse(self) -> None:
        """Refuse what is no GET request."""
        self.close_connection = True  # a body may follow that nobody reads
        self._send(HTTPStatus.METHOD_NOT_ALLOWED, b"this server is to be read only: GET", {"Allow": "GET"})

    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_HEAD = refuse  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Print nothing: whoever started the server wants to see what it said at first."""

    def version_string(self) -> str:
        """Return what the server calls itself, without the version of Python."""
        return self.server_version

    def _send_file(self, name: str) -> None:
        content = page_files().get(name)
        if content is None:
            self._send_missing()
            return
        headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"}
        self._send(HTTPStatus.OK, content, headers, kind=_TYPES[_suffix(name)])

    def _send_missing(self) -> None:
        self._send(HTTPStatus.NOT_FOUND, b"there is nothing here; experiments are at /")

    def _answer_for_optuna(self, path: str, query: str) -> None:
        pages = self.server.dashboard.optuna
        if pages is None:
            text = b"Optuna's dashboard is not installed; install it: pip install 'expsdk[dashboard]'"
            self._send(HTTPStatus.NOT_FOUND, text)
            return
        try:
            if path.startswith("/optuna/"):
                place = quote(pages.path_of(path.removeprefix("/optuna/")))
                self._send(HTTPStatus.FOUND, b"", {"Location": place})
                return
            if path.startswith("/dashboard/back/"):
                name = pages.name_of(int(path.removeprefix("/dashboard/back/")))
                self._send(HTTPStatus.FOUND, b"", {"Location": f"/#/{quote(name)}"})
                return
        except (KeyError, ValueError):
            self._send_missing()
            return
        answer = pages.answer(path, query, accepted=self.headers.get("Accept-Encoding", ""))
        headers = {name: value for name, value in answer.headers if name.lower() != "content-length"}
        kind = headers.pop("Content-Type", "text/plain")
        self._send(HTTPStatus(answer.status), answer.body, headers, kind=kind)

    def _send(
        self,
        status: HTTPStatus,
        body: bytes,
        headers: dict[str, str] | None = None,
        *,
        kind: str = "text/plain; charset=utf-8",
    ) -> None:
        self.send_response(status)
        for name, value in {**_ALWAYS, **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _send_stream(self, events: Iterator[str] | None) -> None:
        """Send events until the browser has gone, or there are no more."""
        if events is None:
            self._send_missing()
            return
        self.close_connection = True
        self.send_response(HTTPStatus.OK)
        sent = {**_ALWAYS, "Content-Type": "text/event-stream", "Cache-Control": "no-store", "Connection": "close"}
        for name, value in sent.items():
            self.send_header(name, value)
        self.end_headers()
        with closing(events), suppress(OSError):  # type: ignore[type-var]  # generators are closed
            try:
                for text in events:
                    if self.server.dashboard.is_closed or self._has_left():
                        return
                    if text:
                        self.wfile.write(text.encode())
            except ExpsdkError as error:
                self.log_error("%s", error)

    def _has_left(self) -> bool:
        """Whether the browser has closed the connection: nothing else comes from it any more."""
        readable, _, _ = select.select([self.connection], [], [], 0)
        return bool(readable) and not self.connection.recv(1, socket.MSG_PEEK)
