"""The project's own images, built from their Dockerfiles by buildah on top of the stand-in for Python's image."""

from __future__ import annotations

import hashlib
import re
import shutil
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pip_settings
import standins
from commands import ClusterError, run, run_logged, say
from mounts import carries_overlays, remove_tree
from places import IMAGES, locked

_REPOSITORY = Path(__file__).resolve().parents[2]
_RECIPE = "1"  # counts the ways in which this file has built; images of another way are built anew
_PYTHON = standins.PYTHON.rpartition(":")[2].removesuffix("-slim")
_TRUST = '{"default": [{"type": "insecureAcceptAnything"}]}'  # nobody signs what was made a moment ago
_ANSWER_WITHIN_S = 10


@dataclass(frozen=True)
class Built:
    """An image of ours."""

    name: str
    dockerfile: str

    @property
    def tag(self) -> str:
        """How pods name it."""
        return f"docker.io/library/{self.name}:test"

    def archive(self) -> Path:
        """Return the file of the image as the sources are now, whether it is there or not."""
        return IMAGES / f"{self.name}.{self._digest(_REPOSITORY)}.tar"

    def inputs(self, root: Path) -> Iterator[Path]:
        """Yield all files that go into the image, in a fixed order: the Dockerfile, and what its COPY lines name."""
        yield root / self.dockerfile
        for source in self._sources():
            path = root / source
            files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
            yield from (each for each in files if "__pycache__" not in each.parts)

    def copy(self, root: Path) -> Path:
        """Copy what goes into the image, so that nobody changes it during the build, and return its archive's place."""
        for path in self.inputs(_REPOSITORY):
            copied = root / path.relative_to(_REPOSITORY)
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copied)
        return IMAGES / f"{self.name}.{self._digest(root)}.tar"

    def _sources(self) -> list[str]:
        lines = (_REPOSITORY / self.dockerfile).read_text().splitlines()
        copied = [line.split()[1:-1] for line in lines if line.startswith("COPY ") and "--from=" not in line]
        return [source for sources in copied for source in sources]

    def _digest(self, root: Path) -> str:
        digest = hashlib.sha256(f"{_RECIPE} {standins.archive(standins.PYTHON).name}".encode())
        for path in self.inputs(root):
            digest.update(f"\0{path.relative_to(root)}\0{path.stat().st_size}\0".encode())
            digest.update(path.read_bytes())
        return digest.hexdigest()[:12]


ALL = (
    Built("expsdk-base", "images/base/Dockerfile"),
    Built("expsdk-scikit-learn", "images/scikit-learn/Dockerfile"),
    Built("expsdk-torch", "images/torch/Dockerfile"),
    Built("expsdk", "Dockerfile"),
)


def are_built() -> bool:
    """Return whether the cache has all images as the sources are now."""
    return all(image.archive().exists() for image in ALL)


def build() -> dict[str, Path]:
    """Build what the cache lacks, on what `standins.make` makes, and return each image's archive by tag.

    Needs the packages `packages.TO_MAKE_IMAGES`.
    """
    with locked(IMAGES / "lock", "makes the images"):
        return {image.tag: archive if (archive := image.archive()).exists() else _build(image) for image in ALL}


def _build(image: Built) -> Path:
    log = IMAGES / f"{image.name}.log"
    say(f"building {image.tag}, at most a minute or two: {log}")
    began = time.monotonic()
    log.unlink(missing_ok=True)
    workplace = IMAGES / "build"
    remove_tree(workplace)
    context = workplace / "context"
    archive = image.copy(context)
    try:
        _bud(image, context, workplace / "image.tar", log)
    except ClusterError:
        remove_tree(IMAGES / "store")  # what an interrupted build left may be why, so the next begins anew
        raise
    for old in IMAGES.glob(f"{image.name}.*.tar"):
        old.unlink()
    (workplace / "image.tar").rename(archive)
    remove_tree(workplace)
    say(f"built in {time.monotonic() - began:.0f} s: {archive}")
    return archive


def _bud(image: Built, context: Path, archive: Path, log: Path) -> None:
    """Build the image; layers are kept in a store, so that one which is as before is not built again."""
    policy = context.parent / "policy.json"
    policy.write_text(_TRUST)
    trust = ("--signature-policy", policy)
    store = IMAGES / "store"
    driver = "overlay" if carries_overlays(IMAGES) else "vfs"
    buildah = ("nice", "buildah", "--root", store, "--runroot", store / "run", "--storage-driver", driver)
    settings = pip_settings.read()
    arguments = {"PYTHON": _PYTHON, **_arguments(context / image.dockerfile, settings)}
    options = [
        *(f"--build-arg={name}={value}" for name, value in arguments.items()),
        *(f"--volume={source}:{target}:ro" for source, target in pip_settings.volumes(settings, context.parent)),
    ]
    run(*buildah, "rm", "--all")  # what an interrupted build left
    run_logged([*buildah, "pull", *trust, f"docker-archive:{standins.archive(standins.PYTHON)}"], log)
    how = ("--isolation", "chroot", "--pull-never", "--layers")
    which = ("--tag", image.tag, "--file", context / image.dockerfile, context)
    run_logged([*buildah, "bud", *trust, *how, *options, *which], log)
    run_logged([*buildah, "push", *trust, image.tag, f"docker-archive:{archive}:{image.tag}"], log)
    run_logged([*buildah, "rmi", "--prune"], log)


def _arguments(dockerfile: Path, settings: dict[str, str]) -> dict[str, str]:
    """Return what the Dockerfile must be told here: another index, if the one that it names does not answer."""
    named = re.search(r"^ARG INDEX=(\S+)", dockerfile.read_text(), re.MULTILINE)
    if not named:
        return {}
    try:
        urllib.request.urlopen(named[1], timeout=_ANSWER_WITHIN_S).close()
    except OSError as exc:
        index = settings.get("index-url", pip_settings.PYPI)
        say(f"{named[1]} does not answer ({exc}): pip takes what {index} and this machine's settings of pip give")
        return {"INDEX": index}
    return {}
