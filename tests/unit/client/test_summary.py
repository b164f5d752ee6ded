"""How far an experiment is, from its Results."""

from __future__ import annotations

from typing import Any, cast

from expsdk.client.news import News
from expsdk.client.summary import Summary
from expsdk.cluster.api import Api
from expsdk.errors import Forbidden
from expsdk.resources.experiment import Experiment, ExperimentStatus


class Server:
    """Keeps what is patched; with `refuses`, nothing."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.patches: list[dict[str, Any]] = []
        self._refuses = refuses

    def patch(self, kind: Any, name: str, changes: dict[str, Any], *, subresource: str) -> None:
        assert (name, subresource) == ("fit", "status")
        if self._refuses:
            raise Forbidden("no")
        self.patches.append(changes["status"])


def summary(*directions: str, server: Server | None = None) -> Summary:
    objectives = [{"metric": f"m{place}", "direction": each} for place, each in enumerate(directions)]
    record = Experiment.model_validate({"metadata": {"name": "fit"}, "spec": {"objectives": objectives}})
    api = cast("Api", server or Server())
    return Summary(api, record, News(api))


def status(phase: str, **objectives: float | str) -> dict[str, Any]:
    return {"phase": phase, "objectives": objectives}


def test_trials_are_counted_and_the_best_is_the_first_of_the_best() -> None:
    found = summary("maximize")
    found.note("fit-0000", status("Pending"))
    found.note("fit-0000", status("Succeeded", m0=1))
    found.note("fit-0001", status("Succeeded", m0=3))
    found.note("fit-0002", status("Succeeded", m0=3))
    found.note("fit-0003", status("Succeeded", m0="NaN"))
    found.note("fit-0004", status("Pruned", m0=9))
    found.note("fit-0005", status("Running", m0=9))
    now = found.status()
    assert now["phase"] == "Running"
    assert {phase: count for phase, count in now["counts"].items() if count} == {
        "Succeeded": 4,
        "Pruned": 1,
        "Running": 1,
    }
    assert now["best"] == {"trial": "fit-0001", "value": 3.0, "summary": "m0=3"}
    assert now["progress"] == "5"
    found.forget("fit-0001")
    found.note("fit-0005", status("Failed"))
    assert (found.status()["phase"], found.status()["best"]["trial"]) == ("Succeeded", "fit-0002")
    ExperimentStatus.model_validate({**found.status(), "counts": {"Succeeded": 3}})


def test_infinity_is_a_value_and_several_objectives_have_no_best() -> None:
    single, several = summary("minimize"), summary("minimize", "maximize")
    for each in (single, several):
        each.note("fit-0000", status("Succeeded", m0="Infinity", m1=1))
    assert single.status()["best"] == {"trial": "fit-0000", "value": "Infinity", "summary": "m0=inf"}
    assert several.status()["best"] is None


def test_what_has_changed_is_published_now_and_then() -> None:
    server = Server()
    found = summary("minimize", server=server)
    found.publish(0.0)
    assert server.patches == []
    found.note("fit-0000", status("Running"))
    found.publish(10.0)
    found.note("fit-0000", status("Succeeded", m0=1))
    found.publish(11.0)
    assert [each["phase"] for each in server.patches] == ["Running"]
    found.publish(12.5)
    found.publish(20.0)
    found.publish(20.0, at_once=True)
    assert [each["phase"] for each in server.patches] == ["Running", "Succeeded"]
    assert [bool(each["completionTime"]) for each in server.patches] == [False, True]
    complete = [next(each for each in patch["conditions"] if each["type"] == "Complete") for patch in server.patches]
    assert [(each["status"], each["message"]) for each in complete] == [("False", ""), ("True", "1 succeeded")]


def test_it_is_no_matter_that_it_may_not_be_published() -> None:
    found = summary("minimize", server=Server(refuses=True))
    found.note("fit-0000", status("Running"))
    found.publish(1.0)
