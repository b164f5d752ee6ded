"""Deterministic zip archives: sorted entries, fixed times and modes, so that the same content has the same digest."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

_EARLIEST = (1980, 1, 1, 0, 0, 0)


def build_archive(members: Mapping[str, bytes]) -> bytes:
    """Return a zip archive of `members`, content by name."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(members):
            entry = zipfile.ZipInfo(name, _EARLIEST)
            entry.external_attr = 0o644 << 16
            entry.create_system = 3
            archive.writestr(entry, members[name], zipfile.ZIP_DEFLATED, compresslevel=9)
    return buffer.getvalue()
