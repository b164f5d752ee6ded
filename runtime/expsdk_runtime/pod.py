"""A trial in its pod: told who it is by its environment, it looks at its Result, runs, and reports there."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from expsdk_runtime import output
from expsdk_runtime.cluster import ApiError, ApiServer, ResultSink, connect, result_path, stop_of
from expsdk_runtime.console import say
from expsdk_runtime.contract import Assignment, ExitCode, Phase, Reason
from expsdk_runtime.failure import NotReady, exit_code_of
from expsdk_runtime.payload import Payload, PayloadError
from expsdk_runtime.place import Place
from expsdk_runtime.runner import run_trial
from expsdk_runtime.seeding import seeded
from expsdk_runtime.status import timestamp
from expsdk_runtime.termination import PATH, write_termination_message

CHECKPOINT = "checkpoint"
FIRST_LOOK_S = 10.0
LAST_LOOK_S = 3.0
FORMER_POLL_S = 0.5
EXIT_S = 3.0
"""What of the grace period is left for the process to end in."""


def run_pod(payload: Payload, environment: Mapping[str, str] = os.environ) -> int:
    """Run the trial that the environment of a pod assigns; return the process's exit code."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a crash must not take lines along
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # until there is a trial to stop
    try:
        pod = Pod(environment)
    except ValueError as error:
        words = f"a trial's pod is told who it is by EXPSDK_ variables: {error}"
        say(f"expsdk: {words}")
        ending = {"phase": Phase.FAILED, "reason": Reason.LAUNCH_FAILED, "message": words, "metrics": {}}
        path = environment.get("EXPSDK_TERMINATION_LOG") or PATH
        write_termination_message(path, {**ending, "completionTime": timestamp(), "delivered": False})
        return ExitCode.USAGE
    result = pod.await_former(pod.first_look())
    former: dict[str, Any] = result.get("status") or {}
    if has_ended(result):
        say(f"expsdk: nothing is run: the trial {pod.name} has ended already ({_ending(former)})")
        return exit_code_of(former.get("reason", "")) if former["phase"] == Phase.FAILED else ExitCode.SUCCEEDED
    return pod.run(payload, result, former)


class Pod:
    """What the environment of a trial's pod says."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Read it; raises ValueError where it is not a trial's."""
        for name in ("EXPSDK_EXPERIMENT", "EXPSDK_TRIAL", "EXPSDK_NAMESPACE"):
            if not environment.get(name):
                raise ValueError(f"{name} is not set")
        self.name = environment["EXPSDK_TRIAL"]
        self._experiment = environment["EXPSDK_EXPERIMENT"]
        self._environment = environment
        self._number = _number(environment, "EXPSDK_NUMBER", 0, int)
        self._seed = _number(environment, "EXPSDK_SEED", 0, int)
        self._interval_s = _number(environment, "EXPSDK_REPORT_INTERVAL_S", 2.0, float)
        self._grace_s = _number(environment, "EXPSDK_GRACE_S", 30.0, float)
        self._parameters: dict[str, Any] = _json(environment, "EXPSDK_PARAMETERS", {})
        self._packages: list[str] = _json(environment, "EXPSDK_PACKAGES", [])
        self._objectives: list[list[str]] | None = _json(environment, "EXPSDK_OBJECTIVES", [])
        self._parent = environment.get("EXPSDK_PARENT") or ""
        self._outlives = bool(environment.get("EXPSDK_OUTPUT_ROOT"))
        self._scratch = environment.get("EXPSDK_SCRATCH") or "/tmp/expsdk"
        self._termination_log = environment.get("EXPSDK_TERMINATION_LOG") or PATH
        self._path = result_path(environment["EXPSDK_NAMESPACE"], self.name)
        self._sink = ResultSink(self._connect(), self._path, interval_s=self._interval_s)

    def first_look(self) -> dict[str, Any]:
        """Return the trial's Result, or nothing where it cannot be had for so long that the trial begins without it."""
        give_up_at = time.monotonic() + FIRST_LOOK_S
        pause_s = 0.25
        while True:
            try:
                return self._sink.read()
            except OSError as error:
                refused = isinstance(error, ApiError) and error.status in (403, 404)  # and it has been said
                if isinstance(error, ApiError):
                    pause_s = max(pause_s, error.retry_after_s)
                if refused or time.monotonic() + pause_s > give_up_at or signal.SIGTERM in signal.sigpending():
                    if not refused:
                        say(f"expsdk: the trial begins, as its first attempt, without a look at its Result: {error}")
                    return {}
            time.sleep(pause_s)
            pause_s *= 2

    def await_former(self, result: dict[str, Any]) -> dict[str, Any]:
        """Return the Result when a former pod of the trial that runs still has ended, or has had the time for it.

        A Job replaces a pod as soon as that is told to end, and two attempts must not write at the same time.
        """
        give_up_at = time.monotonic() + self._grace_s
        while is_running_elsewhere(result.get("status") or {}, self._about()["pod"]):
            if time.monotonic() > give_up_at or signal.SIGTERM in signal.sigpending():
                break
            time.sleep(FORMER_POLL_S)
            result = self.first_look() or result
        return result

    def run(self, payload: Payload, result: dict[str, Any], former: dict[str, Any]) -> int:
        """Run the trial; return the process's exit code."""
        about = self._about()
        assignment = self._assign(payload, attempt_of(former, about["pod"]))
        project = os.path.join(self._scratch, "project")
        asked = stop_of(result)
        not_ready = self._claim(assignment.output_dir, result)

        def prepare() -> None:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})  # one that came stops the trial here
            if not_ready:
                raise not_ready
            if self._parent and not self._outlives:
                raise NotReady(
                    Reason.LAUNCH_FAILED,
                    f"the trial goes on from the checkpoints of {self._parent}, and without an output volume those went"
                    " with its pod: give the sweep one, such as output='CLAIM', the name of a PersistentVolumeClaim",
                )
            if self._packages:
                from expsdk_runtime import packages

                packages.install(self._packages, os.path.join(self._scratch, "packages"))
            try:
                payload.unpack(project)
            except PayloadError as error:
                raise NotReady(Reason.PAYLOAD_INVALID, f"{payload.path} is damaged: {error}") from error
            except OSError as error:
                raise NotReady(Reason.LAUNCH_FAILED, f"the project cannot be unpacked to {project}: {error}") from error

        place = Place(
            environment=about,
            output_dir=self._pointer(),
            former=former if has_begun(former) else None,
            prepare=prepare,
            waits_for="installing packages" if self._packages else "",
            grace_s=max(1.0, self._grace_s - EXIT_S),
            keep=lambda status: write_termination_message(self._termination_log, status),
            stop=asked,
            look=self._last_look,
        )
        function = seeded(lambda: payload.load(project), assignment.seed)
        digest = self._environment.get("EXPSDK_DIGEST", "")
        return run_trial(
            function,
            assignment,
            self._sink,
            digest=digest,
            imports=payload.imports,
            project_dir=project,
            place=place,
        ).exit_code

    def _about(self) -> dict[str, str]:
        names = {"pod": "EXPSDK_POD_UID", "podName": "EXPSDK_POD", "node": "EXPSDK_NODE", "image": "EXPSDK_IMAGE"}
        return {key: self._environment.get(name, "") for key, name in names.items()}

    def _assign(self, payload: Payload, attempt: int) -> Assignment:
        root = self._environment.get("EXPSDK_OUTPUT_ROOT") or os.path.join(self._scratch, "output")
        experiment_dir = os.path.join(root, self._experiment)
        output_dir = os.path.join(experiment_dir, self.name)
        parent_dir = os.path.join(experiment_dir, self._parent, CHECKPOINT) if self._parent else ""
        given = self._objectives
        return Assignment(
            experiment=self._experiment,
            name=self.name,
            number=self._number,
            attempt=attempt,
            parameters=self._parameters,
            objectives=[(metric, direction) for metric, direction in given] if given else payload.objectives,
            seed=self._seed,
            output_dir=output_dir,
            checkpoint_dir=os.path.join(output_dir, CHECKPOINT),
            parent=self._parent,
            parent_checkpoint_dir=parent_dir,
        )

    def _claim(self, directory: str, result: dict[str, Any]) -> NotReady | None:
        try:
            output.claim(directory, (result.get("metadata") or {}).get("uid") or "")
        except NotReady as error:
            return error
        return None

    def _pointer(self) -> str:
        """Return what people call the trial's output directory; nothing where it goes with the pod."""
        if not self._outlives:
            return ""
        place = self._environment.get("EXPSDK_OUTPUT_URL") or self._environment["EXPSDK_OUTPUT_ROOT"]
        return f"{place.rstrip('/')}/{self._experiment}/{self.name}"

    def _connect(self, **options: float) -> ApiServer:
        try:
            return connect(self._environment, **options)
        except LookupError as error:
            raise ValueError(f"{error.args[0]} is not set: this is no pod") from error

    def _last_look(self) -> str:
        """Return what the trial is asked, over a connection of its own: the sink may hold the other one still."""
        server = self._connect(timeout_s=LAST_LOOK_S)
        try:
            return stop_of(server.request("GET", self._path))
        except OSError:
            return ""
        finally:
            server.close()


