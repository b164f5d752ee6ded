"""Watching a sweep from outside, through all that happens to the connection."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from expsdk.backends.kubernetes.following import follow
from expsdk.errors import ExperimentNotFound, Forbidden

if TYPE_CHECKING:
    from conftest import ApiServer

    from expsdk.cluster.api import Api

Document = dict[str, Any]


def result(number: int, version: int, **status: Any) -> Document:
    name = f"train-{number:04}"
    spec = {"experiment": "train", "number": number, "parameters": {"lr": 1}, "seed": 1}
    annotations = {"expsdk.dev/parameters": '{"lr": 1.0}'}
    metadata = {"name": name, "resourceVersion": str(version), "annotations": annotations}
    return {"metadata": metadata, "spec": spec, "status": status}


def listed(*items: Document) -> dict[str, Any]:
    return {"body": {"items": list(items), "metadata": {"resourceVersion": "9"}}}


def event(kind: str, document: Document) -> bytes:
    return json.dumps({"type": kind, "object": document}).encode() + b"\n"


def heard(told: Any, count: int) -> list[tuple[str, str]]:
    found = []
    while len(found) < count:
        document = next(told)
        if document is not None:
            assert isinstance(document["spec"]["parameters"]["lr"], float)
            found.append((document["metadata"]["name"], document["status"]["phase"]))
    return found


def test_what_changes_is_told_once_although_the_server_goes_away(api: Api, server: ApiServer) -> None:
    begun, ended = result(0, 1, phase="Running"), result(0, 3, phase="Succeeded")
    server.plays(
        listed(begun),
        {"pieces": [event("ADDED", result(1, 2, phase="Running"))], "hangs_up": "after"},
        {"hangs_up": "instead"},
        {"status": 410, "body": {"message": "too old"}},
        listed(ended, result(1, 2, phase="Running")),
        {"pieces": [30.0]},
    )
    with closing(follow(api, "train", "8a1f")) as told:
        assert heard(told, 3) == [("train-0000", "Running"), ("train-0001", "Running"), ("train-0000", "Succeeded")]
        assert next(told) is None


def test_an_experiment_that_is_deleted(api: Api, server: ApiServer) -> None:
    server.plays(
        listed(result(0, 1, phase="Running")),
        {"pieces": [event("DELETED", result(0, 2)), 30.0]},
        {"status": 404, "body": {"message": "gone", "details": {"name": "train"}}},
    )
    with closing(follow(api, "train", "8a1f")) as told:
        assert heard(told, 1) == [("train-0000", "Running")]
        with pytest.raises(ExperimentNotFound, match="'train' was deleted while it was watched"):
            heard(told, 1)


def test_who_may_not_read_hears_so(api: Api, server: ApiServer) -> None:
    server.refuses(403, 'User "anna" cannot list resource "results"')
    with closing(follow(api, "train", "8a1f")) as told, pytest.raises(Forbidden, match="anna may not list results"):
        next(told)
