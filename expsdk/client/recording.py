"""Recording from outside the job: values of metrics, or the end, merged into a Result's status."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from typing import Any

from expsdk.backends.kubernetes.records import KubernetesRecords
from expsdk.client.reading import as_result
from expsdk.client.results import no_trial
from expsdk.cluster.kinds import RESULTS
from expsdk.errors import Conflict, ExperimentNotFound, OptionError, ResourceNotFound
from expsdk.resources.result import Result
from expsdk_runtime.cluster import patch_of
from expsdk_runtime.contract import Phase, Reason
from expsdk_runtime.ledger import Ledger
from expsdk_runtime.status import build_status, timestamp
from expsdk_runtime.tracking import as_epoch, as_metric_name, as_number

TRY_FOR_S = 30.0
_PHASES = (Phase.RUNNING, Phase.SUCCEEDED, Phase.FAILED, Phase.PRUNED, Phase.CANCELLED)


class Entry:
    """What is to be recorded, checked."""

    def __init__(
        self, values: Mapping[str, Any], *, epoch: int | None, phase: str | None, reason: str, message: str
    ) -> None:
        """Take it in.

        Raises:
            OptionError: It is no name, number, epoch or phase, or there is nothing to record.
        """
        try:
            self.values = {as_metric_name(name): as_number(name, value) for name, value in values.items()}
            self.epoch = None if epoch is None else as_epoch(epoch)
        except (AttributeError, TypeError, ValueError) as error:
            raise OptionError(f'{error}; record values by name, such as {{"val_loss": 0.3}}, epoch=4') from error
        if phase is not None and phase not in _PHASES:
            raise OptionError(f"phase is one of {', '.join(_PHASES)}, not {phase!r}; write one of them")
        if not self.values and phase is None:
            raise OptionError("what is recorded are values or a phase, and there are neither; give one of them")
        self.phase = phase
        self.reason = reason
        self.message = message

    def changes(self, name: str, before: dict[str, Any], objectives: list[tuple[str, str]]) -> dict[str, Any]:
        """Return the changes to the status that a trial has so far.

        Raises:
            OptionError: The trial has ended.
        """
        lacks_objective = before.get("phase") == Phase.FAILED and before.get("reason") == Reason.NO_OBJECTIVE
        if before.get("phase") in Phase.FINISHED and not lacks_objective:
            raise OptionError(
                f"what has ended takes no more values, and {name} has ended ({before['phase']}); change its record with"
                " client.results.update where that is meant"
            )
        ledger = Ledger(objectives)
        try:
            ledger.restore(before)
        except (AttributeError, LookupError, OverflowError, TypeError, ValueError):  # it was not expsdk that wrote it
            ledger = Ledger(objectives)
        if self.values:
            ledger.add(self.values, self.epoch)
        facts = self._facts(before, ledger.missing_objectives(), lacks_objective=lacks_objective)
        return patch_of(before, build_status(facts, ledger))

    def _facts(self, before: dict[str, Any], missing: list[str], *, lacks_objective: bool) -> dict[str, Any]:
        """Return what the status says beside the metrics."""
        phase, reason, message = self.phase, self.reason, self.message
        if phase is None and lacks_objective:
            phase = Phase.SUCCEEDED
        if phase == Phase.SUCCEEDED and missing:
            phase, reason = Phase.FAILED, Reason.NO_OBJECTIVE
            message = f"the trial ended without a value of its objective {', '.join(missing)}: record it"
        phase = phase or Phase.RUNNING
        ended = before.get("completionTime") or timestamp()
        return {
            "phase": phase,
            "reason": reason,
            "message": message,
            "startTime": before.get("startTime") or timestamp(),
            "completionTime": ended if phase in Phase.FINISHED else None,
        }


class Recorder:
    """Records entries, from many threads at once."""

    def __init__(self, records: KubernetesRecords) -> None:
        self._records = records
        self._api = records.api
        self._objectives: dict[str, list[tuple[str, str]]] = {}

    def record(self, name: str, entry: Entry) -> Result:
        """Merge an entry into a Result; see `Client.record`."""
        give_up_at = time.monotonic() + TRY_FOR_S
        while (result := self._try(name, entry, is_last=time.monotonic() > give_up_at)) is None:
            time.sleep(random.uniform(0.01, 0.1))
        return result

    def _try(self, name: str, entry: Entry, *, is_last: bool) -> Result | None:
        """Read, merge and write; None where another has written meanwhile: what it wrote is to stay."""
        try:
            there = self._api.get(RESULTS, name)
            status = entry.changes(name, there.get("status") or {}, self._objectives_of(there))
            metadata = {"resourceVersion": there["metadata"]["resourceVersion"]}
            changes = {"metadata": metadata, "status": status}
            return as_result(self._api.patch(RESULTS, name, changes, subresource="status"))
        except ResourceNotFound as error:
            raise no_trial(name, self._api.namespace) from error
        except Conflict:
            if is_last:
                raise
            return None

    def _objectives_of(self, result: dict[str, Any]) -> list[tuple[str, str]]:
        owners = result["metadata"].get("ownerReferences") or [{}]
        key = str(owners[0].get("uid") or result["spec"]["experiment"])
        if key not in self._objectives:
            try:
                spec = self._records.experiment(result["spec"]["experiment"]).spec
            except ExperimentNotFound as error:
                raise OptionError(f"a trial's objectives are its experiment's, and {error}") from error
            self._objectives[key] = [(each.metric, each.direction) for each in spec.objectives]
        return self._objectives[key]
