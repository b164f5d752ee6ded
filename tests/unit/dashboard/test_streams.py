"""Streams: what pages hear, and that experiments are followed as long as somebody listens."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from simulation.documents import MOMENT, make_experiment, make_result

from expsdk.backends.local.store import FileStore
from expsdk.dashboard import Dashboard
from expsdk.errors import Forbidden, Unreachable
from expsdk.resources.experiment import BestTrial, Experiment

AWAY = "an API server answers within seconds, and https://cluster.example does not"
Listen = Callable[..., Any]
EXPERIMENT = "/live/experiment?name=train-mlp"


class Away(FileStore):
    """Records in a place that goes away, as clusters do."""

    is_away = False

    def experiment(self, name: str) -> Experiment:
        if self.is_away:
            raise Unreachable(AWAY)
        return super().experiment(name)

    def experiments(self) -> list[Experiment]:
        if self.is_away:
            raise Unreachable(AWAY)
        return super().experiments()


def test_an_experiment_comes_part_by_part_and_then_what_has_changed(
    store: FileStore, create: Any, listen: Listen
) -> None:
    create(make_result(0, loss=0.5), make_result(1, "Running", loss=0.75), driven=True)
    events = listen(EXPERIMENT)
    assert events.response.headers["Content-Type"] == "text/event-stream"
    parts = events.until(lambda parts: "failures" in parts and parts["trials"]["total"] == 2 and parts)
    assert parts["overview"]["counts"] == {"Running": 1, "Succeeded": 1}
    assert (parts["overview"]["standing"], parts["overview"]["driven"]) == ("Running", True)
    assert [trial["name"] for trial in parts["overview"]["best"]] == ["train-mlp-0000"]
    assert parts["history"]["values"] == [0.5, 0.75]
    assert [curve["role"] for curve in parts["curves"]["curves"]] == ["running"]
    assert parts["failures"]["total"] == parts["waiting"]["total"] == 0
    failures = events.counts["failures"]

    store.write_result(make_result(1, loss=0.25))
    events.until(
        lambda parts: parts["overview"]["best"][0]["name"] == "train-mlp-0001" and parts["history"]["values"][1] == 0.25
    )
    assert events.counts["failures"] == failures


def test_a_trial_that_nobody_runs_any_more_is_lost_as_soon_as_that_is_known(
    store: FileStore, create: Any, listen: Listen
) -> None:
    lock = store.create(make_experiment())
    store.write_result(make_result(0, "Running", loss=0.5))
    events = listen(EXPERIMENT)
    events.until(lambda parts: "trials" in parts and [row["phase"] for row in parts["trials"]["rows"]] == ["Running"])
    lock.close()
    events.until(
        lambda parts: parts["overview"]["standing"] == "Interrupted" and parts["trials"]["rows"][0]["reason"] == "Lost"
    )
    assert events.parts["overview"]["words"] == (
        f"the process that drove it has ended; go on: expsdk resume train-mlp --root {store.root}"
    )


def test_an_experiment_is_shown_on_when_it_is_deleted_and_anew_when_it_is_there_again(
    store: FileStore, create: Any, listen: Listen
) -> None:
    create(make_result(0, loss=0.5), make_result(1, loss=0.25))
    events = listen(EXPERIMENT)
    events.until(lambda parts: "trials" in parts and parts["trials"]["total"] == 2)
    shutil.rmtree(store.directory("train-mlp"))
    events.until(lambda parts: parts["overview"]["gone"])
    assert events.parts["overview"]["standing"] == "Deleted"
    assert events.parts["overview"]["trouble"].startswith("no experiment 'train-mlp' is kept in ")
    assert events.parts["trials"]["total"] == 2

    again = make_experiment()
    provenance = again.spec.provenance.model_copy(update={"created": MOMENT + timedelta(days=1)})  # type: ignore[union-attr]
    again = again.model_copy(update={"spec": again.spec.model_copy(update={"provenance": provenance})})
    store.create(again).close()
    store.write_result(make_result(0, loss=0.125))
    events.until(lambda parts: not parts["overview"]["gone"] and parts["history"]["values"] == [0.125])
    assert events.parts["trials"]["total"] == 1


def test_an_experiment_that_begins_later_appears(store: FileStore, create: Any, listen: Listen) -> None:
    names = listen("/live/experiments")
    assert names.until(lambda parts: parts["list"]) == {"experiments": [], "trouble": ""}
    events = listen(EXPERIMENT)
    events.until(lambda parts: parts["overview"]["gone"])
    create(make_result(0, loss=0.5))
    names.until(lambda parts: [each["name"] for each in parts["list"]["experiments"]] == ["train-mlp"])
    events.until(lambda parts: parts["overview"]["known"] and parts["trials"]["total"] == 1)


def test_a_place_that_goes_away_is_told_and_taken_up_again(store: FileStore, create: Any, listen: Listen) -> None:
    create(make_result(0, loss=0.5))
    away = Away(root=store.root)
    with Dashboard(away, port=0) as dashboard:
        names, events = listen("/live/experiments", of=dashboard), listen(EXPERIMENT, of=dashboard)
        events.until(lambda parts: parts.get("trials", {}).get("total") == 1)
        names.until(lambda parts: parts["list"]["experiments"])
        away.is_away = True
        names.until(lambda parts: parts["list"]["trouble"] == AWAY)
        events.until(lambda parts: parts["overview"]["trouble"] == AWAY)
        assert len(names.parts["list"]["experiments"]) == events.parts["trials"]["total"] == 1
        store.write_result(make_result(1, loss=0.25))
        away.is_away = False
        names.until(lambda parts: not parts["list"]["trouble"])
        events.until(lambda parts: not parts["overview"]["trouble"] and parts["trials"]["total"] == 2)


def test_a_damaged_record_is_told_until_it_is_mended(store: FileStore, create: Any, listen: Listen) -> None:
    create(make_result(0, loss=0.5))
    path = store.directory("train-mlp") / "results" / "train-mlp-0001.json"
    path.write_text("{")
    events = listen(EXPERIMENT)
    events.until(
        lambda parts: parts["overview"]["trouble"].startswith("a record cannot be read (Expecting property name")
    )
    events.until(lambda parts: parts.get("trials", {}).get("total") == 1)
    path.unlink()
    store.write_result(make_result(1, loss=0.25))
    events.until(lambda parts: not parts["overview"]["trouble"] and parts["trials"]["total"] == 2)


def test_nothing_is_followed_when_nobody_looks(
    store: FileStore, create: Any, dashboard: Dashboard, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(make_result(0, loss=0.5))
    first, second = listen(EXPERIMENT), listen(EXPERIMENT)
    for events in (first, second):
        events.until(lambda parts: "trials" in parts)
    assert dashboard.followed() == {"train-mlp"}
    first.close()
    time.sleep(1.5)  # longer than what nobody looks at is followed on
    assert dashboard.followed() == {"train-mlp"}
    second.close()
    give_up_at = time.monotonic() + 20
    while dashboard.followed():
        assert time.monotonic() < give_up_at
        time.sleep(0.05)


def test_the_table_is_what_the_address_asks_for(store: FileStore, create: Any, listen: Listen) -> None:
    create(*(make_result(number, loss=float(number % 7)) for number in range(60)), make_result(60, "Failed"))
    events = listen(f"{EXPERIMENT}&sort=-metrics.loss&phase=Succeeded&page=2&q=train-mlp")
    rows = events.until(lambda parts: "trials" in parts and parts["trials"]["matching"] == 60 and parts["trials"])
    assert (rows["page"], rows["pages"], len(rows["rows"])) == (2, 2, 10)
    assert {row["metrics"]["loss"] for row in rows["rows"]} == {0.0, 1.0}


def test_the_list_tells_how_each_stands(store: FileStore, create: Any, listen: Listen) -> None:
    best = BestTrial(trial="done-0001", value=0.25)
    done = create(name="done", phase="Succeeded", message="2 succeeded")
    status = done.status.model_copy(update={"counts": {"Succeeded": 2}, "best": best})
    store.write_experiment(done.model_copy(update={"status": status}))
    create(name="running", driven=True)
    create(name="left")
    listing = listen("/live/experiments").until(lambda parts: len(parts["list"]["experiments"]) == 3 and parts["list"])
    told = {each["name"]: (each["standing"], each["driven"], each["counts"]) for each in listing["experiments"]}
    assert told == {
        "done": ("Succeeded", False, {"Succeeded": 2}),
        "running": ("Running", True, {}),
        "left": ("Interrupted", False, {}),
    }
    assert next(each["best"] for each in listing["experiments"] if each["name"] == "done") == {
        "trial": "done-0001",
        "value": 0.25,
    }


def test_whoever_may_not_see_who_drives_a_sweep_sees_the_sweep(
    store: FileStore, create: Any, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Put in by hand: a cluster refuses to show Leases to some, files refuse nobody."""

    def refuse(_name: str) -> bool:
        raise Forbidden("reading Leases needs a right that you have not")

    create(make_result(0, "Running", loss=0.5))
    monkeypatch.setattr(store, "is_driven", refuse)
    events = listen(EXPERIMENT)
    events.until(lambda parts: "overview" in parts and parts["overview"]["known"] and "trials" in parts)
    assert (events.parts["overview"]["standing"], events.parts["overview"]["trouble"]) == ("Running", "")
    listing = listen("/live/experiments").until(lambda parts: parts.get("list"))
    assert [each["standing"] for each in listing["experiments"]] == ["Running"]


