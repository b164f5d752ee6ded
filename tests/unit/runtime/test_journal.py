"""The full series in a file: complete, replayed by the next attempt, and never a reason for a trial to fail."""

from __future__ import annotations

import io
import json
import math
import os
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expsdk_runtime.journal import Journal
from expsdk_runtime.tracking import Automatic

POINT = ({"loss": 0.5}, 3, 1_700_000_000.25)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "metrics.jsonl"


def replayed(path: Path) -> list[tuple[dict[str, float], int]]:
    return list(Journal(str(path)).replay())


def test_every_value_is_a_line_of_strict_json(path: Path) -> None:
    Journal(str(path)).write([({"loss": 0.1 + 0.2, "accuracy": math.nan}, 3, 1_700_000_000.123456)])
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        {"metric": "loss", "value": 0.30000000000000004, "epoch": 3, "time": 1_700_000_000.123456},
        {"metric": "accuracy", "value": "NaN", "epoch": 3, "time": 1_700_000_000.123456},
    ]


@given(
    st.lists(
        st.tuples(
            st.dictionaries(
                st.text(st.characters(codec="utf-8"), min_size=1, max_size=9), st.floats(), min_size=1, max_size=3
            ),
            st.integers(0, 2**53),
            st.floats(0, 4e9),
        ),
        max_size=5,
    )
)
def test_what_was_written_is_replayed(
    tmp_path_factory: pytest.TempPathFactory, points: list[tuple[dict[str, float], int, float]]
) -> None:
    path = tmp_path_factory.mktemp("journal") / "metrics.jsonl"
    journal = Journal(str(path))
    for point in points:
        journal.write([point])
    expected = [({name: value}, epoch) for values, epoch, _ in points for name, value in values.items()]
    assert repr(replayed(path)) == repr(expected)


def test_where_nothing_was_written_nothing_is_replayed(path: Path) -> None:
    assert replayed(path) == []
    path.mkdir()
    assert replayed(path) == []
    assert list(Journal(None).replay()) == []


@pytest.mark.parametrize("torn", ['{"metric": "lo', '{"metric": "loss", "value": 0.5, "epoch": 3', "\0\0\0", "{", '"'])
def test_half_a_line_of_a_killed_attempt_is_passed_over_and_swallows_no_other(path: Path, torn: str) -> None:
    Journal(str(path)).write([POINT])
    with path.open("a") as file:
        file.write(torn)
    Journal(str(path)).write([({"loss": 0.25}, 4, 0.0)])
    assert replayed(path) == [({"loss": 0.5}, 3), ({"loss": 0.25}, 4)]


@pytest.mark.parametrize(
    "line",
    [
        b'{"loss": 0.5, "step": 1}',
        b"[1, 2]",
        b"3",
        b"null",
        b'{"metric": "loss", "value": "low", "epoch": 1}',
        b'{"metric": "loss", "value": null, "epoch": 1}',
        b'{"metric": "loss", "value": 1' + b"0" * 400 + b', "epoch": 1}',
        b'{"metric": "loss", "value": 0.5, "epoch": "first"}',
        b'{"metric": "loss", "value": 0.5, "epoch": -1}',
        b'{"metric": "", "value": 0.5, "epoch": 1}',
        b'{"metric": "l\\ud800", "value": 0.5, "epoch": 1}',
        b"\xff\xfe not utf-8",
        b"",
    ],
)
def test_lines_of_the_users_own_are_passed_over(path: Path, line: bytes) -> None:
    path.write_bytes(line + b"\n")
    Journal(str(path)).write([POINT])
    assert replayed(path) == [({"loss": 0.5}, 3)]


def test_the_directory_is_made_and_made_again(tmp_path: Path) -> None:
    path = tmp_path / "not" / "there" / "metrics.jsonl"
    journal = Journal(str(path))
    journal.write([POINT])
    path.unlink()
    path.parent.rmdir()
    journal.write([POINT])
    assert replayed(path) == [({"loss": 0.5}, 3)]


def test_what_cannot_be_written_is_said_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("in the way")
    journal = Journal(str(tmp_path / "file" / "metrics.jsonl"))
    for _ in range(3):
        journal.write([POINT])
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert said[0].startswith(f"expsdk: metrics are no longer written to {tmp_path}/file/metrics.jsonl: ")


def test_after_a_full_disk_writing_goes_on(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal = Journal(str(path))
    journal.write([POINT])
    path.rename(path.with_suffix(".old"))
    path.symlink_to("/dev/full")
    journal.write([({"loss": 9.0}, 9, 0.0)])
    path.unlink()
    path.with_suffix(".old").rename(path)
    with path.open("a") as file:
        file.write('{"metric": "lo')
    journal.write([({"loss": 0.25}, 4, 0.0)])
    assert replayed(path) == [({"loss": 0.5}, 3), ({"loss": 0.25}, 4)]
    assert "No space left on device" in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_journal_that_may_not_be_read_is_no_reason_to_fail(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Journal(str(path)).write([POINT])
    path.chmod(0)
    assert replayed(path) == []
    assert "are not read from" in capsys.readouterr().err


def test_without_a_path_points_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    Journal(None).write([POINT])
    assert json.loads(capsys.readouterr().out) == {"metric": "loss", "value": 0.5, "epoch": 3, "time": POINT[2]}


@pytest.mark.parametrize("stream", ["closed", "none", "full"])
def test_standard_output_that_takes_nothing_is_no_reason_to_fail(
    stream: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    closed = io.StringIO()
    closed.close()
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stdout", {"closed": closed, "none": None, "full": full}[stream])
        Journal(None).write([POINT])
        monkeypatch.undo()
        with suppress(OSError):  # what it has buffered still does not fit
            full.close()
    assert capsys.readouterr().err.startswith("expsdk: metrics are no longer written to standard output: ")


def test_what_was_logged_automatically_is_marked_and_replayed_as_such(path: Path) -> None:
    Journal(str(path)).write([(Automatic(loss=0.5), 3, 1.0), ({"loss": 0.25}, 4, 2.0)])
    assert [json.loads(line).get("automatic", False) for line in path.read_text().splitlines()] == [True, False]
    assert [(type(values), values["loss"]) for values, _ in replayed(path)] == [(Automatic, 0.5), (dict, 0.25)]
