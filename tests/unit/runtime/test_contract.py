"""The contract between the two halves: numbers in JSON, assignments, and the words."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expsdk_runtime import failure
from expsdk_runtime.contract import Assignment, ExitCode, Phase, Reason, decode_number, encode_number


@given(st.floats())
def test_every_number_survives_strict_json(number: float) -> None:
    decoded = decode_number(json.loads(json.dumps(encode_number(number), allow_nan=False)))
    assert decoded == number or (math.isnan(decoded) and math.isnan(number))
    assert math.copysign(1, decoded) == math.copysign(1, number) or math.isnan(number)


@pytest.mark.parametrize(
    ("number", "written"), [(math.nan, "NaN"), (math.inf, "Infinity"), (-math.inf, "-Infinity"), (0.5, 0.5)]
)
def test_what_json_lacks_is_written_as_protobuf_does(number: float, written: Any) -> None:
    assert encode_number(number) == written


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(
    parameters=st.dictionaries(st.text(), JSON_VALUES, max_size=4),
    objectives=st.lists(st.tuples(st.text(), st.sampled_from(["minimize", "maximize"])), max_size=2),
    seed=st.integers(-(2**63), 2**63 - 1),
)
def test_an_assignment_arrives_as_one_line_that_says_the_same(
    parameters: dict[str, Any], objectives: list[tuple[str, str]], seed: int
) -> None:
    sent = Assignment(
        experiment="e",
        name="e-0000",
        number=0,
        attempt=2,
        parameters=parameters,
        objectives=objectives,
        seed=seed,
        output_dir="/o\udcff",
        checkpoint_dir="/o/c",
        parent="e-0001",
        parent_checkpoint_dir="/p/\udcffc",
    )
    line = sent.to_json()
    assert "\n" not in line
    line.encode("ascii")
    received = Assignment.from_json(line)
    assert {slot: getattr(received, slot) for slot in Assignment.__slots__} == {
        slot: getattr(sent, slot) for slot in Assignment.__slots__
    }


def test_an_assignment_has_no_room_for_what_it_does_not_know(make_assignment: Callable[..., Assignment]) -> None:
    document = json.loads(make_assignment().to_json())
    with pytest.raises(TypeError, match="colour"):
        Assignment.from_json(json.dumps({**document, "colour": "red"}))


@pytest.mark.parametrize("reason", Reason.ALL)
def test_every_reason_ends_a_process_with_a_code_that_says_failure(reason: str) -> None:
    assert 0 < failure.exit_code_of(reason) < 126


def test_reasons_that_a_job_ends_with_by_itself_have_codes_of_their_own() -> None:
    reasons = (Reason.OUT_OF_MEMORY, Reason.NO_OBJECTIVE, Reason.PREEMPTED, Reason.PAYLOAD_INVALID)
    codes = {failure.exit_code_of(reason) for reason in reasons}
    assert len(codes | {ExitCode.SUCCEEDED, ExitCode.USER_ERROR, ExitCode.USAGE}) == len(reasons) + 3


def test_a_trial_that_has_finished_is_neither_pending_nor_running() -> None:
    assert set(Phase.ALL) - Phase.FINISHED == {Phase.PENDING, Phase.RUNNING}
