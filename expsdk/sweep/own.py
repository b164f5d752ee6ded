"""The user's own objects in a plan: a record can only name them, so they are packed as functions are."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from expsdk.errors import BackendError
from expsdk.experiment.definition import Definition
from expsdk.packaging.payload import Payload, pack_function
from expsdk.samplers.given import GivenSampler
from expsdk.sweep.plan import Plan
from expsdk_runtime import payload as runtime_payload


def pack_own(definition: Definition, plan: Plan) -> Payload | None:
    """Return a plan's sampler, pruner and constraints packed, where they are the user's own; None where none is.

    Raises:
        PackingError: One of them cannot travel.
    """
    own = _own_of(plan)
    if not own:
        return None
    return pack_function(_returning(own), name=f"{definition.name}-plan", beside=definition.function)


def load_own(content: bytes) -> dict[str, Any]:
    """Return what `pack_own` has packed, by "sampler", "pruner" and "constraints"; the user's modules are imported.

    Raises:
        BackendError: It was packed by another Python.
    """
    with tempfile.TemporaryDirectory(prefix="expsdk-plan-") as scratch:
        path = Path(scratch) / "plan.pyz"
        path.write_bytes(content)
        payload = runtime_payload.Payload(str(path))
        python, here = payload.manifest["python"], f"{sys.version_info.major}.{sys.version_info.minor}"
        if python != here:
            raise BackendError(
                f"the sweep's own sampler, pruner or constraints were packed by Python {python} and need that minor"
                f" version, but this is Python {here}; take the sweep up with Python {python}"
            )
        project = str(Path(scratch) / "project")
        payload.unpack(project)
        own: dict[str, Any] = payload.load(project)()  # type: ignore[assignment]
    return own


def _own_of(plan: Plan) -> dict[str, Any]:
    """Return the objects that a record cannot tell of; a single trial's sample is in its Result."""
    own: dict[str, Any] = {}
    if not isinstance(plan.sampler.given, (str, GivenSampler)):
        own["sampler"] = plan.sampler.given
    if plan.pruner is not None and not isinstance(plan.pruner.given, str):
        own["pruner"] = plan.pruner.given
    if plan.constraints is not None:
        own["constraints"] = plan.constraints
    return own


def _returning(own: dict[str, Any]) -> Callable[[], dict[str, Any]]:
    """Return a function that travels by value, with the objects in it."""

    def advisers() -> dict[str, Any]:
        return own

    return advisers
