"""Up, down and status of the whole cluster."""

from __future__ import annotations

import json
import shutil
import ssl
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import binaries
import certificates
import components
import containers
import images
import machine
import network
import packages
import processes
from commands import ClusterError, last_lines, run, say
from mounts import remove_tree, unmount_below
from places import Places, locked

_READY_WITHIN_S = 120.0
_POLL_S = 0.25
_CONTAINERD_NAMESPACE = "k8s.io"  # the CRI plugin's


def up(places: Places) -> bool:
    """Bring the cluster up and return when it takes pods; return whether this call did it, or it was up before."""
    packages.check_machine()
    with locked(places.directory / "lock", "brings this cluster up or down"):
        if is_up(places):
            return False
        _provide(places)
        _clear(places)
        remove_tree(places.logs)
        network.check_free()
        began = time.monotonic()
        try:
            _start(places)
        except BaseException:
            say("it did not come up: taking down what was started; the logs stay")
            _clear(places)
            raise
        say(f"up in {time.monotonic() - began:.0f} s")
        return True


def down(places: Places) -> None:
    """End all that `up` started and undo what it did to the machine; packages, caches and logs stay."""
    packages.check_machine()
    with locked(places.directory / "lock", "brings this cluster up or down"):
        _clear(places)


def states(places: Places) -> dict[str, bool]:
    """Return of each component whether it runs."""
    return {component.name: processes.is_alive(places, component.name) for component in _all(places)}


def is_up(places: Places) -> bool:
    """Return whether all components run and the node takes pods."""
    return all(states(places).values()) and _takes_pods(places)


def _all(places: Places) -> list[components.Component]:
    return components.control_plane(places) + components.node(places)


def _provide(places: Places) -> None:
    """See to all that is kept: packages, binaries, images."""
    needed = set(packages.TO_RUN)
    if not shutil.which("kubectl"):
        needed.add("kubernetes-client")
    if not binaries.are_built():
        needed.update(packages.TO_BUILD)
    if not images.are_made():
        needed.update(packages.TO_MAKE_IMAGES)
    packages.install(needed, places.directory / "packages.log")
    binaries.build()
    images.make()


def _start(places: Places) -> None:
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
    for archive in images.files():
        _import(places, archive, snapshotter)
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


def _import(places: Places, archive: Path, snapshotter: str) -> None:
    importing = ("images", "import", "--snapshotter", snapshotter, archive)
    run("ctr", "--address", places.containerd_socket, "--namespace", _CONTAINERD_NAMESPACE, *importing)


def _snapshotter(places: Places) -> str:
    """Return how containerd keeps images: overlayfs, but that cannot lie on another overlayfs, as in a container."""
    filesystem = run("stat", "--file-system", "--format", "%T", places.state).strip()
    return "native" if filesystem == "overlayfs" else "overlayfs"
