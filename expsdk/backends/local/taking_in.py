"""An experiment that comes from elsewhere, as files: its packed files, its Results, what its trials wrote."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from expsdk.backends.base import Document, Kept


def fill_in(
    kept: Kept,
    directory: Path,
    *,
    directory_of: Callable[[str], Path],
    write: Callable[[Path, Document], None],
) -> None:
    """Put into an experiment's directory, which is being made, all but its record.

    Args:
        kept: The experiment.
        directory: The directory in the making.
        directory_of: Returns where a trial's own directory is to be.
        write: Writes a document to a file.
    """
    spec = kept.experiment.spec
    for reference, content in ((spec.payload, kept.payload), (spec.plan, kept.plan)):
        if reference is not None and content is not None:
            (directory / reference.file).write_bytes(content)
    for document in kept.results:
        name = document["metadata"]["name"]
        if name in kept.outputs:
            shutil.copytree(kept.outputs[name], directory / "trials" / name, symlinks=True)
            document = {**document, "status": {**document["status"], "outputDir": str(directory_of(name))}}
        write(directory / "results" / f"{name}.json", document)
