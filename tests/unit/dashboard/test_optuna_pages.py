"""Optuna's dashboard beside ours: the right numbers, kept as they change, and the way there and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from simulation.documents import make_result

from expsdk.backends.local.store import FileStore
from expsdk.dashboard import Dashboard, optuna_pages

pytest.importorskip("optuna_dashboard")
Get = Callable[..., Any]


def study(get: Get, index: int = 0) -> dict[str, Any]:
    answer = get(f"/api/studies/{index}")
    assert answer.status == 200, answer.body
    told: dict[str, Any] = json.loads(answer.body)
    return told


def test_the_way_there_and_back(get: Get, create: Any) -> None:
    create(make_result(0, loss=0.5))
    there = get("/optuna/train-mlp")
    assert (there.status, there.headers["Location"]) == (302, "/dashboard/studies/0")
    page = get(there.headers["Location"])
    assert page.status == 200
    assert b'<a id="expsdk-back" href="/">' in page.body
    back = get("/dashboard/back/0")
    assert (back.status, back.headers["Location"]) == (302, "/#/train-mlp")
    assert get("/optuna/train-mpl").status == get("/dashboard/back/7").status == get("/dashboard/back/x").status == 404


def test_a_study_has_the_experiments_numbers_and_follows_them(get: Get, store: FileStore, create: Any) -> None:
    documents = [
        make_result(0, loss=0.5),
        make_result(1, "Failed", reason="UserError"),
        make_result(3, "Running", loss=1.0),
    ]
    create(*documents, driven=True)
    get("/optuna/train-mlp")
    told = study(get)
    assert [(trial["number"], trial["state"], trial.get("values")) for trial in told["trials"]][:2] == [
        (0, "Complete", [0.5]),
        (1, "Fail", None),
    ]
    assert [trial["number"] for trial in told["trials"]] == [0, 1, 3]
    assert told["trials"][0]["params"][0]["name"] == "x"

    store.write_result(make_result(3, loss=0.25))
    pages = 0
    while [trial["state"] for trial in told["trials"]] != ["Complete", "Fail", "Complete"]:  # Optuna's looks every 2 s
        told = study(get)
        pages += 1
        assert pages < 100_000
    assert told["trials"][2]["values"] == [0.25]
    assert told["best_trials"][0]["number"] == 3


def test_all_experiments_are_studies(get: Get, create: Any) -> None:
    create(name="first")
    create(name="second", objectives={"loss": "minimize", "accuracy": "maximize"})
    told = json.loads(get("/api/studies").body)["study_summaries"]
    assert {each["study_name"]: each["directions"] for each in told} == {
        "first": ["minimize"],
        "second": ["minimize", "maximize"],
    }


def test_a_study_that_is_not_there_is_told(get: Get) -> None:
    assert get("/api/studies/7").status == 404


def test_without_it_our_page_works_and_says_how_to_get_it(
    store: FileStore, create: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(make_result(0, loss=0.5))
    monkeypatch.setattr(optuna_pages, "is_installed", lambda: False)  # uninstalling it would take it from other tests
    with Dashboard(store, port=0) as dashboard:
        import http.client

        connection = http.client.HTTPConnection("127.0.0.1", dashboard.port, timeout=20)
        connection.request("GET", "/dashboard")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (
            404,
            b"Optuna's dashboard is not installed; install it: pip install 'expsdk[dashboard]'",
        )
        connection.request("GET", "/")
        assert connection.getresponse().status == 200
        connection.close()
