"""An experiment's status on its way to the server."""

from __future__ import annotations

from typing import Any

from expsdk.resources.experiment import Experiment
from expsdk_runtime.contract import Phase


def status_change(experiment: Experiment) -> dict[str, Any]:
    """Return the change that makes a server's status this one's: of what it has counted, nothing else stays."""
    status = experiment.to_document()["status"]
    return {"status": {**status, "counts": {**dict.fromkeys(Phase.ALL), **status["counts"]}}}
