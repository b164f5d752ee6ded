"""The socket to a coordinator: lines out, stop signals in, and a coordinator that is slow, silent or gone."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from expsdk_runtime import sinks
from expsdk_runtime.sinks import SocketSink, read_last_status


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(20)
        yield ours, theirs


@pytest.fixture
def coordinator(ends: tuple[socket.socket, socket.socket]) -> socket.socket:
    return ends[0]


@pytest.fixture
def sink(ends: tuple[socket.socket, socket.socket]) -> SocketSink:
    return SocketSink(ends[1], interval_s=0.25)


def lines(connection: socket.socket, count: int) -> list[Any]:
    received = b""
    while received.count(b"\n") < count:
        received += connection.recv(65536)
    assert received.endswith(b"\n")
    return [json.loads(line) for line in received.splitlines()]


def test_a_status_is_a_line_of_ascii(sink: SocketSink, coordinator: socket.socket) -> None:
    sink.report({"message": "zwei\nZeilen, 漢字"})
    sink.report({"message": ""})
    assert coordinator.recv(4096, socket.MSG_PEEK).isascii()
    assert lines(coordinator, 2) == [{"message": "zwei\nZeilen, 漢字"}, {"message": ""}]


def test_until_something_comes_there_is_no_stop(sink: SocketSink) -> None:
    assert sink.stop() == ""
    assert sink.listen() is not None


def test_a_stop_is_heard_when_its_line_is_whole_and_remembered(sink: SocketSink, coordinator: socket.socket) -> None:
    coordinator.sendall(b'{"stop":"pru')
    assert sink.stop() == ""
    coordinator.sendall(b'ned"}\n')
    assert [sink.stop(), sink.stop()] == ["pruned", "pruned"]


def test_of_several_stops_the_last_counts(sink: SocketSink, coordinator: socket.socket) -> None:
    coordinator.sendall(b'{"stop":"pruned"}\n{"stop":"cancelled"}\n')
    assert sink.stop() == "cancelled"


def test_what_was_read_with_the_assignment_is_not_lost(ends: tuple[socket.socket, socket.socket]) -> None:
    sink = SocketSink(ends[1], interval_s=0.25, received=b'{"stop":"can')
    ends[0].sendall(b'celled"}\n')
    assert sink.stop() == "cancelled"


def test_a_coordinator_that_has_gone_is_listened_to_no_more(sink: SocketSink, coordinator: socket.socket) -> None:
    coordinator.sendall(b'{"stop":"cancelled"}\n')
    coordinator.close()
    assert sink.stop() == "cancelled"
    assert sink.listen() is None
    with pytest.raises(OSError, match="pipe"):
        sink.report({"phase": "Running"})


def test_a_coordinator_that_reads_nothing_costs_no_more_than_the_time_limit(
    sink: SocketSink, coordinator: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sinks, "SEND_TIMEOUT_S", 0.05)
    torn = {"phase": "Running", "message": "x" * 3_000_000}  # more than the socket's buffer takes
    with pytest.raises(TimeoutError, match="read nothing"):
        sink.report(torn)
    with pytest.raises(TimeoutError, match="read nothing"):
        sink.report({"phase": "Running", "message": "refused"})
    received: list[Any] = []
    reader = threading.Thread(target=lambda: received.extend(lines(coordinator, 2)))
    reader.start()
    sink.report({"phase": "Running", "message": "newest"})
    reader.join(20)
    # The line that was begun was ended first: whole documents arrive, none of them twice.
    assert received == [torn, {"phase": "Running", "message": "newest"}]


def test_a_last_status_that_cannot_be_sent_is_left_in_the_trials_directory(
    ends: tuple[socket.socket, socket.socket], tmp_path: Path
) -> None:
    sink = SocketSink(ends[1], interval_s=0.25, directory=str(tmp_path))
    ends[0].close()
    with pytest.raises(OSError, match="pipe"):
        sink.report({"phase": "Running", "attempt": 2})
    assert read_last_status(str(tmp_path), attempt=2) is None
    sink.report({"phase": "Succeeded", "attempt": 2})
    assert read_last_status(str(tmp_path), attempt=2) == {"phase": "Succeeded", "attempt": 2}
    assert read_last_status(str(tmp_path), attempt=3) is None


@pytest.mark.parametrize("torn", ["", '{"phase": "Succ'])
def test_half_a_last_status_is_none(torn: str, tmp_path: Path) -> None:
    (tmp_path / sinks.LAST_STATUS).write_text(torn)
    assert read_last_status(str(tmp_path), attempt=1) is None


def test_a_line_longer_than_the_sockets_buffer_arrives_whole(sink: SocketSink, coordinator: socket.socket) -> None:
    message = "x" * 3_000_000
    received: list[Any] = []
    reader = threading.Thread(target=lambda: received.extend(lines(coordinator, 1)))
    reader.start()
    sink.report({"message": message})
    reader.join(20)
    assert received == [{"message": message}]
