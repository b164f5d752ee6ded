"""Results that need not be had twice: those of the same code, sample and seed, from whatever experiment."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from expsdk.backends.base import Document, Records
from expsdk.resources.experiment import Experiment
from expsdk.resources.result import Result
from expsdk.space.values import identity
from expsdk_runtime.contract import Phase


class Reusable:
    """Succeeded Results by their sample and seed."""

    def __init__(self, documents: Mapping[Hashable, Document]) -> None:
        """Take in the Results by the `key_of` their trials."""
        self._documents = documents

    def status_of(self, result: Result) -> dict[str, Any] | None:
        """Return the status that a trial would come to, or None where that is not known."""
        there = self._documents.get(key_of(result.spec.parameters, result.spec.seed))
        if there is None or there["metadata"]["name"] == result.metadata.name:
            return None
        source = there["status"].get("reusedFrom") or there["metadata"]["name"]
        return {**there["status"], "reusedFrom": source}


def read_reusable(records: Records, experiment: Experiment) -> Reusable:
    """Return what may be used again for an experiment: succeeded trials of its payload, where its records are kept.

    The payload holds the objectives too, so a trial of the same payload has their values.
    """
    payload = experiment.spec.payload
    documents: dict[Hashable, Document] = {}
    for other in records.experiments():
        kept = other.spec.payload
        if payload is None or kept is None or kept.digest != payload.digest:
            continue
        for document in records.results(other.metadata.name):
            if (document.get("status") or {}).get("phase") == Phase.SUCCEEDED:
                spec = document["spec"]
                documents.setdefault(key_of(spec["parameters"], spec["seed"]), document)
    return Reusable(documents)


def key_of(parameters: Mapping[str, Any], seed: int) -> Hashable:
    """Return what two trials have in common that are the same: their sample, as JSON tells it, and their seed."""
    return identity(dict(parameters)), seed
