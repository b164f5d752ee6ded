"""What the disk says, in words: a rule, the path, a remedy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from errno import EACCES, EDQUOT, ENOENT, ENOSPC, EPERM, EROFS
from pathlib import Path

from expsdk.errors import StorageError

_REMEDIES = {
    ENOSPC: "the disk is full: free some space",
    EDQUOT: "this user's share of the disk is used up: free some space",
    ENOENT: "a directory on the way to it is gone: give another place with root=",
    EROFS: "the disk is read-only: give another place with root=",
    EACCES: "this user may not write there: give another place with root=",
    EPERM: "this user may not write there: give another place with root=",
}


@contextmanager
def translating_disk_errors(path: Path) -> Iterator[None]:
    """Translate what the disk says."""
    try:
        yield
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        remedy = _REMEDIES.get(error.errno or 0, "give another place with root=")
        raise StorageError(
            f"records are kept in files, but {path} cannot be written ({error.strerror}); {remedy}"
        ) from error
