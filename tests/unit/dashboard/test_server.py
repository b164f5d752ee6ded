"""The server: who may ask it what, and what it never does."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import expsdk.dashboard
from expsdk.backends.local.store import FileStore
from expsdk.dashboard import DEFAULT_PORT, Dashboard
from expsdk.errors import DashboardError, ExperimentNotFound

Get = Callable[..., Any]
PAGE = Path(expsdk.dashboard.__file__).parent / "page"


@pytest.mark.parametrize("path", ["/", *(f"/page/{file.name}" for file in sorted(PAGE.iterdir()))])
def test_the_page_and_its_files_are_there_and_may_load_nothing_of_others(get: Get, path: str) -> None:
    answer = get(path)
    assert answer.status == 200
    assert answer.headers["Content-Security-Policy"].startswith(
        "default-src 'none'; script-src 'self'; style-src 'self'"
    )
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert b"https://" not in answer.body


def test_pages_hold_no_script_and_no_style_of_their_own() -> None:
    page = (PAGE / "index.html").read_text()
    assert "style=" not in page
    assert "<style" not in page
    assert page.count("<script") == page.count('<script type="module" src=') == 1
    for script in PAGE.glob("*.js"):
        text = script.read_text()
        assert [
            way for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(") if way in text
        ] == []


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8420", "127.0.0.1.evil.example", "10.0.0.1", ""])
@pytest.mark.parametrize("path", ["/", "/live/experiments", "/api/studies"])
def test_names_of_others_are_not_answered_to(get: Get, host: str, path: str) -> None:
    answer = get(path, Host=host)
    assert answer.status == 403
    assert answer.body == b"this server answers to localhost only: open it as http://127.0.0.1 or http://localhost"


@pytest.mark.parametrize("host", ["localhost", "localhost:9999", "127.0.0.1:1", "[::1]:8420", "LOCALHOST"])
def test_it_answers_to_this_machines_names_at_any_port(get: Get, host: str) -> None:
    assert get("/", Host=host).status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
@pytest.mark.parametrize("path", ["/", "/api/studies", "/api/studies/0/note", "/live/experiments"])
def test_only_get_is_answered(get: Get, method: str, path: str) -> None:
    answer = get(path, method)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET")


@pytest.mark.parametrize(
    "path",
    [
        *("/page/", "/page/../server.py", "/page/..%2fserver.py", "/page/%2e%2e/%2e%2e/errors.py", "/page//etc/passwd"),
        *("/nothing", "/live/", "/live/nothing", "/live/experiment", "/live/trial?name=x", "/server.py"),
    ],
)
def test_nothing_else_is_there(get: Get, path: str) -> None:
    answer = get(path)
    assert (answer.status, answer.body) == (404, b"there is nothing here; experiments are at /")


@pytest.mark.parametrize("name", ["../other", "..", "/etc", "a/b", "A", "a\n", ".expsdk", "%2e%2e"])
def test_what_is_no_name_is_not_looked_for(dashboard: Dashboard, name: str) -> None:
    assert dashboard.stream("experiment", {"name": name}) is None
    assert dashboard.stream("trial", {"name": name, "trial": f"{name}-0000"}) is None


@pytest.mark.parametrize("trial", ["other-0000", "../../x-0000", "shown-", "shown-x", "shown-/../../x-0000", "shown-²"])
def test_a_trial_is_one_of_its_experiments(store: FileStore, create: Any, dashboard: Dashboard, trial: str) -> None:
    create(name="shown")
    assert dashboard.stream("trial", {"name": "shown", "trial": trial}) is None
    assert dashboard.stream("trial", {"name": "shown", "trial": "shown-0000"}) is not None


def test_a_dashboard_of_some_experiments_does_not_tell_of_others(store: FileStore, create: Any) -> None:
    create(name="shown")
    create(name="other")
    with Dashboard(store, ["shown"], port=0) as dashboard:
        assert dashboard.url.endswith("/#/shown")
        assert dashboard.stream("experiment", {"name": "other"}) is None
        assert dashboard.stream("trial", {"name": "other", "trial": "other-0000"}) is None
        assert dashboard.stream("experiment", {"name": "shown"}) is not None


def test_many_ask_at_once(dashboard: Dashboard) -> None:
    statuses: list[int] = []

    def ask() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", dashboard.port, timeout=20)
        for _ in range(5):  # over one connection, as browsers do
            connection.request("GET", "/page/app.js")
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 100


def test_an_experiment_that_is_not_there_is_told_at_once(store: FileStore, create: Any) -> None:
    create(name="train-mlp")
    with pytest.raises(ExperimentNotFound, match=r"no experiment 'train-mpl' is kept in .* \(there: train-mlp\)"):
        Dashboard(store, ["train-mpl"], port=0)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_others_are_let_in_only_when_told(store: FileStore, host: str) -> None:
    with pytest.raises(DashboardError, match="no password, so it serves on this machine alone, and others may reach"):
        Dashboard(store, host=host, port=0)


def test_those_who_are_let_in_may_use_addresses(store: FileStore) -> None:
    with Dashboard(store, host="0.0.0.0", port=0, open_to_others=True) as dashboard:
        connection = http.client.HTTPConnection("127.0.0.1", dashboard.port, timeout=20)
        for host, status in [("192.0.2.7:80", 200), (socket.gethostname(), 200), ("evil.example", 403)]:
            connection.request("GET", "/", headers={"Host": host})
            answer = connection.getresponse()
            answer.read()
            assert (host, answer.status) == (host, status)
        connection.close()


def test_a_taken_port_is_told_and_the_usual_one_is_not_insisted_on(store: FileStore, dashboard: Dashboard) -> None:
    with pytest.raises(
        DashboardError,
        match=rf"port of its own, and {dashboard.port} is taken; give another --port, or 0 for a free one",
    ):
        Dashboard(store, port=dashboard.port)
    first = Dashboard(store)
    second = Dashboard(store)
    assert second.port not in (first.port, DEFAULT_PORT)
    first.close()
    second.close()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"port": 70000}, "a port is a number from 0 to 65535, not 70000"),
        ({"port": 0, "host": "192.0.2.1", "open_to_others": True}, "'192.0.2.1' is none"),
    ],
)
def test_what_cannot_be_served_on_is_told(store: FileStore, given: dict[str, Any], words: str) -> None:
    with pytest.raises(DashboardError, match=words):
        Dashboard(store, **given)
