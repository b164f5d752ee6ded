"""The two images that pods need where no registry is: pause, and a stand-in for python:3.11-slim, made of Debian."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
from pathlib import Path
from typing import Any

import packages
from commands import run, run_logged, say
from mounts import unmount_below
from places import IMAGES, locked

PAUSE = "localhost/pause:1"
PYTHON = "docker.io/library/python:3.11-slim"

_RECIPE = "1"  # counts the ways in which this file has made them; images of another way are made anew
_FILES = {PAUSE: IMAGES / f"pause-1.recipe-{_RECIPE}.tar", PYTHON: IMAGES / f"python-3.11-slim.recipe-{_RECIPE}.tar"}
_PATH = "PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
_PAUSE_SOURCE = r"""
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
static void end(int number) { _exit(0); }
static void reap(int number) { while (waitpid(-1, 0, WNOHANG) > 0) {} }
int main(void) {
  signal(SIGTERM, end); signal(SIGINT, end); signal(SIGCHLD, reap);
  for (;;) pause();
}
"""
_NOT_NEEDED = (
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
    "usr/share/info",
    "var/cache/apt",
    "var/lib/apt/lists",
)


def archive(image: str) -> Path:
    """Return the image's archive, which `ctr images import` takes, whether it is there or not."""
    return _FILES[image]


def are_made() -> bool:
    """Return whether the cache has both images."""
    return all(path.exists() for path in _FILES.values())


def make() -> dict[str, Path]:
    """Make what the cache lacks and return both archives by tag. Needs the packages `packages.TO_MAKE_IMAGES`."""
    with locked(IMAGES / "lock", "makes the images"):
        workplace = IMAGES / "build"
        for image, maker in ((PAUSE, _make_pause), (PYTHON, _make_python)):
            if _FILES[image].exists():
                continue
            unmount_below(workplace)
            shutil.rmtree(workplace, ignore_errors=True)
            workplace.mkdir(parents=True)
            maker(workplace)
            unmount_below(workplace)
            shutil.rmtree(workplace)
    return dict(_FILES)


def _make_pause(workplace: Path) -> None:
    root = workplace / "root"
    root.mkdir()
    source = workplace / "pause.c"
    source.write_text(_PAUSE_SOURCE)
    run("gcc", "-Os", "-static", "-s", "-o", root / "pause", source)
    _pack(PAUSE, root, workplace, {"Entrypoint": ["/pause"], "User": "65535:65535"})


def _make_python(workplace: Path) -> None:
    log = IMAGES / "python.log"
    say(f"making a stand-in for {PYTHON} with debootstrap, half a minute, once: {log}")
    log.unlink(missing_ok=True)
    root = workplace / "root"
    included = "--include=python3,python3-pip,python3-venv,ca-certificates"
    command = ("nice", "debootstrap", "--variant=minbase", included, packages.RELEASE, root, packages.mirror_url())
    run_logged(command, log)
    _resemble_python_image(root)
    _pack(PYTHON, root, workplace, {"Cmd": ["python3"]})


def _resemble_python_image(root: Path) -> None:
    """Give the tree the names of the official image, a pip that installs, and no more than it needs."""
    for name, target in {"python": "python3", "python3": "python3", "python3.11": "python3.11", "pip": "pip3"}.items():
        (root / "usr/local/bin" / name).symlink_to(f"/usr/bin/{target}")
    (root / "usr/lib/python3.11/EXTERNALLY-MANAGED").unlink()
    for path in _NOT_NEEDED:
        shutil.rmtree(root / path, ignore_errors=True)
        (root / path).mkdir(parents=True)
    (root / "etc/resolv.conf").write_text("")
    (root / "etc/hostname").write_text("")


def _pack(image: str, root: Path, workplace: Path, settings: dict[str, Any]) -> None:
    """Write the tree as an image of one layer, in the form of `docker save`; the file appears when it is complete."""
    layer = workplace / "layer.tar"
    run("tar", "--numeric-owner", "--one-file-system", "--sort=name", "-cf", layer, "-C", root, ".")
    config = {
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine),
        "os": "linux",
        "config": {"Env": [_PATH], "WorkingDir": "/", **settings},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{_digest(layer)}"]},
        "history": [{"created_by": "expsdk tests/cluster"}],
    }
    encoded = json.dumps(config).encode()
    config_name = f"{hashlib.sha256(encoded).hexdigest()}.json"
    manifest = json.dumps([{"Config": config_name, "RepoTags": [image], "Layers": ["layer.tar"]}]).encode()
    unfinished = workplace / "image.tar"
    with tarfile.open(unfinished, "w") as archive:
        archive.add(layer, "layer.tar")
        for name, content in ((config_name, encoded), ("manifest.json", manifest)):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    unfinished.rename(_FILES[image])


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(2**20):
            digest.update(chunk)
    return digest.hexdigest()
