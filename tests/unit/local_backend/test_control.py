"""The pipe through which another process asks a driver to stop: who listens hears it, and nobody else is harmed."""

from __future__ import annotations

import os
import select
import stat
import threading
from pathlib import Path

import pytest

from expsdk.backends.base import StopRequest
from expsdk.backends.local.control import CONTROL, Control, send


def test_what_is_asked_wakes_the_driver_and_is_heard_once(tmp_path: Path) -> None:
    control = Control(tmp_path / CONTROL)
    assert select.select([control], [], [], 0)[0] == []
    assert send(tmp_path / CONTROL, StopRequest())
    assert send(tmp_path / CONTROL, StopRequest(7))
    assert select.select([control], [], [], 1)[0] == [control]
    assert control.requests() == [StopRequest(), StopRequest(7)]
    assert control.requests() == []
    assert select.select([control], [], [], 0)[0] == []
    control.close()
    assert list(tmp_path.iterdir()) == []


def test_nobody_but_the_user_may_open_it(tmp_path: Path) -> None:
    control = Control(tmp_path / CONTROL)
    assert stat.filemode((tmp_path / CONTROL).stat().st_mode) == "prw-------"
    control.close()


def test_where_nobody_listens_that_is_told_at_once(tmp_path: Path) -> None:
    assert not send(tmp_path / CONTROL, StopRequest())
    os.mkfifo(tmp_path / CONTROL)  # as a killed driver leaves it
    assert not send(tmp_path / CONTROL, StopRequest())


def test_a_driver_replaces_what_an_earlier_one_has_left(tmp_path: Path) -> None:
    (tmp_path / CONTROL).write_text("no pipe")
    control = Control(tmp_path / CONTROL)
    assert send(tmp_path / CONTROL, StopRequest(3))
    assert control.requests() == [StopRequest(3)]
    control.close()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    control = Control(tmp_path / "elsewhere")
    (tmp_path / CONTROL).symlink_to("elsewhere")
    assert not send(tmp_path / CONTROL, StopRequest())
    control.close()


@pytest.mark.parametrize("line", [b"stop", b"[]", b"{}", b'{"stop": true}', b'{"stop": "all"}', b"\xff", b"7", b""])
def test_what_is_no_request_is_passed_over(tmp_path: Path, line: bytes) -> None:
    control = Control(tmp_path / CONTROL)
    descriptor = os.open(tmp_path / CONTROL, os.O_WRONLY | os.O_NONBLOCK)
    os.write(descriptor, line + b'\n{"stop": 4}\n{"stop"')
    assert control.requests() == [StopRequest(4)]
    os.write(descriptor, b": null}\n")
    assert control.requests() == [StopRequest()]
    os.close(descriptor)
    control.close()


def test_many_may_ask_at_once(tmp_path: Path) -> None:
    control = Control(tmp_path / CONTROL)
    asking = [
        threading.Thread(
            target=lambda first=first: [send(tmp_path / CONTROL, StopRequest(first + n)) for n in range(50)]
        )
        for first in range(0, 400, 50)
    ]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    heard = sorted(request.number or 0 for request in control.requests())
    assert heard == list(range(400))
    control.close()


def test_one_who_is_stuck_does_not_hold_up_who_asks(tmp_path: Path) -> None:
    control = Control(tmp_path / CONTROL)
    asked = 0
    while send(tmp_path / CONTROL, StopRequest(asked)):
        asked += 1
    assert [request.number for request in control.requests()] == list(range(asked))
    control.close()
