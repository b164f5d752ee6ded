"""What `expsdk doctor` finds: settings, this machine, and the cluster; where it is not well, with what to do."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from expsdk.cli.place import Place
from expsdk.errors import ClusterError, ExpsdkError
from expsdk.version import __version__

if TYPE_CHECKING:
    from expsdk.cluster.api import Api

__all__ = ["FAIL", "OK", "WARN", "Finding", "here", "in_cluster", "settings"]

OK, WARN, FAIL = "ok", "warn", "fail"
LOW_BYTES = 1 << 30
SLOW_S = 1.0
EXTRAS = {
    "pandas": ("pandas",),
    "parquet": ("pandas", "pyarrow"),
    "plots": ("plotly", "matplotlib", "sklearn"),
    "dashboard": ("optuna_dashboard",),
    "tensorboard": ("tensorboard",),
}
"""The optional extras, with the modules that each brings."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: What it is.
        state: "ok", "warn" or "fail".
        found: What was found.
        remedy: What to do, or "".
    """

    name: str
    state: str
    found: str
    remedy: str = ""


def settings(place: Place) -> Iterator[Finding]:
    """Yield each setting that is in force, with where it is from."""
    for name, setting in place.settings.items():
        yield Finding(name, OK, f"{setting.value or 'not set'} ({setting.source})")


def here(place: Place) -> Iterator[Finding]:
    """Yield what there is to know of this machine."""
    yield Finding("expsdk", OK, f"{__version__} in {Path(__file__).parents[1]}")
    python = platform.python_version()
    minor = ".".join(map(str, sys.version_info[:2]))
    yield Finding(
        "python", OK, f"{python} ({sys.executable}); payloads that are packed here need {minor} in their image"
    )
    yield _git()
    yield _disk(place)
    for extra, modules in EXTRAS.items():
        missing = [module for module in modules if find_spec(module) is None]
        yield (
            Finding(f"extra {extra}", WARN, f"no {', '.join(missing)}", f"for {extra}: pip install 'expsdk[{extra}]'")
            if missing
            else Finding(f"extra {extra}", OK, "installed")
        )


def in_cluster(place: Place, *, forced: bool, wanted: bool | None) -> Iterator[Finding]:
    """Yield what there is to know of the cluster, or why it is not looked at.

    Args:
        place: Where experiments are.
        forced: Whether the cluster is where they are.
        wanted: Whether it is to be looked at; None: where a kubeconfig names one.
    """
    if wanted is False or (wanted is None and not forced and not _names_a_cluster()):
        why = "not looked at" if wanted is False else "not looked at: the backend is local, and no kubeconfig is there"
        yield Finding("cluster", OK, f"{why} (--cluster, or --backend kubernetes, does)")
        return
    from expsdk.cluster.api import Api

    try:
        api = Api.connect(**(place.options() if forced else {}))
    except ClusterError as error:
        yield Finding("cluster", FAIL, str(error))
        return
    with closing(api.connection):
        yield from _cluster(api)


def _cluster(api: Api) -> Iterator[Finding]:
    from expsdk.backends.kubernetes import preflight
    from expsdk.backends.kubernetes.coordinator import IMAGE
    from expsdk.cluster.rbac import COORDINATOR, TRIAL

    yield Finding("context", OK, f"{api.connection.context}, {api.connection.url}, namespace {api.namespace}")
    began = time.monotonic()
    try:
        server = api.server()
    except ClusterError as error:
        yield Finding("connection", FAIL, str(error))
        return
    took = time.monotonic() - began
    slow = f"an answer took {took:.1f} s: sweeps go on, reports come late" if took > SLOW_S else ""
    yield Finding("connection", WARN if slow else OK, f"Kubernetes {server.text} answers in {took * 1000:.0f} ms", slow)
    definitions = _asked("definitions", "Experiment and Result are known", lambda: preflight.check_installed(api))
    yield definitions
    if definitions.state == OK:
        yield _installed_version(api)
    yield _asked("permissions", "you may run sweeps here", lambda: preflight.check_permissions(api))
    for account in (TRIAL, COORDINATOR):

        def look(name: str = account) -> None:
            preflight.check_account(api, name, remedy="")

        yield _asked(f"account {account}", "is there", look)
    minor = ".".join(map(str, sys.version_info[:2]))
    yield Finding("trials' image", OK, f"python:{minor}-slim unless image= names another; it needs Python {minor}")
    yield Finding("coordinator's image", OK, f"{IMAGE} for run(detach=True), unless coordinator_image= names another")


def _installed_version(api: Api) -> Finding:
    """Return which expsdk has installed the definitions."""
    from expsdk.cluster.install import VERSION_ANNOTATION
    from expsdk.cluster.kinds import DEFINITIONS, EXPERIMENTS

    name = "definitions' version"
    try:
        document = api.get(DEFINITIONS, f"{EXPERIMENTS.plural}.{EXPERIMENTS.group}")
    except ClusterError as error:
        return Finding(name, WARN, f"not known: {error}", "sweeps need no right to read it")
    installed = (document["metadata"].get("annotations") or {}).get(VERSION_ANNOTATION, "")
    if installed == __version__:
        return Finding(name, OK, installed)
    found = f"{installed or 'unknown'} there, {__version__} here"
    return Finding(
        name, WARN, found, "run `expsdk install` with the newer of both, or ask who administers the cluster to"
    )


def _asked(name: str, found: str, look: Callable[[], None]) -> Finding:
    """Return a finding of something that says itself what is wrong and what to do."""
    try:
        look()
    except ExpsdkError as error:
        return Finding(name, FAIL, str(error))
    return Finding(name, OK, found)


def _names_a_cluster() -> bool:
    paths = os.environ.get("KUBECONFIG", "").split(os.pathsep) if os.environ.get("KUBECONFIG") else ["~/.kube/config"]
    return any(path and Path(path).expanduser().is_file() for path in paths)


def _git() -> Finding:
    path = shutil.which("git")
    if path:
        return Finding("git", OK, path)
    return Finding("git", WARN, "none on PATH", "records cannot tell which commit ran: install git")


def _disk(place: Place) -> Finding:
    """Return whether local experiments can be kept."""
    from expsdk.backends.local.store import FileStore

    root = FileStore(**(place.options() if place.backend == "local" else {})).root
    there = next(path for path in (root, *root.parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return Finding("disk", FAIL, f"{root} cannot be written", "give another directory with --root or EXPSDK_ROOT")
    free = shutil.disk_usage(there).free
    found = f"{root}: {free / LOW_BYTES:.1f} GiB free"
    return Finding("disk", WARN, found, "free some space") if free < LOW_BYTES else Finding("disk", OK, found)
