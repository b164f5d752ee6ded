"""A program of the user's own in its pod: no trial, and nothing reports for it. It is unpacked, called, and ends."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from types import FrameType
from typing import Any

from expsdk_runtime import failure
from expsdk_runtime.console import say
from expsdk_runtime.contract import ExitCode
from expsdk_runtime.payload import Payload, PayloadError


def run_program(payload: Payload, environment: Mapping[str, str] = os.environ) -> int:
    """Call the packed function with the arguments that the environment holds; return the process's exit code.

    SIGTERM raises SystemExit in it, so that it can clean up.
    """
    signal.signal(signal.SIGTERM, _end)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})  # the bootstrap has held it back
    scratch = environment.get("EXPSDK_SCRATCH") or "/tmp/expsdk"
    project = os.path.join(scratch, "project")
    try:
        arguments: dict[str, Any] = json.loads(environment.get("EXPSDK_PARAMETERS") or "{}")
        packages: list[str] = json.loads(environment.get("EXPSDK_PACKAGES") or "[]")
    except ValueError as error:
        say(f"expsdk: EXPSDK_PARAMETERS and EXPSDK_PACKAGES hold JSON: {error}")
        return ExitCode.USAGE
    try:
        if packages:
            from expsdk_runtime.packages import install

            install(packages, os.path.join(scratch, "packages"))
        payload.unpack(project)
        payload.load(project)(**arguments)
    except failure.NotReady as error:
        say(f"expsdk: {error}")
        return failure.exit_code_of(error.reason)
    except PayloadError as error:
        say(f"expsdk: {payload.path} is damaged: {error}")
        return ExitCode.PAYLOAD_INVALID
    except SystemExit as error:
        return failure.status_of(error)
    except BaseException as error:
        say(failure.describe(error, project_dir=project))
        return ExitCode.USER_ERROR
    return ExitCode.SUCCEEDED


def _end(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(ExitCode.PREEMPTED)
