"""Debian's packages: what is missing is installed, and the source of Kubernetes is fetched."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from commands import ClusterError, run, run_logged, say

RELEASE = "bookworm"
TO_RUN = ("etcd-server", "containerd", "runc", "containernetworking-plugins", "iptables", "iproute2", "openssl")
TO_BUILD = ("golang-go", "golang-github-modern-go-reflect2-dev", "gcc", "libc6-dev", "make", "rsync", "jq")
TO_MAKE_IMAGES = ("buildah", "debootstrap", "gcc", "libc6-dev")

_MIRROR = "http://deb.debian.org/debian"
_SOURCES = Path("/etc/apt/sources.list.d/expsdk-test-cluster.list")
_POLICY = Path("/usr/sbin/policy-rc.d")


def check_machine() -> None:
    """Refuse to begin where it cannot end well."""
    if os.geteuid() != 0:
        raise ClusterError(
            "a cluster needs root (containers, a bridge, an iptables rule): sudo python tests/cluster up,\n"
            "or set KUBECONFIG to a cluster that you have"
        )
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        release = {}
    if (release.get("ID"), release.get("VERSION_CODENAME")) != ("debian", RELEASE):
        raise ClusterError(
            f"this is {release.get('PRETTY_NAME', platform.system())}, and the cluster is made of the packages of "
            "Debian 12 (bookworm):\nuse a machine or container with that, or set KUBECONFIG to a cluster that you have"
        )


def install(names: Iterable[str], log: Path) -> None:
    """Install those packages that are missing, without starting the services that they bring."""
    missing = sorted(set(names) - _installed())
    if not missing:
        return
    say(f"installing {', '.join(missing)}")
    _update(log)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["nice", "apt-get", "install", "--yes", "--no-install-recommends", "--no-upgrade", *missing]
    with _no_services():
        run_logged(["dpkg", "--configure", "--pending"], log, env=environment)  # if an earlier one was interrupted
        run_logged(command, log, env=environment)


def fetch_source(name: str, directory: Path, log: Path) -> None:
    """Put the source package as Debian has it into the directory, not unpacked."""
    if not any(release == RELEASE for _, release, _ in _targets("Sources")):
        _add_sources()
    _update(log)
    directory.mkdir(parents=True, exist_ok=True)
    as_root = ["--option", "APT::Sandbox::User=root"]
    run_logged(["nice", "apt-get", *as_root, "source", "--download-only", name], log, cwd=directory)


def mirror_url() -> str:
    """Return the Debian mirror that this machine uses."""
    for url, release, component in _targets("Packages"):
        if (release, component) == (RELEASE, "main"):
            return url
    return _MIRROR


def _add_sources() -> None:
    """Name Debian's source packages to apt, with the key that the mirror has already: apt refuses two keys for one."""
    say(f"adding Debian's sources to apt: {_SOURCES}")
    url = mirror_url()
    configured = [path.read_text(errors="replace") for path in sorted(_SOURCES.parent.iterdir()) if path.is_file()]
    configured.sort(key=lambda text: url.rstrip("/") not in text)
    keys = [key for text in configured for key in re.findall(r"(?i)\bsigned-by\s*[:=]\s*(/[^\s\],]+)", text)]
    for key in [*keys, ""]:
        signed = f" [signed-by={key}]" if key else ""
        _SOURCES.write_text(f"# Added by expsdk's tests/cluster\ndeb-src{signed} {url} {RELEASE} main\n")
        try:
            _targets("Sources")
        except ClusterError:
            _SOURCES.unlink()
        else:
            return
    raise ClusterError(f"apt takes no deb-src line for {url} beside its own: add one for {RELEASE} main by hand")


def _targets(kind: str) -> list[list[str]]:
    """Return address, release and component of all that apt's configuration names, "Packages" or "Sources"."""
    fields = "$(REPO_URI)|$(RELEASE)|$(COMPONENT)"
    return [
        line.split("|") for line in run("apt-get", "indextargets", "--format", fields, f"Created-By: {kind}").split()
    ]


def _update(log: Path) -> None:
    run_logged(["apt-get", "update", "--quiet"], log)


def _installed() -> set[str]:
    printed = run("dpkg-query", "--show", "--showformat", "${db:Status-Status} ${Package}\n")
    return {name for status, name in map(str.split, printed.splitlines()) if status == "installed"}


@contextmanager
def _no_services() -> Iterator[None]:
    """Debian's own way to say that installing a daemon must not start it."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\n# Written for a moment by expsdk's tests/cluster\nexit 101\n")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink(missing_ok=True)
