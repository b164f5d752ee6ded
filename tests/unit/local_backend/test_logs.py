"""The files that trials print to: no line is lost and none comes twice, however a file grows."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from expsdk.backends.local.logs import LOG, LogReader, former_log, is_written, open_log, set_log_aside


def read(directory: Path, attempt: int) -> bytes | None:
    file = open_log(directory, attempt)
    if file is None:
        return None
    with file:
        return file.read()


@given(st.lists(st.text(alphabet="aü\n\r€😀", max_size=5).map(str.encode), max_size=8), st.integers(1, 3))
def test_however_a_log_grows_its_lines_are_the_same(tmp_path_factory, parts: list[bytes], size: int) -> None:  # type: ignore[no-untyped-def]
    content = b"".join(parts)
    path = tmp_path_factory.mktemp("log") / LOG
    with path.open("ab", buffering=0) as writer, path.open("rb") as file:
        reader = LogReader(file)
        found = []
        for start in range(0, len(content), size):  # characters are torn apart, and so is "\r\n"
            writer.write(content[start : start + size])
            found += list(reader.lines())
        found += list(reader.last())
    with path.open(encoding="utf-8") as whole:
        assert found == list(whole)
    assert list(reader.last()) == []


def test_what_is_no_text_is_shown_as_that(tmp_path: Path) -> None:
    (tmp_path / LOG).write_bytes(b"\xff\xfe torn \xe2\x82")
    with (tmp_path / LOG).open("rb") as file:
        reader = LogReader(file)
        assert [*reader.lines(), *reader.last()] == ["�� torn �"]


def test_each_attempt_has_a_log_of_its_own(tmp_path: Path) -> None:
    assert read(tmp_path, 1) is None
    set_log_aside(tmp_path, 1)
    (tmp_path / LOG).write_text("one")
    assert read(tmp_path, 1) == b"one"
    set_log_aside(tmp_path, 1)
    assert (read(tmp_path, 1), read(tmp_path, 2)) == (b"one", None)
    (tmp_path / LOG).write_text("two")
    set_log_aside(tmp_path, 1)  # the second attempt is launched once more, since its coordinator has been killed
    assert (read(tmp_path, 1), read(tmp_path, 2)) == (b"one", b"two")
    assert former_log(tmp_path, 1).read_text() == "one"


def test_a_log_is_written_as_long_as_anything_that_was_started_has_it_open(tmp_path: Path) -> None:
    writer = os.open(tmp_path / LOG, os.O_WRONLY | os.O_CREAT)
    with (tmp_path / LOG).open("rb") as reader:
        assert not is_written(reader)
        fcntl.flock(writer, fcntl.LOCK_SH)
        assert is_written(reader)
        inherited = os.dup(writer)
        os.close(writer)
        assert is_written(reader)
        os.close(inherited)
        assert not is_written(reader)
