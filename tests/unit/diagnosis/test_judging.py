"""What is made of what is found, without a machine or a cluster."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from expsdk.diagnosis.definitions import lacking_fields
from expsdk.diagnosis.finding import Finding, State, TooLate, found, within
from expsdk.diagnosis.machine import EXTRAS
from expsdk.diagnosis.nodes import judge_image, judge_nodes
from expsdk.diagnosis.storage import FULL_BYTES, SCARCE_BYTES, judge_disk, judge_forking

PYPROJECT = Path(__file__).parents[3] / "pyproject.toml"


def node(*, ready: str = "True", taint: str = "", effect: str = "NoSchedule", cordoned: bool = False) -> dict[str, Any]:
    taints = [{"key": taint, "effect": effect}] if taint else []
    conditions = [{"type": "Ready", "status": ready}]
    return {"spec": {"unschedulable": cordoned, "taints": taints}, "status": {"conditions": conditions}}


@pytest.mark.parametrize(
    ("nodes", "state", "words"),
    [
        ([], State.WARN, "there are none just now"),
        ([node()], State.OK, "1 of 1 node takes pods"),
        ([node(), node(taint="gpu")], State.OK, "1 of 2 nodes takes pods (1 tainted gpu)"),
        ([node(taint="busy", effect="PreferNoSchedule")], State.OK, "1 of 1 node takes pods"),
        ([node(taint="gpu"), node(cordoned=True)], State.WARN, "none of 2 nodes takes pods: 1 tainted gpu, 1 cordoned"),
        ([node(ready="Unknown"), node(ready="False")], State.FAIL, "none of 2 nodes takes pods: 2 not ready"),
    ],
)
def test_nodes(nodes: list[dict[str, Any]], state: State, words: str) -> None:
    finding = judge_nodes(nodes)
    assert (finding.state, finding.message) == (state, words)


def test_disk() -> None:
    assert judge_disk(SCARCE_BYTES, 2**40).state is State.OK
    assert judge_disk(SCARCE_BYTES - 1, 2**40).state is State.WARN
    assert judge_disk(FULL_BYTES - 1, 2**40).state is State.FAIL
    assert "inodes are used up" in judge_disk(2**40, 2**40, free_files=0).message


def test_image() -> None:
    assert judge_image("3.12", release="final", implementation="cpython").state is State.OK
    finding = judge_image("3.15", release="candidate", implementation="cpython")
    assert (finding.state, "python:3.15-slim" in finding.message) == (State.WARN, True)
    assert judge_image("3.11", release="final", implementation="pypy").state is State.WARN


def test_why_trials_are_not_forked_is_told() -> None:
    assert judge_forking("forking is not safe on darwin").message.endswith(": forking is not safe on darwin")


def test_fields_that_would_be_dropped() -> None:
    inner = {"type": "object", "properties": {"a": {}, "b": {}}}
    ours = {"properties": {"spec": inner, "list": {"items": inner}, "map": {"additionalProperties": inner}, "new": {}}}
    less = {"type": "object", "properties": {"a": {}}}
    theirs = {"properties": {"spec": less, "list": {"items": less}, "map": {"additionalProperties": less}}}
    assert list(lacking_fields(ours, theirs)) == ["spec.b", "list.b", "map.b", "new"]
    assert list(lacking_fields(ours, ours)) == []
    assert list(lacking_fields(ours, {"x-kubernetes-preserve-unknown-fields": True})) == []


def test_extras_are_those_of_the_project() -> None:
    extras = tomllib.loads(PYPROJECT.read_text())["project"]["optional-dependencies"]
    (everything,) = extras["all"]
    assert everything == f"expsdk[{','.join(EXTRAS)}]"
    for extra, distributions in EXTRAS.items():
        assert tuple(each.partition(">")[0] for each in extras[extra]) == distributions


def test_what_takes_too_long_is_left_alone() -> None:
    never = threading.Event()
    with pytest.raises(TooLate, match=r"had not ended after 0\.01 s"):
        within(0.01, never.wait)
    never.set()
    with pytest.raises(ZeroDivisionError):
        within(10, lambda: 1 // 0)


def test_an_error_is_a_finding() -> None:
    def look() -> Finding:
        raise OSError("it is broken; mend it")

    assert found("disk", look) == Finding("disk", State.FAIL, "it is broken", "mend it")
