"""Kubernetes, built once from Debian's source package into the cache."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import packages
from commands import ClusterError, run, run_logged, say
from places import BINARIES, locked

NAMES = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet")

_RECIPE = "2"  # counts the ways in which this file has built; a cache of another way is built anew
_VERSION = BINARIES.name
_REFLECT2 = "github.com/modern-go/reflect2"
_NULL_CHECK = "if data == nil || reflect.DeepEqual(reflect.Zero(reflect.TypeOf(data)), reflect.ValueOf(data)) {"
_NULL_CHECKS = ("k8s.io/kube-openapi/pkg/validation/validate/type.go", "github.com/go-openapi/validate/type.go")
_DEBIAN_GO = Path("/usr/share/gocode/src")
_SPACE_NEEDED_GIB = 8


def binary(name: str) -> Path:
    """Return where the program is once it is built."""
    return BINARIES / name


def are_built() -> bool:
    """Return whether the cache has all programs; they appear in it at once, when all are complete."""
    try:
        return binary("recipe").read_text() == _RECIPE and all(binary(name).exists() for name in NAMES)
    except FileNotFoundError:
        return False


def build() -> None:
    """Build what the cache lacks. Needs the packages `packages.TO_BUILD`."""
    with locked(BINARIES.parent / "lock", "builds Kubernetes"):
        if are_built():
            return
        workplace = BINARIES.parent / "build"
        log = BINARIES.parent / "build.log"
        log.unlink(missing_ok=True)
        workplace.mkdir(parents=True, exist_ok=True)
        _check_space(workplace)
        say(f"building Kubernetes {_VERSION} from Debian's source, 7 minutes on 2 free cores, once: {log}")
        began = time.monotonic()
        source = _prepare(workplace, log)
        try:
            _make(source, workplace, log)
        except ClusterError:
            shutil.rmtree(source)  # what an interrupted build left may be why, so the next begins anew
            raise
        _keep(source / "_output" / "bin", workplace)
        shutil.rmtree(workplace)
        say(f"built in {time.monotonic() - began:.0f} s: {BINARIES}")


def _check_space(workplace: Path) -> None:
    free_gib = shutil.disk_usage(workplace).free / 2**30
    if free_gib < _SPACE_NEEDED_GIB:
        raise ClusterError(
            f"building Kubernetes needs {_SPACE_NEEDED_GIB} GiB for a while, and {free_gib:.1f} are free at {workplace}"
        )


def _prepare(workplace: Path, log: Path) -> Path:
    """Return the source tree, at the one place in GOPATH where it builds; an interrupted build goes on in its own."""
    source = workplace / "go" / "src" / "k8s.io" / "kubernetes"
    if source.exists():
        return source
    packages.fetch_source("kubernetes", workplace, log)
    (tarball,) = workplace.glob("kubernetes_*.orig.tar.gz")
    unpacking = workplace / "unpacking"
    shutil.rmtree(unpacking, ignore_errors=True)
    unpacking.mkdir()
    run("nice", "tar", "-xzf", tarball, "-C", unpacking)
    (unpacked,) = unpacking.iterdir()
    if unpacked.name != f"kubernetes-{_VERSION.removeprefix('v')}":
        raise ClusterError(f"Debian has {unpacked.name} now: change places.BINARIES after trying it")
    _replace_reflect2(unpacked)
    _mend_null_check(unpacked)
    source.parent.mkdir(parents=True, exist_ok=True)
    return unpacked.rename(source)


def _replace_reflect2(source: Path) -> None:
    """Replace a library that reads Go's map iterator as it was before Go 1.18: the API server would crash on CRDs."""
    vendored, newer = source / "vendor" / _REFLECT2, _DEBIAN_GO / _REFLECT2
    for suffix in (".go", ".s"):
        for old in vendored.glob(f"*{suffix}"):
            old.unlink()
        for new in newer.glob(f"*{suffix}"):
            shutil.copyfile(new, vendored / new.name)


def _mend_null_check(source: Path) -> None:
    """Compare with null as built by the Go of its time: since Go 1.18 these lines take an empty string for null.

    They compare `reflect.Value`s, whose addresses were never equal then. Kubernetes has `data == nil` there today.
    """
    for name in _NULL_CHECKS:
        path = source / "vendor" / name
        text = path.read_text()
        if text.count(_NULL_CHECK) != 1:
            raise ClusterError(f"{path} is not as known: compare it with tests/cluster/binaries.py")
        path.write_text(text.replace(_NULL_CHECK, "if data == nil {"))


def _make(source: Path, workplace: Path, log: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("GO", "KUBE", "MAKE"))}
    environment["PATH"] = f"/usr/lib/go/bin:{os.environ['PATH']}"
    environment["GOPATH"] = str(workplace / "go")
    targets = " ".join(f"cmd/{name}" for name in NAMES)
    run_logged(["nice", "make", f"WHAT={targets}"], log, cwd=source, env=environment)


def _keep(built: Path, workplace: Path) -> None:
    ready = workplace / "ready"
    shutil.rmtree(ready, ignore_errors=True)
    ready.mkdir()
    for name in NAMES:
        (built / name).rename(ready / name)
    version = run(ready / "kube-apiserver", "--version").strip()
    if version != f"Kubernetes {_VERSION}":
        raise ClusterError(f"the API server that was built says that it is {version!r}, not {_VERSION}")
    (ready / "recipe").write_text(_RECIPE)
    shutil.rmtree(BINARIES, ignore_errors=True)
    ready.rename(BINARIES)
