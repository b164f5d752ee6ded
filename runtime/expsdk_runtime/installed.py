"""Versions of the packages that a function imports, as the interpreter that runs it has them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

TEXT_LIMIT_CHARS = 4096


def versions_of(modules: Iterable[str]) -> dict[str, str]:
    """Return the installed distributions that provide top-level modules, by name, with their versions.

    What is not installed is left out, and so is what cannot be read: a trial can do without. Takes some 10 ms, and as
    much again where a distribution is not called like its module; the first time, 30 ms more.
    """
    wanted = set(modules)
    if not wanted:
        return {}
    from importlib import metadata  # slow to import, and who imports nothing does without

    found: dict[str, str] = {}
    try:
        for module in sorted(wanted):
            distribution = _named(metadata, module)
            if distribution is not None and _provides(distribution, module):
                wanted.discard(module)
                found.update(_about(distribution))
        for distribution in metadata.distributions() if wanted else ():
            if any(_provides(distribution, module) for module in wanted):
                # Of two of a name, the first on the path is the one that is imported.
                found = {**_about(distribution), **found}
    except Exception:  # whatever another installer has left there
        return dict(sorted(found.items()))
    return dict(sorted(found.items(), key=lambda pair: pair[0].lower()))


def environment_of(modules: Iterable[str]) -> dict[str, str]:
    """Return what a Result's environment says of the packages that provide modules; nothing where there are none."""
    text = as_text(versions_of(modules))
    return {"packages": text} if text else {}


def as_text(versions: dict[str, str]) -> str:
    """Return versions as pip reads them, `numpy==2.1.0 scikit-learn==1.7.2`, as many as fit in 4096 characters."""
    text = ""
    for name, version in versions.items():
        longer = f"{text} {name}=={version}".lstrip()
        if len(longer) > TEXT_LIMIT_CHARS:
            break
        text = longer
    return text


def _named(metadata: Any, name: str) -> Any:
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None


def _provides(distribution: Any, module: str) -> bool:
    """Whether a distribution holds a top-level module; reading its own lists is quicker than asking for its files."""
    named = distribution.read_text("top_level.txt")
    if named is not None:
        return module in named.split()
    record = "\n" + (distribution.read_text("RECORD") or "")
    return any(f"\n{module}{ending}" in record for ending in ("/", ".py,", ".cpython", ".abi3"))


def _about(distribution: Any) -> dict[str, str]:
    about = distribution.metadata
    return {about["Name"]: about["Version"]} if about["Name"] and about["Version"] else {}