def attempt_of(status: dict[str, Any], pod: str) -> int:
    """Return which attempt at a trial a pod is, going by the status that its Result has."""
    number = status.get("attempt")
    number = number if isinstance(number, int) and number > 0 else 1
    return number + 1 if has_begun(status) and status["environment"]["pod"] != pod else number


def has_begun(status: dict[str, Any]) -> bool:
    """Return whether a status is of a trial that has begun in some pod."""
    environment = status.get("environment")
    return isinstance(environment, dict) and bool(environment.get("pod"))


def is_running_elsewhere(status: dict[str, Any], pod: str) -> bool:
    """Return whether, as far as a status tells, another pod than this one runs the trial now."""
    return has_begun(status) and status["environment"]["pod"] != pod and status.get("phase") == Phase.RUNNING


def has_ended(result: dict[str, Any]) -> bool:
    """Return whether, as its Result tells, a trial has ended for good.

    A preempted one goes on, and so does one that was cancelled with the sweep it is of, when that is taken up again.
    One that somebody asked to stop does not, whichever pod comes next: whoever wants it again takes that away.
    """
    status = result.get("status") or {}
    phase = status.get("phase")
    if phase == Phase.CANCELLED:
        return bool(stop_of(result))
    return phase in Phase.FINISHED and not (phase == Phase.FAILED and status.get("reason") == Reason.PREEMPTED)


def _ending(status: dict[str, Any]) -> str:
    return ", ".join(filter(None, (status["phase"], status.get("reason"))))


def _json(environment: Mapping[str, str], name: str, default: Any) -> Any:
    """Return what a variable says in JSON; raises ValueError where it is of another type than `default`."""
    text = environment.get(name)
    if not text:
        return default
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{name} is no JSON: {error}") from None
    if not isinstance(value, type(default)):
        kind = "object" if isinstance(default, dict) else "list"
        raise ValueError(f"{name} is a JSON {kind}, not {text[:80]!r}")
    return value


def _number(environment: Mapping[str, str], name: str, default: Any, kind: Callable[[str], Any]) -> Any:
    text = environment.get(name)
    try:
        return kind(text) if text else default
    except ValueError:
        raise ValueError(f"{name} is a number, not {text!r}") from None
