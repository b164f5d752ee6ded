"""A dashboard over files, and a browser's side of its connection."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from simulation.documents import make_experiment

from expsdk.backends.local.store import FileStore
from expsdk.dashboard import Dashboard
from expsdk.resources.experiment import Experiment

WITHIN_S = 20.0


class Events:
    """What a page hears: the parts as they were sent last, and how often each was."""

    def __init__(self, port: int, path: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WITHIN_S)
        self._connection.request("GET", path)
        self.response = self._connection.getresponse()
        self.parts: dict[str, Any] = {}
        self.counts: dict[str, int] = {}
        self.logs: list[dict[str, Any]] = []

    def until(self, condition: Callable[[dict[str, Any]], Any]) -> Any:
        """Read events until the parts are as they should be; return what the condition says of them."""
        give_up_at = time.monotonic() + WITHIN_S
        while not (found := self.parts and condition(self.parts)):
            assert time.monotonic() < give_up_at, f"not within {WITHIN_S:g} s; last: {self.parts}"
            self._read()
        return found

    def read_all(self) -> None:
        """Read until the server ends the stream."""
        while self._read():
            pass

    def close(self) -> None:
        self.response.close()
        self._connection.close()

    def _read(self) -> bool:
        line = self.response.readline().decode()
        if line.startswith("event: "):
            name = line.removeprefix("event: ").strip()
            data = json.loads(self.response.readline().decode().removeprefix("data: "))
            self.parts[name] = data
            self.counts[name] = self.counts.get(name, 0) + 1
            if name == "log":
                self.logs.append(data)
        return bool(line)


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(root=tmp_path / ".expsdk")


@pytest.fixture
def create(store: FileStore) -> Callable[..., Experiment]:
    """Keeps an experiment with its trials; nobody drives it unless told otherwise."""

    def create(*documents: dict[str, Any], driven: bool = False, **given: Any) -> Experiment:
        experiment = make_experiment(**given)
        lock = store.create(experiment)
        if driven:
            held.append(lock)
        else:
            lock.close()
        for document in documents:
            store.write_result(document)
        return experiment

    held: list[Any] = []
    yield create
    for lock in held:
        lock.close()


@pytest.fixture
def dashboard(store: FileStore) -> Iterator[Dashboard]:
    with Dashboard(store, port=0, linger_s=0.3) as dashboard:
        yield dashboard


@pytest.fixture
def listen(dashboard: Dashboard) -> Iterator[Callable[..., Events]]:
    """Opens a stream of events, of this dashboard or of another one."""
    opened: list[Events] = []

    def listen(path: str, *, of: Dashboard = dashboard) -> Events:
        opened.append(Events(of.port, path))
        return opened[-1]

    yield listen
    for events in opened:
        events.close()


@pytest.fixture
def get(dashboard: Dashboard) -> Callable[..., http.client.HTTPResponse]:
    """Sends a request and returns the answer, read."""

    def get(path: str, method: str = "GET", **headers: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", dashboard.port, timeout=WITHIN_S)
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        response.body = response.read()  # type: ignore[attr-defined]
        connection.close()
        return response

    return get
