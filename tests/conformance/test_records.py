"""What is kept of an experiment, how it is read by whom, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from expsdk import experiment, log_metric, results
from expsdk.errors import BackendError, ExperimentExists, ExperimentNotFound, PackingError, TrialNotFound


def test_the_experiments_record_says_what_was_asked_and_how_it_went(place: Any, train: Any) -> None:
    found = place.run(train, name="kept", parallelism=2)
    record = place.records.experiment("kept")
    assert record == found.experiment
    assert record.spec.seed == 7
    assert record.spec.parallelism == 2
    assert record.spec.sampler.name == "grid"
    assert record.spec.function.endswith("train")
    assert record.spec.payload.digest == found[0].environment["digest"]
    assert record.status.phase == "Succeeded"
    assert record.status.counts == {"Succeeded": 3}
    assert (record.status.best.trial, record.status.best.value) == ("kept-0000", 1.0)
    assert record.status.start_time <= record.status.completion_time


def test_results_are_the_same_from_another_process_afterwards(place: Any, train: Any) -> None:
    found = place.run(train, name="again")
    assert place.read_elsewhere("again", "repr(found)") == repr(found)
    assert place.read_elsewhere("again", "found.to_json()") == found.to_json()
    assert place.read_elsewhere("again", "found") == str(found)


def test_results_can_be_read_from_another_process_while_it_runs(place: Any, tmp_path: Path) -> None:
    """The trial itself asks: that way it runs while it is read, wherever it runs."""
    if place.name == "kubernetes":
        pytest.skip("a trial's pod may read no other trial's Result; tests/kubernetes reads from outside")
    read_phases = place.command("live", "[trial.phase for trial in found if trial.epoch is not None]")
    read_values = place.command("live", "found[-1].values")

    @experiment(space={"number": [1, 2]}, objective="loss")
    def train(number: int) -> float:
        import subprocess
        import time

        log_metric("loss", 5.0)
        wanted = ["Running"] if number == 1 else ["Succeeded", "Running"]
        for _ in range(100):
            phases = subprocess.check_output(read_phases, text=True)
            if phases == str(wanted):
                assert subprocess.check_output(read_values, text=True) == "{'loss': 5.0}"
                return 1.0
            time.sleep(0.01)
        raise AssertionError(phases)

    assert place.run(train, name="live").counts == {"Succeeded": 2}


def test_names_are_given_once(place: Any, train: Any) -> None:
    first = place.run(train, name="taken")
    with pytest.raises(ExperimentExists, match=r"'taken' is kept .* already; give another name="):
        place.run(train, name="taken")
    assert place.results("taken").to_json() == first.to_json()


def test_without_a_name_experiments_are_named_after_the_function(place: Any, train: Any) -> None:
    names = {place.run(train, name=None).name for _ in range(2)}
    assert len(names) == 2
    assert all(name.startswith("train-") for name in names)


def test_unknown_names_are_told_with_those_that_are_there(place: Any, train: Any) -> None:
    place.run(train, name="there")
    with pytest.raises(ExperimentNotFound, match=r"no experiment 'their' .*there"):
        place.results("their")
    with pytest.raises(ExperimentNotFound):
        place.records.delete("their")
    with pytest.raises(TrialNotFound, match="no trial 'there-0009'"):
        list(place.records.logs("there-0009"))
    assert place.records.log_path("there-0009") is None


def test_unknown_backends_and_options_are_refused_at_once(place: Any, train: Any, tmp_path: Path) -> None:
    sweep = train.sweep(sampler="grid", name="never")
    option = next(iter(place.options))
    with pytest.raises(BackendError, match=f"not '{place.name}x'; did you mean '{place.name}'"):
        sweep.run(backend=f"{place.name}x", **place.options, **place.run_options)
    with pytest.raises(
        BackendError, match=f"backend '{place.name}' takes the options .*{option}.*, not 'colour'; write one of them"
    ):
        sweep.run(backend=place.name, colour="red", **place.options)
    with pytest.raises(BackendError, match=f"takes the options {option}.*, not 'colour'"):
        results("never", backend=place.name, colour="red", **place.options)
    with pytest.raises(BackendError, match="backend is one of"):
        results("never", backend="nowhere")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_packed_leaves_nothing(place: Any, tmp_path: Path) -> None:
    file = (tmp_path / "open").open("w")

    @experiment(space={"number": [1]}, objective="loss")
    def train(number: int) -> float:
        return float(file.fileno())

    with file, pytest.raises(PackingError, match="file"):
        place.run(train, name="unpacked")
    with pytest.raises(ExperimentNotFound):
        place.results("unpacked")


def test_deleting_leaves_nothing(place: Any, train: Any) -> None:
    place.run(train, name="gone")
    place.run(train, name="kept")
    place.records.delete("gone")
    with pytest.raises(ExperimentNotFound):
        place.results("gone")
    assert place.results("kept").counts == {"Succeeded": 3}
    assert place.run(train, name="gone").counts == {"Succeeded": 3}


def test_names_that_begin_alike_do_not_mix(place: Any, train: Any) -> None:
    for name in ("a", "a-0000", "a-0000-0000"):
        place.run(train, name=name)
    for name in ("a", "a-0000", "a-0000-0000"):
        assert [trial.name for trial in place.results(name)] == [f"{name}-{number:04}" for number in range(3)]
    place.records.delete("a-0000")
    assert len(place.results("a")) == len(place.results("a-0000-0000")) == 3


def test_more_trials_than_four_digits_hold_are_in_order(place: Any, train: Any, coordinate: Any) -> None:
    driven = coordinate(train)
    for number in (0, 9_999, 10_000, 100_000):
        driven.launch(number, number=1)
        driven.end_of(number)
    documents = place.documents(driven.record.metadata.name)
    assert [document["spec"]["number"] for document in documents] == [0, 9_999, 10_000, 100_000]


def test_the_place_is_told_to_people(place: Any, train: Any) -> None:
    found = place.run(train, name="told")
    assert found.location == place.records.location("told")
    assert "told" in found.location
    assert f"kept in {found.location}" in str(found)


def test_a_sweep_is_driven_while_it_runs_and_cannot_be_deleted(place: Any, train: Any, coordinate: Any) -> None:
    driven = coordinate(train)
    name = driven.record.metadata.name
    assert place.records.is_driven(name)
    with pytest.raises(BackendError, match="a process drives"):
        place.records.delete(name)
    driven.backend.close()
    assert not place.records.is_driven(name)
    place.records.delete(name)
    assert not place.records.is_driven(name)


def test_the_sweep_says_which_numbers_are_impossible(train: Any) -> None:
    with pytest.raises(ValueError, match="parallelism is an integer of at least 1, not 0"):
        train.sweep(trials=1, parallelism=0, sampler="grid", seed=7, grace_s=1.0)


def test_its_address_finds_it_again_from_anywhere(
    place: Any, train: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = place.run(train, name="found")
    address = place.records.address()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EXPSDK_ROOT", raising=False)
    assert results("found", **address).counts == found.counts
