"""From a place to a directory: the experiment as it stands, its Results, its packed files and, on demand, outputs."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from expsdk.backends.base import Document, Records
from expsdk.errors import BackendError, ExchangeError, TrialNotFound
from expsdk.exchange.layout import EXPERIMENT, FORMAT, LIST, LOG, RESULTS, TRIALS, digest_of
from expsdk.resources.experiment import Experiment, ExperimentMetadata
from expsdk.version import __version__
from expsdk_runtime.contract import API_VERSION
from expsdk_runtime.status import timestamp

_OWN_PREFIXES = ("expsdk.dev/", "app.kubernetes.io/", "kubectl.kubernetes.io/")
"""Labels and annotations that the place of an experiment puts there, and that the next one puts there itself."""


@dataclass(frozen=True)
class Exported:
    """What was exported.

    Attributes:
        directory: Where to.
        trials: How many trials.
        outputs: Of how many there is what they wrote or printed.
        size_bytes: How much it is in all.
        notices: What was left out or may surprise, a sentence each.
    """

    directory: Path
    trials: int
    outputs: int
    size_bytes: int
    notices: tuple[str, ...]


def export_experiment(records: Records, name: str, directory: Path, *, outputs: bool = False) -> Exported:
    """Write an experiment into a directory, whole or not at all, and return what that is.

    Args:
        records: Where it is kept.
        name: Its name.
        directory: The directory; it must not be there yet, or be empty.
        outputs: Whether to export also what trials wrote and printed, as far as that can be read from here.

    Raises:
        ExperimentNotFound: There is no such experiment.
        ExchangeError: The directory is in use, or cannot be written.
    """
    experiment = records.experiment(name)
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise ExchangeError(f"an export has a directory of its own, and {directory} is not empty; name another")
    making = directory.absolute().with_name(f".{directory.absolute().name}.{secrets.token_hex(4)}")
    try:
        making.mkdir(parents=True)
        exported = _write(records, experiment, making, outputs=outputs)
        making.replace(directory)
    except OSError as error:  # shutil.Error is one, which lists what could not be copied
        raise ExchangeError(
            f"an export is written as files, and {directory} cannot be ({error.strerror or error}); name another place,"
            " or make room"
        ) from error
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return Exported(directory, **exported)


def _write(records: Records, experiment: Experiment, making: Path, *, outputs: bool) -> dict[str, Any]:
    name = experiment.metadata.name
    notices = []
    if records.is_driven(name):
        notices.append("the sweep runs still: what is exported is how it stands now")
    _write_json(making / EXPERIMENT, _portable(experiment).to_document())
    for plan, reference in ((False, experiment.spec.payload), (True, experiment.spec.plan)):
        if reference is not None:
            try:
                (making / reference.file).write_bytes(records.payload(experiment, plan=plan))
            except BackendError as error:
                notices.append(f"left out: {error}")
    documents = records.results(name)
    (making / RESULTS).mkdir()
    count = 0
    for document in documents:
        trial = document["metadata"]["name"]
        _write_json(making / RESULTS / f"{trial}.json", _portable_result(document))
        count += outputs and _write_outputs(records, document, making / TRIALS / trial)
    files = {path.relative_to(making).as_posix(): digest_of(path) for path in sorted(_files_below(making))}
    listed = {
        "format": FORMAT,
        "experiment": name,
        "expsdk": __version__,
        "apiVersion": API_VERSION,
        "created": timestamp(),
        "from": records.location(name),
        "files": files,
    }
    size = sum((making / file).stat().st_size for file in files)
    _write_json(making / LIST, listed, indent=1)
    return {"trials": len(documents), "outputs": count, "size_bytes": size, "notices": tuple(notices)}


def _write_outputs(records: Records, document: Document, target: Path) -> bool:
    """Copy what a trial wrote and printed; return whether there is any of it that can be read here."""
    trial = document["metadata"]["name"]
    log = records.log_path(trial)
    written = str((document.get("status") or {}).get("outputDir") or "")
    source = Path(log).parent if log is not None else Path(written) if written.startswith("/") else None
    if source is not None and source.is_dir():
        shutil.copytree(source, target, symlinks=True, ignore=_special)
    if log is None:
        try:
            lines = list(records.logs(trial))
        except (BackendError, TrialNotFound):  # its pod is gone, or it has not run
            lines = []
        if lines:
            target.mkdir(parents=True, exist_ok=True)
            (target / LOG).write_text("".join(lines), encoding="utf-8")
    return target.exists()


def _special(directory: str, names: list[str]) -> list[str]:
    """Return what cannot be copied: sockets, pipes."""
    paths = {name: Path(directory, name) for name in names}
    return [name for name, path in paths.items() if not (path.is_symlink() or path.is_file() or path.is_dir())]


def _files_below(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file() and not path.is_symlink()]


def _portable(experiment: Experiment) -> Experiment:
    """Return the record without what its place has added."""
    metadata = ExperimentMetadata.model_validate(_portable_metadata(experiment.to_document()["metadata"]))
    return experiment.model_copy(update={"metadata": metadata})


def _portable_result(document: Document) -> Document:
    return {**document, "metadata": _portable_metadata(document["metadata"])}


def _portable_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    marks = {
        key: {name: text for name, text in (metadata.get(key) or {}).items() if not name.startswith(_OWN_PREFIXES)}
        for key in ("labels", "annotations")
    }
    return {"name": metadata["name"], **marks}


def _write_json(path: Path, document: Mapping[str, Any], *, indent: int | None = None) -> None:
    path.write_text(json.dumps(document, indent=indent, allow_nan=False), encoding="utf-8")
