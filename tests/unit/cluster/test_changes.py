"""Merge patches: what the server makes of them is what was wanted."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from expsdk.cluster.changes import changes_between

SCALARS = st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=2)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
)
DOCUMENTS = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)


def merged(document: Any, patch: Any) -> Any:
    """Apply a merge patch as RFC 7386 defines it."""
    if not isinstance(patch, dict):
        return patch
    result = dict(document) if isinstance(document, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


@given(DOCUMENTS, DOCUMENTS)
def test_the_patch_makes_one_the_other(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert merged(before, changes_between(before, after)) == after


@given(DOCUMENTS)
def test_nothing_changes_where_both_are_the_same(document: dict[str, Any]) -> None:
    assert changes_between(document, document) == {}


def test_true_is_not_1_and_1_is_as_good_as_the_servers_1_0() -> None:
    assert changes_between({"a": 1, "b": 1}, {"a": True, "b": 1.0}) == {"a": True}
