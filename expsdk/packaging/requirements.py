"""Which distributions a payload's code imports, in the versions that are installed here: `packages="auto"`."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from zipfile import ZipFile

from expsdk.errors import PackingError
from expsdk.packaging.imports import imports_of_source
from expsdk.packaging.payload import Payload
from expsdk.packaging.project import SHIPPED_ANYWAY
from expsdk_runtime.payload import PROJECT, SOURCES


def requirements_of(payload: Payload) -> tuple[str, ...]:
    """Return what is to be installed where the payload runs, as pip has it: `("scikit-learn==1.7.2",)`.

    Counted are the imports of all sources that travel, those inside functions too; what is not installed here is left
    out, since a source may try to import what it can do without.

    Raises:
        PackingError: A distribution was installed here from a directory or a repository, so no index has it.
    """
    homes = packages_distributions()
    names = {name for module in set(_imported(payload)) for name in homes.get(module, ())}
    return tuple(sorted(filter(None, map(_pinned, names)), key=str.lower))


def _imported(payload: Payload) -> Iterator[str]:
    """Yield the top-level modules that the payload's sources import and that do not travel with it."""
    with ZipFile(io.BytesIO(payload.content)) as archive:
        sources = [name for name in archive.namelist() if name.startswith((PROJECT, SOURCES)) and name.endswith(".py")]
        own = {part.removesuffix(".py") for name in sources for part in name.split("/")}
        for name in sources:
            for module in imports_of_source(archive.read(name), package=""):
                top = module.partition(".")[0]
                if top not in sys.stdlib_module_names and top not in own and top not in SHIPPED_ANYWAY:
                    yield top


def _pinned(name: str) -> str:
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return ""
    origin = json.loads(found.read_text("direct_url.json") or "{}").get("url", "")
    if origin:
        raise PackingError(
            f"packages='auto' names what an index has, and {name} {found.version} was installed here from {origin};"
            " list packages= by hand, or build an image with it"
        )
    return f"{name}=={found.version.partition('+')[0]}"
