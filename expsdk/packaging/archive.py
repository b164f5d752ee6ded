"""Deterministic zip archives: sorted entries, fixed times and modes, so that the same content has the same digest."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

_EARLIEST = (1980, 1, 1, 0, 0, 0)
_CHUNK_BYTES = 1024 * 1024


def build_archive(members: Mapping[str, bytes], *, limit_bytes: int) -> bytes | None:
    """Return a zip archive of `members`, content by name; None as soon as it outgrows `limit_bytes`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(members):
            entry = zipfile.ZipInfo(name, _EARLIEST)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            entry.create_system = 3
            entry.file_size = len(members[name])
            content = memoryview(members[name])
            with archive.open(entry, "w") as member:
                for start in range(0, len(content), _CHUNK_BYTES):
                    member.write(content[start : start + _CHUNK_BYTES])
                    if buffer.tell() > limit_bytes:
                        return None
    archived = buffer.getvalue()
    return archived if len(archived) <= limit_bytes else None
