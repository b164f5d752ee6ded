"""The start of a job's process: `python payload.pyz …` arrives here once the interpreter's version is right.

Four ways in: a person gives `--parameters` and reads metrics on standard output; the local backend gives
`--attach FD`, a socket whose first line is the assignment; a pod gives `--pod`, and its environment says the rest;
`expsdk replay` gives `--replay FILE`.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from expsdk_runtime.console import say
from expsdk_runtime.contract import Assignment, ExitCode, Phase
from expsdk_runtime.journal import Journal
from expsdk_runtime.payload import Payload, PayloadError
from expsdk_runtime.place import Place
from expsdk_runtime.runner import run_trial
from expsdk_runtime.seeding import seeded
from expsdk_runtime.sinks import SocketSink

LOCAL_INTERVAL_S = 0.25


def main(path: str, arguments: list[str]) -> int:
    """Run the payload at `path` as `arguments` ask and return the process's exit code."""
    try:
        payload = Payload(path)
    except (PayloadError, OSError, KeyError, ValueError) as error:
        print(f"expsdk: {path} is no payload that this runtime can read: {error}", file=sys.stderr)
        return ExitCode.PAYLOAD_INVALID
    if arguments[:1] == ["--attach"]:
        return _attached(payload, *arguments[1:])
    if arguments[:1] == ["--pod"]:
        if os.environ.get("EXPSDK_PROGRAM"):
            from expsdk_runtime.program import run_program

            return run_program(payload)
        from expsdk_runtime.pod import run_pod

        return run_pod(payload)
    if arguments[:1] == ["--replay"]:
        from expsdk_runtime.replay import run_replay

        return run_replay(payload, arguments[1:])
    if arguments == ["--environment"]:
        from expsdk_runtime.replay import print_environment

        return print_environment(payload)
    return _standalone(payload, arguments)


def _attached(payload: Payload, descriptor: str, directory: str, root: str, digest: str) -> int:
    """Run the trial that the first line on a socket assigns; the project is unpacked in `directory` already."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a crash must not take lines along
    with socket.socket(fileno=int(descriptor)) as connection:
        return run_attached(
            lambda: payload.load(directory, root=root),
            connection,
            project_dir=directory,
            digest=digest,
            imports=payload.imports,
        )


def run_attached(
    load: Callable[[], Callable[..., object]],
    connection: socket.socket,
    *,
    project_dir: str,
    digest: str,
    imports: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> int:
    """Run the trial that the first line on `connection` assigns, and report there; return the process's exit code.

    Args:
        load: Returns the user's function.
        connection: The coordinator's socket.
        project_dir: Where the payload's copy of the user's project lies.
        digest: The payload's digest.
        imports: As `runner.run_trial` has it.
        environment: What the Result's environment says besides.
    """
    received = b""
    while b"\n" not in received:
        received += connection.recv(65536) or b"\n"
    line, _, rest = received.partition(b"\n")
    assignment = Assignment.from_json(line.decode())
    sink = SocketSink(connection, interval_s=LOCAL_INTERVAL_S, received=rest, directory=assignment.output_dir)
    return run_trial(
        seeded(load, assignment.seed),
        assignment,
        sink,
        digest=digest,
        imports=imports,
        project_dir=project_dir,
        place=Place(environment=environment),
    ).exit_code


class _ConsoleSink:
    """Prints how a standalone trial ended; its metrics are the journal's to print."""

    interval_s = LOCAL_INTERVAL_S

    def report(self, status: dict[str, Any]) -> None:
        if status["phase"] in Phase.FINISHED:
            ending = {key: status[key] for key in ("phase", "reason", "objectives") if status[key]}
            with suppress(OSError, ValueError):  # standard output may be closed: there is nobody to tell
                print(json.dumps(ending), flush=True)
            if status["phase"] == Phase.FAILED:
                say(f"expsdk: failed: {status['message'].splitlines()[-1]}")

    def stop(self) -> str:
        return ""

    def listen(self) -> None:
        return None


def _standalone(payload: Payload, arguments: list[str]) -> int:
    """Run one trial for a person, who gave its parameters on the command line."""
    import argparse
    import tempfile

    parser = argparse.ArgumentParser(
        prog=f"python {os.path.basename(payload.path)}",
        description=f"Run one trial of {payload.manifest['name']}: metrics are printed as JSON lines.",
    )
    parser.add_argument("--parameters", default="{}", metavar="JSON", help="the sample, for example '{\"lr\": 0.1}'")
    parser.add_argument(
        "--output-dir", metavar="DIR", help="where the trial may write (default: a temporary directory)"
    )
    parser.add_argument("--seed", type=int, default=0, help="the trial's seed (default: 0)")
    parser.add_argument("--manifest", action="store_true", help="print the payload's manifest and end")
    options = parser.parse_args(arguments)
    if options.manifest:
        print(json.dumps(payload.manifest, indent=2))
        return ExitCode.SUCCEEDED
    try:
        parameters = _parse_parameters(payload, options.parameters)
    except ValueError as error:
        parser.error(str(error))
    with tempfile.TemporaryDirectory(prefix="expsdk-") as scratch:
        output_dir = os.path.abspath(options.output_dir or os.path.join(scratch, "output"))
        os.makedirs(output_dir, exist_ok=True)
        project = os.path.join(scratch, "project")
        payload.unpack(project)
        assignment = Assignment(
            experiment=payload.manifest["name"],
            name=f"{payload.manifest['name']}-0000",
            number=0,
            attempt=1,
            parameters=parameters,
            objectives=payload.objectives,
            seed=options.seed,
            output_dir=output_dir,
            checkpoint_dir=os.path.join(output_dir, "checkpoint"),
        )
        function = seeded(lambda: payload.load(project), assignment.seed)
        return run_trial(function, assignment, _ConsoleSink(), journal=Journal(None), project_dir=project).exit_code


def _parse_parameters(payload: Payload, text: str) -> dict[str, Any]:
    """Return the parameters that `text` gives, if they are what the function takes."""
    try:
        parameters = json.loads(text)
    except ValueError as error:
        raise ValueError(f"--parameters takes a JSON object, and {text!r} is no JSON: {error}") from None
    if not isinstance(parameters, dict):
        raise ValueError(f'--parameters takes a JSON object such as {{"lr": 0.1}}, not {text!r}')
    accepted = payload.manifest["parameters"]
    missing = [name for name in accepted["required"] if name not in parameters]
    if missing:
        raise ValueError(f"--parameters lacks {', '.join(missing)}, which {payload.manifest['name']} needs")
    unknown = [name for name in parameters if name not in accepted["required"] + accepted["optional"]]
    if unknown and not accepted["open"]:
        known = ", ".join(accepted["required"] + accepted["optional"]) or "none"
        raise ValueError(
            f"--parameters has {', '.join(unknown)}, which {payload.manifest['name']} does not take (it takes: {known})"
        )
    return parameters
