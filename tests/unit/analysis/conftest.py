"""Results as a sweep leaves them, read from records in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import pytest
from simulation.documents import make_experiment
from simulation.memory import MemoryRecords

from expsdk.analysis.open import read_results
from expsdk.analysis.results import Results

Read: TypeAlias = Callable[..., Results]


@pytest.fixture
def read() -> Read:
    """Return the results of these Results; the experiment is as `make_experiment` makes it."""

    def read(*documents: Mapping[str, Any], driven: bool = False, **given: Any) -> Results:
        records = MemoryRecords()
        records.kept["train-mlp"] = [make_experiment(**given)]
        records.documents["train-mlp"] = {document["spec"]["number"]: dict(document) for document in documents}
        records.driven |= {"train-mlp"} if driven else set()
        return read_results(records, "train-mlp")

    return read
