"""The Dockerfile of an image with a payload and its packages baked in, as text."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from expsdk.version import __version__

PAYLOAD = "payload.pyz"
PLACE = "/expsdk/payload/000"
"""Where a job's inline bootstrap finds the payload; in other images the chunks of ConfigMaps are mounted there."""
DIGEST_LABEL = "expsdk.dev/digest"

PRESETS = {"scikit-learn": ("scikit-learn",), "torch": ("torch", "numpy")}
"""What `--from` takes beside images: the packages on top of a plain Python image."""


def base_image(given: str) -> str:
    """Return the image to build on: the one that is given, or Python's own of this process's version."""
    if given and given not in PRESETS:
        return given
    # With its registry, since not every builder guesses that.
    return f"docker.io/library/python:{sys.version_info.major}.{sys.version_info.minor}-slim"


def packages_for(given: str, packages: Sequence[str]) -> list[str]:
    """Return what pip is to install: those asked for, and a preset's, in the versions that are installed here."""
    named = [name for name in PRESETS.get(given, ()) if not any(_name(package) == name for package in packages)]
    return [_pinned(name) for name in named] + list(packages)


def dockerfile(manifest: dict[str, Any], digest: str, *, base: str, packages: Sequence[str], python: str) -> str:
    """Return the Dockerfile; its context holds `PAYLOAD`.

    Args:
        manifest: The payload's.
        digest: The payload's, "sha256:…".
        base: The image to build on.
        packages: What pip installs, as it takes it.
        python: The interpreter in the image.
    """
    heading = f"# The function of the experiment {manifest['name']} and what it needs, by expsdk {__version__}."
    installing = [python, "-m", "pip", "install", "--no-cache-dir", *packages]
    lines = [
        heading,
        f"FROM {base}",
        "USER 0",
        *([f"RUN {json.dumps(installing)}"] if packages else []),
        f"COPY {PAYLOAD} {PLACE}",
        f"# Fails where the image's Python is not {manifest['python']}, which the payload needs.",
        f"RUN {json.dumps([python, PLACE, '--help'])}",
        f"LABEL {DIGEST_LABEL}={digest} expsdk.dev/experiment={manifest['name']}",
        "ENV HOME=/tmp",
        "USER 1000:1000",
        "# For running it by hand: docker run IMAGE --parameters '{…}'. A sweep's Jobs have a command of their own.",
        f"ENTRYPOINT {json.dumps([python, PLACE])}",
    ]
    return "\n".join(lines) + "\n"


def _pinned(package: str) -> str:
    try:
        # A local part ("2.13.0+cpu") names a build that package indexes do not have.
        return f"{package}=={version(package).partition('+')[0]}"
    except PackageNotFoundError:
        return package


def _name(requirement: str) -> str:
    """Return the package that a requirement such as "Scikit_Learn[x]>=1.4" names, in its normal form (PEP 503)."""
    end = next((at for at, letter in enumerate(requirement) if not (letter.isalnum() or letter in "-_.")), None)
    return requirement[:end].lower().replace("_", "-").replace(".", "-")
