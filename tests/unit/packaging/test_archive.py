"""Archives whose bytes follow from their content alone."""

from __future__ import annotations

import io
import os
import zipfile

from hypothesis import given
from hypothesis import strategies as st

from expsdk.packaging.archive import build_archive

MIB = 1024 * 1024
MEMBERS = st.dictionaries(st.text("abc/._-é", min_size=1, max_size=12), st.binary(max_size=200), max_size=6)


@given(MEMBERS, st.randoms())
def test_the_order_of_members_does_not_show(members: dict[str, bytes], random: object) -> None:
    shuffled = list(members.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert build_archive(dict(shuffled), limit_bytes=MIB) == build_archive(members, limit_bytes=MIB)


@given(MEMBERS)
def test_content_comes_out_as_it_went_in(members: dict[str, bytes]) -> None:
    content = build_archive(members, limit_bytes=MIB)
    assert content is not None
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == members


def test_no_time_and_no_permission_of_this_machine_is_inside() -> None:
    content = build_archive({"a": b"1", "b": b"2"}, limit_bytes=MIB)
    assert content is not None
    entries = zipfile.ZipFile(io.BytesIO(content)).infolist()
    assert {(each.date_time, each.external_attr >> 16, each.create_system) for each in entries} == {
        ((1980, 1, 1, 0, 0, 0), 0o644, 3)
    }


def test_it_may_be_as_large_as_its_limit_and_no_larger() -> None:
    members = {"a": b"x" * 100}
    content = build_archive(members, limit_bytes=MIB)
    assert content is not None
    assert build_archive(members, limit_bytes=len(content)) == content
    assert build_archive(members, limit_bytes=len(content) - 1) is None


def test_content_that_compresses_may_be_larger_than_the_limit() -> None:
    content = build_archive({"zeros": bytes(8 * MIB)}, limit_bytes=MIB)
    assert content is not None
    assert zipfile.ZipFile(io.BytesIO(content)).read("zeros") == bytes(8 * MIB)


def test_content_that_does_not_compress_is_given_up() -> None:
    assert build_archive({"noise": os.urandom(4 * MIB), "zz": b""}, limit_bytes=MIB) is None
