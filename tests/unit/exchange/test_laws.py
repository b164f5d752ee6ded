"""Laws of exchange: the way there and back changes nothing, under whatever name, and nothing that is taken in runs."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from simulation.documents import make_experiment
from simulation.memory import MemoryRecords

from expsdk.backends.base import Kept
from expsdk.exchange import export_experiment, import_experiment, read_export
from expsdk.exchange.taking import renamed, settled
from expsdk.resources.names import trial_name
from expsdk.resources.result import new_result
from expsdk_runtime.contract import Phase, Reason, encode_number

AT = "2026-01-31T12:00:00.000000Z"
names = st.sampled_from(["a", "a-0", "a-0000", "a-0000-0001", "train", "b2"])
numbers = st.floats(allow_nan=True, allow_infinity=True).map(encode_number)
values = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-9, 9) | st.text(max_size=3)


@st.composite
def experiments(draw: st.DrawFn) -> Kept:
    """An experiment with trials in any state, some of which name each other or those of other experiments."""
    name = draw(names)
    results = []
    for number in range(draw(st.integers(0, 4))):
        others = st.sampled_from(["", trial_name(name, 0), "a-0001", "other-0003"])
        result = new_result(
            name,
            number=number,
            parameters=draw(st.dictionaries(st.text(max_size=3), values, max_size=2)),
            seed=draw(st.integers(-(2**63), 2**63 - 1)),
            parent=draw(others),
        )
        document: dict[str, Any] = result.to_document()
        document["spec"]["stop"] = draw(st.sampled_from(["", "pruned", "interrupted"]))
        document["spec"]["constraints"] = draw(st.lists(numbers, max_size=2))
        phase = draw(st.sampled_from(Phase.ALL))
        document["status"] |= {"phase": phase, "objectives": {"loss": draw(numbers)}}
        reused = draw(others)
        if reused:
            document["status"]["reusedFrom"] = reused
        results.append(document)
    return Kept(make_experiment(name, phase=draw(st.sampled_from([Phase.RUNNING, Phase.SUCCEEDED]))), results)


def records_of(kept: Kept) -> MemoryRecords:
    records = MemoryRecords()
    records.take_in(kept)
    return records


@settings(max_examples=50)
@given(experiments())
def test_what_has_ended_arrives_as_it_left(kept: Kept) -> None:
    name = kept.experiment.metadata.name
    with tempfile.TemporaryDirectory() as directory:
        export_experiment(records_of(kept), name, Path(directory) / "out")
        export = read_export(Path(directory) / "out")
    assert (export.kept.experiment, list(export.kept.results)) == (kept.experiment, list(kept.results))
    there = MemoryRecords()
    import_experiment(there, export)
    for before, after in zip(kept.results, there.results(name), strict=True):
        if before["status"]["phase"] in Phase.FINISHED:
            assert after == before
        else:
            assert (after["status"]["phase"], after["status"]["reason"]) == (Phase.CANCELLED, Reason.INTERRUPTED)
            assert after["spec"] == {**before["spec"], "stop": ""}
    if kept.experiment.status.phase in Phase.FINISHED:
        assert there.experiment(name) == kept.experiment


@given(experiments(), names)
def test_a_name_is_given_back(kept: Kept, name: str) -> None:
    former = kept.experiment.metadata.name
    moved = renamed(kept, name)
    assert [each["metadata"]["name"] for each in moved.results] == [
        trial_name(name, n) for n in range(len(kept.results))
    ]
    mentions_both = any(
        link.rpartition("-")[0] == name
        for each in kept.results
        for link in (each["spec"]["parent"], each["status"].get("reusedFrom", ""))
    )
    if not mentions_both or name == former:  # else one's own and the other's trials have become the same
        assert renamed(moved, former) == kept


@given(experiments())
def test_what_is_settled_stays_so(kept: Kept) -> None:
    once = settled(kept, at=AT)
    assert all(each["status"]["phase"] in Phase.FINISHED for each in once.results)
    assert once.experiment.status.phase in Phase.FINISHED
    assert settled(once, at="2027-01-31T12:00:00.000000Z") == once
