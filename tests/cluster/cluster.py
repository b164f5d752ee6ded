"""Up, down and status of the whole cluster."""

from __future__ import annotations

import json
import shutil
import ssl
import time
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import binaries
import certificates
import components
import containers
import dockerfiles
import machine
import network
import packages
import processes
import standins
from commands import ClusterError, last_lines, run, say
from mounts import carries_overlays, remove_tree, unmount_below
from places import Places, locked, write_whole

_READY_WITHIN_S = 120.0
_POLL_S = 0.25
_CONTAINERD_NAMESPACE = "k8s.io"  # the CRI plugin's


def up(places: Places) -> bool:
    """Bring the cluster up and return when it takes pods; return whether this call did it, or it was up before."""
    packages.check_machine()
    with _locked(places):
        archives = _provide(places)
        if is_up(places):
            _import_images(places, archives)
            return False
        _clear(places)
        remove_tree(places.logs)
        network.check_free()
        began = time.monotonic()
        try:
            _start(places, archives)
        except BaseException:
            say("it did not come up: taking down what was started; the logs stay")
            _clear(places)
            raise
        say(f"up in {time.monotonic() - began:.0f} s")
        return True


def down(places: Places) -> None:
    """End all that `up` started and undo what it did to the machine; packages, caches and logs stay."""
    packages.check_machine()
    with _locked(places):
        _clear(places)


def prepare(places: Places) -> None:
    """See to all that `up` needs and that is kept: packages, binaries, images."""
    packages.check_machine()
    with _locked(places):
        _provide(places)


def renew_images(places: Places) -> None:
    """Build the project's images as the sources are now, and give them to the cluster, which is up."""
    packages.check_machine()
    with _locked(places):
        if not is_up(places):
            raise ClusterError("the cluster is not up, and `up` gives it the images: python tests/cluster up")
        _import_images(places, _provide(places))


def states(places: Places) -> dict[str, bool]:
    """Return of each component whether it runs."""
    return {component.name: processes.is_alive(places, component.name) for component in _all(places)}


def is_up(places: Places) -> bool:
    """Return whether all components run and the node takes pods."""
    return all(states(places).values()) and _takes_pods(places)


def _locked(places: Places) -> AbstractContextManager[None]:
    return locked(places.directory / "lock", "works on this cluster")


def _all(places: Places) -> list[components.Component]:
    return components.control_plane(places) + components.node(places)


def _provide(places: Places) -> dict[str, Path]:
    """See to all that is kept: packages, binaries, images, and return the images' archives by tag."""
    needed = set(packages.TO_RUN)
    if not shutil.which("kubectl"):
        needed.add("kubernetes-client")
    if not binaries.are_built():
        needed.update(packages.TO_BUILD)
    if not (standins.are_made() and dockerfiles.are_built()):
        needed.update(packages.TO_MAKE_IMAGES)
    packages.install(needed, places.directory / "packages.log")
    binaries.build()
    return {**standins.make(), **dockerfiles.build()}


def _start(places: Places, archives: dict[str, Path]) -> None:
    places.state.mkdir(parents=True)
    machine.remember(places)
    certificates.make(places)
    network.create(places)
    snapshotter = _snapshotter(places)
    components.write_configurations(places, snapshotter=snapshotter)
    containerd, kubelet = components.node(places)
    for component in (*components.control_plane(places), containerd):
        processes.start(component.name, component.command, places)
    _wait(places, "containerd", places.containerd_socket.exists)
    _import_images(places, archives)
    _wait(places, "kube-apiserver", lambda: _get(places, "/readyz") == "ok")
    processes.start(kubelet.name, kubelet.command, places)
    _wait(places, "kubelet", lambda: _takes_pods(places))


def _clear(places: Places) -> None:
    """Leave nothing but logs and the lock, in whatever state the cluster, or its remains, may be."""
    _end(places, "kubelet")  # first, or it starts containers anew
    containers.end_all(places)
    _end(places, *(component.name for component in _all(places)))
    unmount_below(places.state)
    containers.remove_traces(places)
    network.remove(places)
    machine.restore(places)
    remove_tree(places.state)


def _end(places: Places, *names: str) -> None:
    processes.end(process for name in names if (process := processes.noted(places, name)) is not None)


def _wait(places: Places, component: str, is_so: Callable[[], bool]) -> None:
    """Wait until it is so; the component is whose log to read if it does not come to that."""
    deadline = time.monotonic() + _READY_WITHIN_S
    while not is_so():
        for name in (component.name for component in _all(places)):
            if processes.noted(places, name) and not processes.is_alive(places, name):
                raise ClusterError(f"{name} ended{_told_by(places, name)}")
        if time.monotonic() > deadline:
            raise ClusterError(f"{component} was not ready after {_READY_WITHIN_S:.0f} s{_told_by(places, component)}")
        time.sleep(_POLL_S)


def _told_by(places: Places, component: str) -> str:
    log = places.log(component)
    return f"; the end of {log}, which is where to read:\n{last_lines(log.read_text(errors='replace'))}"


def _takes_pods(places: Places) -> bool:
    """Return whether a pod created now would run: the node is ready and open, the ServiceAccount has its token."""
    node = json.loads(_get(places, f"/api/v1/nodes/{certificates.NODE}") or "{}")
    conditions = {each["type"]: each["status"] for each in node.get("status", {}).get("conditions", ())}
    if conditions.get("Ready") != "True" or node["spec"].get("taints"):
        return False
    account = json.loads(_get(places, "/api/v1/namespaces/default/serviceaccounts/default") or "{}")
    return bool(account.get("secrets"))


def _get(places: Places, path: str) -> str:
    """Return what the API server answers; "" while it does not, or says no."""
    directory = places.certificates
    try:
        context = ssl.create_default_context(cafile=directory / "ca.crt")
        context.load_cert_chain(directory / "admin.crt", directory / "admin.key")
        with urllib.request.urlopen(f"{network.API_SERVER_URL}{path}", timeout=5, context=context) as answer:
            return str(answer.read().decode())
    except OSError:  # urllib's errors are
        return ""


def _import_images(places: Places, archives: dict[str, Path]) -> None:
    """Give containerd the images that it does not have as they are now."""
    ctr = ("ctr", "--address", places.containerd_socket, "--namespace", _CONTAINERD_NAMESPACE, "images")
    there = set(run(*ctr, "list", "--quiet").split())
    try:
        imported = json.loads(places.imported.read_text())
    except (FileNotFoundError, ValueError):
        imported = {}
    for tag, archive in archives.items():
        if tag not in there or imported.get(tag) != archive.name:
            run(*ctr, "import", "--snapshotter", _snapshotter(places), archive)
            imported[tag] = archive.name
            write_whole(places.imported, json.dumps(imported, indent=2))


def _snapshotter(places: Places) -> str:
    """Return how containerd keeps images."""
    return "overlayfs" if carries_overlays(places.state) else "native"
