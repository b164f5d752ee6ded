"""An experiment that is kept is taken up again by another coordinator, with what its trials have come to."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from expsdk import experiment, integer, log_metric
from expsdk.errors import BackendError, ExperimentNotFound, SweepError
from expsdk.resources.result import new_result
from expsdk.sweep.plan import draw_name
from expsdk.sweep.record import with_beginning
from expsdk_runtime.contract import Phase


@pytest.fixture
def name() -> str:
    """A name of the test's own: a cluster's namespace is shared."""
    return draw_name("taken-up")


def sweep(place: Any, train: Any, *, name: str, resume: Any = True, **settings: Any) -> Any:
    """Run or go on with a sweep."""
    made = train.sweep(**{"sampler": "random", "seed": 7, "name": name, **settings})
    found = made.run(backend=place.name, resume=resume, progress=False, **place.options, **place.run_options)
    place.check_records(name)
    return found


def make_count(high: int) -> Any:
    """Return an experiment with more samples than a test takes."""

    @experiment(space={"number": integer(1, high)}, objective="loss")
    def count(number: int) -> float:
        return float(number)

    return count


@pytest.fixture
def count() -> Any:
    """An experiment with a thousand samples."""
    return make_count(1000)


def test_a_sweep_that_is_not_there_begins_and_one_that_is_goes_on(place: Any, count: Any, name: str) -> None:
    sweep(place, count, name=name, trials=2)
    first = place.documents(name)
    again = sweep(place, count, name=name, trials=4)
    assert again.counts == {"Succeeded": 4}
    assert again.experiment.status.phase == "Succeeded"
    assert place.documents(name)[:2] == first, "they are not run again"
    assert sweep(place, count, name=name, trials=4).to_json() == again.to_json()
    assert [trial.parameters for trial in again] == [
        trial.parameters for trial in sweep(place, count, trials=4, name=draw_name("at-once"))
    ]


def test_it_goes_on_in_a_larger_space_only_where_it_is_told_to(place: Any, count: Any, name: str) -> None:
    before = sweep(place, count, name=name, trials=2)

    larger = make_count(5000)
    with pytest.raises(SweepError, match=r"parameter number was .*high=1000.*, and is now .*high=5000"):
        sweep(place, larger, name=name, trials=3)
    assert place.results(name).to_json() == before.to_json()
    if place.name == "debug":
        return  # its function comes with its space
    extended = sweep(place, larger, name=name, trials=8, resume="extend")
    assert extended.counts == {"Succeeded": 8}
    assert max(trial.parameters["number"] for trial in extended) > 1000


@pytest.mark.parametrize("resume", [1, "yes", None])
def test_resume_is_one_of_three(place: Any, count: Any, resume: Any) -> None:
    with pytest.raises(SweepError, match="resume is True, to go on with an experiment of this name, or 'extend'"):
        sweep(place, count, name="refused", trials=2, resume=resume)


def test_every_trial_is_told_as_it_stands(place: Any, coordinate: Any) -> None:
    @experiment(space={"number": [1, 2, 3]}, objective="loss")
    def train(number: int) -> None:
        from expsdk import checkpoint_dir

        state = checkpoint_dir() / "epoch"
        first = int(state.read_text()) if state.exists() else 0
        for epoch in range(first, 3):
            log_metric("loss", 10.0 * number + epoch, epoch=epoch)
            state.write_text(str(epoch + 1))
            while number == 2 and first == 0 and epoch == 1:
                log_metric("waits", 1.0, epoch=epoch)
                time.sleep(0.01)

    driven = coordinate(train)
    driven.launch(0, number=1)
    ended = driven.end_of(0)
    if place.runs_at_once:
        driven.launch(1, number=2)
        driven.wait_for(lambda update: update.number == 1 and "waits" in update.document["status"]["metrics"])
    driven.backend.close()

    again = driven.backend = place.backend()
    found = again.resume(with_beginning(driven.record), train.pack())
    try:
        assert [update.number for update in found] == ([0, 1] if place.runs_at_once else [0])
        assert found[0].document["status"] == ended
        assert not found[0].alive
        if place.runs_at_once:
            assert found[1].alive == place.records.trials_outlive
            assert found[1].document["status"]["phase"] == Phase.RUNNING
        if place.runs_at_once and not place.records.trials_outlive:
            driven.launch(1, attempt=2, number=2)
            status = driven.end_of(1)
            assert (status["phase"], status["attempt"]) == ("Succeeded", 2)
            assert status["history"]["loss"] == {"points": [[0, 1, 2], [20.0, 21.0, 22.0]], "stride": 1}
        driven.launch(2, number=3)
        assert driven.end_of(2)["phase"] == "Succeeded"
    finally:
        again.close()


def test_one_that_is_driven_is_not_taken_up(place: Any, coordinate: Any, train: Any) -> None:
    driven = coordinate(train)
    driven.launch(0, number=1)
    another = place.backend()
    with pytest.raises(BackendError, match="drives"):
        another.resume(driven.record, train.pack())
    another.close()
    assert driven.end_of(0)["phase"] == "Succeeded"


def test_one_that_is_not_there_is_not_taken_up(place: Any, coordinate: Any, train: Any) -> None:
    driven = coordinate(train)
    driven.backend.close()
    place.records.delete(driven.record.metadata.name)
    backend = place.backend()
    with pytest.raises(ExperimentNotFound):
        backend.resume(driven.record, train.pack())
    backend.close()


def test_a_result_is_recorded_without_a_job(place: Any, coordinate: Any, train: Any) -> None:
    driven = coordinate(train)
    name = driven.record.metadata.name
    driven.launch(0, number=1)
    status = driven.end_of(0)
    known = {**status, "reusedFrom": f"{name}-0000"}
    driven.backend.record(new_result(name, number=1, parameters={"number": 1}, seed=1), known)
    assert driven.end_of(1) == known
    assert driven.backend.wait(0.0) == []
    assert place.documents(name)[1]["status"] == known
    assert place.results(name)[1].reused_from == f"{name}-0000"
    place.check_records(name)


def test_what_is_found_out_later_is_noted(place: Any, coordinate: Any, train: Any) -> None:
    driven = coordinate(train)
    name = driven.record.metadata.name
    driven.launch(0, number=1)
    driven.launch(1, number=2)
    for number in (0, 1):
        if not any(update.number == number and not update.alive for update in driven.updates):
            driven.end_of(number)
    before = place.documents(name)
    driven.backend.note(0, {"constraints": [0.5, "Infinity"]})
    deadline = time.monotonic() + 30
    while not place.documents(name)[0]["spec"]["constraints"] and time.monotonic() < deadline:  # it is written soon
        time.sleep(0.1)
    after = place.documents(name)
    assert after[0]["spec"] == {**before[0]["spec"], "constraints": [0.5, "Infinity"]}
    assert (after[0]["status"], after[1]) == (before[0]["status"], before[1])
    assert place.results(name)[0].constraints == (0.5, float("inf"))
    place.check_records(name)


def test_the_payload_is_kept_as_it_was(place: Any, coordinate: Any, train: Any) -> None:
    driven = coordinate(train)
    assert driven.backend.records.payload(driven.record) == train.pack().content
    with pytest.raises(BackendError, match=r"has no packed plan$"):
        driven.backend.records.payload(driven.record, plan=True)


def test_the_users_own_objects_are_kept_and_go_on_by_name(place: Any, count: Any, name: str) -> None:
    if place.name == "debug":
        pytest.skip("the debug backend has its function from its script")
    from expsdk import attach

    limit = 500
    found = count.sweep(
        trials=2, seed=7, name=name, constraints=lambda metrics: metrics["loss"] - limit, sampler="random"
    ).run(backend=place.name, progress=False, **place.options, **place.run_options)
    attached = attach(name, backend=place.name, **place.options, **place.run_options)
    kept = attached.experiment
    assert kept.spec.plan is not None
    assert kept.spec.constrained
    assert [trial.constraints for trial in found] == [(trial.values["loss"] - limit,) for trial in found]
    assert attached.run(progress=False).to_json() == found.to_json()


def test_a_trial_requests_numbers_of_cores_and_gpus(coordinate: Any, train: Any) -> None:
    driven = coordinate(train)
    requests = driven.backend.requests(driven.record)
    assert set(requests) == {"cpu", "gpu"}
    assert all(count >= 0 for count in requests.values())


def test_a_kept_payload_that_was_changed_is_not_run(place: Any, coordinate: Any, train: Any) -> None:
    if place.name == "kubernetes":
        pytest.skip("its ConfigMaps are immutable")
    driven = coordinate(train)
    driven.backend.close()
    path = Path(place.records.location(driven.record.metadata.name)) / driven.record.spec.payload.file
    path.write_bytes(path.read_bytes() + b"#")
    backend = place.backend()
    with pytest.raises(BackendError, match=r"was changed since it was kept; take the experiment up from the script"):
        backend.records.payload(driven.record)
    backend.close()
