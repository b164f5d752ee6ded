"""Results that need not be had twice: those of the same code, sample and seed, from whatever experiment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from expsdk.backends.base import Document, Records
from expsdk.resources.experiment import Experiment
from expsdk.resources.result import Result
from expsdk_runtime.contract import Phase


class Reusable:
    """Succeeded Results by their sample and seed."""

    def __init__(self, documents: Mapping[str, Document]) -> None:
        self._documents = documents

    def status_of(self, result: Result) -> dict[str, Any] | None:
        """Return the status that a trial would come to, or None where that is not known."""
        there = self._documents.get(_key(result.spec.parameters, result.spec.seed))
        if there is None or there["metadata"]["name"] == result.metadata.name:
            return None
        source = there["status"].get("reusedFrom") or there["metadata"]["name"]
        return {**there["status"], "reusedFrom": source}


def read_reusable(records: Records, experiment: Experiment) -> Reusable:
    """Return what may be used again for an experiment: succeeded trials of its payload, where its records are kept.

    The payload holds the objectives too, so a trial of the same payload has their values.
    """
    payload = experiment.spec.payload
    documents: dict[str, Document] = {}
    for other in records.experiments():
        kept = other.spec.payload
        if payload is None or kept is None or kept.digest != payload.digest:
            continue
        for document in records.results(other.metadata.name):
            if (document.get("status") or {}).get("phase") == Phase.SUCCEEDED:
                spec = document["spec"]
                documents.setdefault(_key(spec["parameters"], spec["seed"]), document)
    return Reusable(documents)


def _key(parameters: Mapping[str, Any], seed: int) -> str:
    return json.dumps([dict(parameters), seed], sort_keys=True)