def test_a_trial_comes_with_its_log_as_it_grows(store: FileStore, create: Any, listen: Listen) -> None:
    create(make_result(0, "Running", loss=0.5), driven=True)
    log = store.prepare_trial("train-mlp", 0) / "log.txt"
    log.write_text("one\n\x1b[31mtwo\x1b[0m <b>\n")
    events = listen("/live/trial?name=train-mlp&trial=train-mlp-0000")
    events.until(lambda parts: parts.get("log", {}).get("total") == 2 and parts["trial"]["known"])
    assert events.parts["trial"]["parameters"] == [["x", "0.0"]]
    with log.open("a") as file:
        file.write("10%\r20%\rthree\n")
    events.until(lambda parts: parts["log"]["total"] > 2 and "three" in parts["log"]["lines"])
    assert [line for part in events.logs for line in part["lines"]][:2] == ["one", "two <b>"]
    assert not events.parts["log"]["ended"]


def test_a_trial_that_is_not_there_is_told(store: FileStore, create: Any, listen: Listen) -> None:
    create(make_result(0, loss=0.5))
    events = listen("/live/trial?name=train-mlp&trial=train-mlp-0009")
    words = events.until(lambda parts: parts.get("trial", {}).get("words"))
    assert words.startswith("train-mlp has 1 trial, and none is named 'train-mlp-0009'; ")


def test_streams_end_with_the_dashboard(store: FileStore, create: Any, dashboard: Dashboard, listen: Listen) -> None:
    create(make_result(0, loss=0.5))
    events = listen(EXPERIMENT)
    events.until(lambda parts: "trials" in parts)
    dashboard.close()
    events.read_all()


def test_the_long_log_of_a_trial_is_cut_at_its_beginning(
    tmp_path: Path, store: FileStore, create: Any, listen: Listen
) -> None:
    create(make_result(0, loss=0.5))
    log = store.prepare_trial("train-mlp", 0) / "log.txt"
    log.write_text("".join(f"line {number}\n" for number in range(5000)))
    events = listen("/live/trial?name=train-mlp&trial=train-mlp-0000")
    events.until(lambda parts: parts.get("log", {}).get("ended"))
    lines = [line for part in events.logs for line in part["lines"]]
    assert lines[-1] == "line 4999"
    assert sum(part["skipped"] for part in events.logs) + len(lines) == 5000
