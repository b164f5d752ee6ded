"""Which distributions a payload's code imports, in the versions that are installed here: `packages="auto"`."""

from __future__ import annotations

import json
from importlib.metadata import distribution

from expsdk.errors import PackingError
from expsdk.packaging.payload import Payload
from expsdk_runtime.installed import versions_of


def requirements_of(payload: Payload) -> tuple[str, ...]:
    """Return what is to be installed where the payload runs, as pip has it: `("scikit-learn==1.7.2",)`.

    Counted are the imports of all modules that travel and of functions by value, those inside functions too; what is
    not installed here is left out, since a source may try to import what it can do without.

    Raises:
        PackingError: A distribution was installed here from a directory or a repository, so no index has it.
    """
    return tuple(map(_pinned, versions_of(payload.manifest["imports"])))


def _pinned(name: str) -> str:
    found = distribution(name)
    origin = json.loads(found.read_text("direct_url.json") or "{}").get("url", "")
    if origin:
        raise PackingError(
            f"packages='auto' names what an index has, and {name} {found.version} was installed here from {origin};"
            " list packages= by hand, or build an image with it"
        )
    return f"{name}=={found.version.partition('+')[0]}"
