"""The files of an export: the names that local experiments have for them, and a list of all with their digests."""

from __future__ import annotations

import hashlib
from pathlib import Path

FORMAT = 1
LIST = "export.json"
"""What is exported, in JSON: "format", "experiment", "expsdk" (the version that wrote it), "apiVersion", "created",
"from", and "files", the SHA-256 of every other file by its path."""
EXPERIMENT = "experiment.json"
RESULTS = "results"
TRIALS = "trials"
LOG = "log.txt"
_CHUNK_BYTES = 1024 * 1024


def digest_of(path: Path) -> str:
    """Return "sha256:" and the hexadecimal digest of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return f"sha256:{digest.hexdigest()}"
