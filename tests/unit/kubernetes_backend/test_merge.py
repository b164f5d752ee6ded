"""Merging a user's pod template: the laws, and what Kubernetes does with lists."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expsdk.backends.kubernetes.merge import merge
from expsdk.errors import OptionError

MARKS = {"containers": "name", "env": "name", "volumes": "name", "volumeMounts": "mountPath"}
PLAIN = (
    st.none() | st.booleans() | st.integers(0, 9) | st.text("ab", max_size=2) | st.lists(st.integers(0, 3), max_size=3)
)
NAMES = st.sampled_from(["x", "y", "z"])


def mappings(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    lists = [
        st.fixed_dictionaries(
            {},
            optional={
                field: st.lists(
                    st.builds(
                        lambda name, rest, mark=mark: {**rest, mark: name}, NAMES, st.dictionaries(NAMES, values)
                    ),
                    unique_by=lambda each, mark=mark: each[mark],
                    min_size=1,
                    max_size=3,
                )
            },
        )
        for field, mark in MARKS.items()
    ]
    plain = st.dictionaries(NAMES, values, max_size=3)
    return st.builds(lambda *parts: {key: part[key] for part in parts for key in part}, plain, *lists)


DOCUMENTS = mappings(st.recursive(PLAIN, mappings, max_leaves=4))


def without_none(value: Any) -> Any:
    """Return the value as a server stores it: without fields that are null."""
    if isinstance(value, dict):
        return {key: without_none(field) for key, field in value.items() if field is not None}
    if isinstance(value, list):
        return [without_none(each) for each in value]
    return value


@given(DOCUMENTS, DOCUMENTS)
def test_merging_twice_is_merging_once_and_changes_neither(base: dict[str, Any], overlay: dict[str, Any]) -> None:
    before = copy.deepcopy((base, overlay))
    merged = merge(base, overlay)
    assert (base, overlay) == before
    assert merge(merged, overlay) == merged


@given(DOCUMENTS)
def test_nothing_changes_nothing_and_onto_nothing_stays_what_it_is(document: dict[str, Any]) -> None:
    assert merge(document, {}) == document
    assert merge({}, document) == without_none(document)


@given(DOCUMENTS, DOCUMENTS)
def test_what_is_said_holds_and_the_rest_is_kept(base: dict[str, Any], overlay: dict[str, Any]) -> None:
    merged = merge(base, overlay)
    assert holds(merged, overlay)
    assert {key: merged[key] for key in base.keys() - overlay.keys()} == {
        key: base[key] for key in base.keys() - overlay.keys()
    }
    assert merged.keys() <= base.keys() | overlay.keys()


def holds(merged: Any, said: Any) -> bool:
    """Return whether everything that was said is so."""
    if not isinstance(said, dict):
        return bool(merged == said)
    return all(_holds_at(merged, key, value) for key, value in said.items())


def _holds_at(merged: dict[str, Any], key: str, value: Any) -> bool:
    if value is None:
        return key not in merged
    mark = MARKS.get(key)
    if mark and isinstance(value, list):
        found = {each[mark]: each for each in merged[key]}
        return all(holds(found[each[mark]], each) for each in value)
    return holds(merged[key], value)


POD = {
    "containers": [
        {
            "name": "trial",
            "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
            "volumeMounts": [{"name": "scratch", "mountPath": "/tmp"}],
        }
    ],
    "volumes": [{"name": "scratch", "emptyDir": {"sizeLimit": "1Gi"}}],
    "tolerations": [{"key": "a", "operator": "Exists"}],
}


def test_objects_are_told_apart_by_name_and_keep_their_order() -> None:
    env = [{"name": "C", "value": "3"}, {"name": "A", "value": "9"}]
    (container,) = merge(POD, {"containers": [{"name": "trial", "env": env}]})["containers"]
    assert [(each["name"], each["value"]) for each in container["env"]] == [("A", "9"), ("B", "2"), ("C", "3")]
    assert container["volumeMounts"] == POD["containers"][0]["volumeMounts"]  # type: ignore[index]


def test_a_new_object_comes_last() -> None:
    merged = merge(POD, {"containers": [{"name": "beside", "image": "busybox"}]})
    assert [each["name"] for each in merged["containers"]] == ["trial", "beside"]


def test_another_source_takes_the_place_of_the_one_before() -> None:
    claim = {"name": "scratch", "persistentVolumeClaim": {"claimName": "big"}}
    assert merge(POD, {"volumes": [claim]})["volumes"] == [claim]
    secret = {"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
    (container,) = merge(POD, {"containers": [{"name": "trial", "env": [secret]}]})["containers"]
    assert container["env"][0] == secret


def test_the_same_source_is_merged() -> None:
    merged = merge(POD, {"volumes": [{"name": "scratch", "emptyDir": {"medium": "Memory"}}]})
    assert merged["volumes"][0]["emptyDir"] == {"sizeLimit": "1Gi", "medium": "Memory"}


def test_an_object_goes_by_a_directive_and_a_field_by_none() -> None:
    overlay = {"containers": [{"name": "trial", "env": [{"name": "A", "$patch": "delete"}], "volumeMounts": None}]}
    (container,) = merge(POD, overlay)["containers"]
    assert container == {"name": "trial", "env": [{"name": "B", "value": "2"}]}


def test_other_lists_are_replaced() -> None:
    assert merge(POD, {"tolerations": []})["tolerations"] == []


def test_an_object_without_its_name_is_refused() -> None:
    with pytest.raises(OptionError, match=r"each of volumeMounts is told apart by its mountPath, and \{'name': 'a'\}"):
        merge(POD, {"containers": [{"name": "trial", "volumeMounts": [{"name": "a"}]}]})
