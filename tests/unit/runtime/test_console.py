"""Words for people arrive, or not; they never raise."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest

from expsdk_runtime.console import say


class Hostile:
    """A stream of the user's own."""

    def write(self, text: str) -> int:
        raise KeyError(text)


def closed() -> io.StringIO:
    stream = io.StringIO()
    stream.close()
    return stream


def test_a_message_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    say("expsdk: so it is")
    assert capsys.readouterr() == ("", "expsdk: so it is\n")


@pytest.mark.parametrize("stream", [closed(), Hostile(), None, io.TextIOWrapper(io.BytesIO(), encoding="ascii")])
def test_where_standard_error_takes_nothing_the_processs_own_does(stream: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    own = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(sys, "__stderr__", own)
    say("expsdk: so sei es…")
    assert own.getvalue() == "expsdk: so sei es…\n"


@pytest.mark.parametrize("own", [closed(), None])
def test_where_nothing_takes_a_message_it_is_lost(own: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", closed())
    monkeypatch.setattr(sys, "__stderr__", own)
    say("expsdk: nobody hears")
    assert sys.stderr.closed
