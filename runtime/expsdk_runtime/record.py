"""Records of programs that are not ours: a command in a trial's pod adds to the trial's Result, or ends it."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from expsdk_runtime.cluster import CONFLICT, ApiError, ApiServer, connect, patch_of, result_path
from expsdk_runtime.contract import Phase, Reason
from expsdk_runtime.ledger import Ledger
from expsdk_runtime.pod import attempt_of, has_begun, has_ended
from expsdk_runtime.status import build_status, timestamp

TRY_FOR_S = 30.0


class NotRecorded(Exception):
    """Nothing was recorded; the message says why."""


class NotInTrial(NotRecorded):
    """This is no trial's pod, or not one that can be understood."""


class TrialRecord:
    """The Result of the trial that this pod carries."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        """Find the Result; raises NotInTrial where this is no trial's pod."""
        self._environment = environment
        try:
            self.name = environment["EXPSDK_TRIAL"]
            self._path = result_path(environment["EXPSDK_NAMESPACE"], self.name)
            self._objectives = json.loads(environment.get("EXPSDK_OBJECTIVES") or "[]")
            self._server: ApiServer = connect(environment)
        except LookupError as error:
            raise NotInTrial(
                f"this records in a trial's pod, and {error.args[0]} is not set: such pods are made when a trial is"
                " launched"
            ) from error
        except ValueError as error:
            raise NotInTrial(f"the pod's EXPSDK_OBJECTIVES cannot be read: {error}") from error

    def log(self, values: dict[str, float], epoch: int | None) -> dict[str, Any]:
        """Add values of one epoch, or of the next one, and return the Result."""

        def add(ledger: Ledger) -> dict[str, Any]:
            ledger.add(values, epoch)
            return {}

        return self._update(add)

    def end(self, phase: str, reason: str, message: str) -> dict[str, Any]:
        """End the trial and return the Result; a success without a value of every objective is a failure."""

        def close(ledger: Ledger) -> dict[str, Any]:
            ended = {"phase": phase, "reason": reason, "message": message, "completionTime": timestamp()}
            missing = ", ".join(ledger.missing_objectives())
            if phase == Phase.SUCCEEDED and missing:
                words = f"the trial ended without a value of its objective {missing}: log it before the end"
                ended.update(phase=Phase.FAILED, reason=Reason.NO_OBJECTIVE, message=words)
            return ended

        return self._update(close)

    def _update(self, change: Callable[[Ledger], dict[str, Any]]) -> dict[str, Any]:
        """Read the Result, change it and write it, again where another has written meanwhile or the server is away."""
        give_up_at = time.monotonic() + TRY_FOR_S
        pause_s = 0.1
        while True:
            try:
                result = self._server.request("GET", self._path)
                return self._server.request("PATCH", f"{self._path}/status", self._patch(result, change))
            except OSError as error:
                if isinstance(error, ApiError):
                    pause_s = max(pause_s, error.retry_after_s)
                    if not error.is_busy and error.status != CONFLICT:
                        raise NotRecorded(f"nothing was recorded: {error}") from error
                if time.monotonic() + pause_s > give_up_at:
                    raise NotRecorded(f"nothing was recorded in {TRY_FOR_S:g} seconds: {error}") from error
            time.sleep(pause_s * (0.5 + time.time_ns() // 1000 % 1000 / 1000))
            pause_s = min(5.0, 2 * pause_s)

    def _patch(self, result: dict[str, Any], change: Callable[[Ledger], dict[str, Any]]) -> dict[str, Any]:
        before: dict[str, Any] = result.get("status") or {}
        if has_ended(result):
            raise NotRecorded(f"nothing was recorded: the trial {self.name} has ended already ({before['phase']})")
        ledger = Ledger([(metric, direction) for metric, direction in self._objectives])
        try:
            ledger.restore(before)
        except (AttributeError, LookupError, OverflowError, TypeError, ValueError) as error:
            print(f"expsdk: what the Result has of metrics is in no form and is replaced: {error}", file=sys.stderr)
            ledger = Ledger([(metric, direction) for metric, direction in self._objectives])
        facts = {**self._facts(before), **change(ledger)}
        status = patch_of(before, build_status(facts, ledger))
        return {"metadata": {"resourceVersion": result["metadata"]["resourceVersion"]}, "status": status}

    def _facts(self, before: dict[str, Any]) -> dict[str, Any]:
        names = {"pod": "EXPSDK_POD_UID", "podName": "EXPSDK_POD", "node": "EXPSDK_NODE"}
        about = {key: self._environment[name] for key, name in names.items() if self._environment.get(name)}
        former = before.get("environment") if has_begun(before) else None
        goes_on = former is not None and former["pod"] == about.get("pod") and before.get("startTime")
        return {
            "phase": Phase.RUNNING,
            "reason": "",
            "message": "",
            "attempt": attempt_of(before, about.get("pod", "")),
            "startTime": before["startTime"] if goes_on else timestamp(),
            "completionTime": None,
            "environment": {**(before.get("environment") or {}), **about},
        }
