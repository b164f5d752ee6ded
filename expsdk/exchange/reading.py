"""From a directory to an experiment: every file is what was exported, and every record is one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import ValidationError

from expsdk.backends.base import Document, Kept
from expsdk.errors import ExchangeError
from expsdk.exchange.layout import EXPERIMENT, FORMAT, LIST, RESULTS, TRIALS, digest_of
from expsdk.resources.experiment import Experiment, PayloadReference
from expsdk.resources.result import Result
from expsdk_runtime.contract import API_VERSION

_AGAIN = "export it again"


@dataclass(frozen=True)
class Export:
    """An experiment that was exported.

    Attributes:
        kept: All of it.
        created: When it was exported, in RFC 3339.
        source: Where from, for people.
    """

    kept: Kept
    created: str
    source: str


def read_export(directory: Path) -> Export:
    """Read an export and check all of it.

    Raises:
        ExchangeError: It is none, of another version, or not as it was exported; the message says what to do.
    """
    listed = _read_list(directory)
    files: Mapping[str, str] = listed["files"]
    for name, digest in files.items():
        _check_file(directory, name, digest)
    experiment = _parsed(directory / EXPERIMENT, Experiment)
    results = sorted(
        (
            _checked_result(directory / name, experiment.metadata.name)
            for name in files
            if PurePosixPath(name).parent.name == RESULTS and len(PurePosixPath(name).parts) == 2
        ),
        key=lambda document: int(document["spec"]["number"]),
    )
    kept = Kept(
        experiment,
        results,
        payload=_packed(directory, files, experiment.spec.payload),
        plan=_packed(directory, files, experiment.spec.plan),
        outputs={each.name: each for each in sorted(directory.glob(f"{TRIALS}/*")) if each.is_dir()},
    )
    return Export(kept, listed["created"], listed["from"])


def _read_list(directory: Path) -> dict[str, Any]:
    """Return what an export says of itself, if this version reads such."""
    try:
        listed = json.loads((directory / LIST).read_bytes())
    except OSError as error:
        raise ExchangeError(
            f"what is imported is a directory that `expsdk export` wrote, and {directory} has no {LIST}; name one"
        ) from error
    except ValueError as error:
        raise ExchangeError(
            f"an export lists its files in {directory / LIST}, which is damaged ({error}); {_AGAIN}"
        ) from error
    if not isinstance(listed, dict) or not isinstance(listed.get("files"), dict):
        raise ExchangeError(f"an export lists its files in {directory / LIST}, and that one does not; {_AGAIN}")
    if listed.get("format") != FORMAT or listed.get("apiVersion") != API_VERSION:
        raise ExchangeError(
            f"this expsdk reads exports of format {FORMAT} with records of {API_VERSION}, and {directory} has format"
            f" {listed.get('format')!r} with {listed.get('apiVersion')!r}, written by expsdk {listed.get('expsdk')};"
            " import it with that version"
        )
    return listed


def _check_file(directory: Path, name: str, digest: str) -> None:
    place = PurePosixPath(name)
    if place.is_absolute() or ".." in place.parts:
        raise ExchangeError(f"the files of an export lie below its directory, and it lists {name!r}; do not trust it")
    path = directory / name
    if path.is_symlink() or not path.is_file():
        raise ExchangeError(f"an export is whole, and {path} is missing; copy all of it again, or {_AGAIN}")
    found = digest_of(path)
    if found != digest:
        raise ExchangeError(
            f"an export is imported as it was written, and {path} was changed since: its digest is {found}, not"
            f" {digest}; copy it again, or {_AGAIN}"
        )


def _parsed(path: Path, kind: Any) -> Any:
    try:
        return kind.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise ExchangeError(f"an export holds records, and {path} is none ({error}); {_AGAIN}") from error


def _checked_result(path: Path, experiment: str) -> Document:
    result: Result = _parsed(path, Result)
    if result.spec.experiment != experiment or path.stem != result.metadata.name:
        raise ExchangeError(
            f"an export holds the Results of one experiment, {experiment!r}, and {path} is {result.metadata.name!r} of"
            f" {result.spec.experiment!r}; {_AGAIN}"
        )
    document: Document = json.loads(path.read_bytes())
    return document


def _packed(directory: Path, files: Mapping[str, str], reference: PayloadReference | None) -> bytes | None:
    """Return a packed file, if the export has it."""
    if reference is None or reference.file not in files:
        return None
    if files[reference.file] != reference.digest:
        raise ExchangeError(
            f"an experiment's packed files are those that its record names, and {directory / reference.file} is"
            f" {files[reference.file]}, not {reference.digest}; {_AGAIN}"
        )
    return (directory / reference.file).read_bytes()
