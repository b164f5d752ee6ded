"""What a reader gets of where a trial comes from."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from expsdk.analysis.trial import TrialRecord
from expsdk.resources.experiment import Provenance
from expsdk.resources.result import Result, new_result

ORIGIN = Provenance(
    git_commit="e106b7e",
    git_dirty=False,
    created=datetime(2026, 1, 31, tzinfo=timezone.utc),
    user="ada",
    host="",
    python="3.11.7",
    expsdk="0.1.0",
    packages={"numpy": "2.1.0"},
)


def read(result: Result, **environment: str) -> TrialRecord:
    document: dict[str, Any] = result.to_document()
    document["status"]["environment"] = environment
    return TrialRecord.from_document(document, parameters={}, log_path=None)


def test_all_that_is_known_is_there_and_nothing_else() -> None:
    result = new_result("train", number=1, parameters={}, seed=5, parent="train-0000", provenance=ORIGIN)
    told = {"python": "3.12.1", "digest": "sha256:aa", "packages": "numpy==2.2.0 a==1", "image": "", "podName": "p"}
    trial = read(result, **told)
    assert trial.packages == {"numpy": "2.2.0", "a": "1"}
    assert trial.provenance == {
        "git_commit": "e106b7e",
        "git_dirty": False,
        "payload_digest": "sha256:aa",
        "python": "3.12.1",
        "packages": {"numpy": "2.2.0", "a": "1"},
        "pod": "p",
        "seed": 5,
        "parent": "train-0000",
        "user": "ada",
        "created": "2026-01-31T00:00:00.000000Z",
        "expsdk": "0.1.0",
    }


def test_a_result_of_before_has_only_its_seed() -> None:
    assert read(new_result("train", number=1, parameters={}, seed=5)).provenance == {"seed": 5}


def test_the_packages_of_the_machine_that_launched_it_are_the_experiments_to_tell() -> None:
    result = new_result("train", number=1, parameters={}, seed=5, provenance=ORIGIN)
    assert result.spec.provenance is not None
    assert result.spec.provenance.packages == {}
    assert ORIGIN.packages
