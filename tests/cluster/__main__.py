"""A real Kubernetes on this machine: `python tests/cluster up`, `down`, `status`, and `run` for all in one.

It is etcd, the API server, controller manager, scheduler, kubelet, containerd and runc, made of Debian 12's own
packages; root is needed. `up` prints the path of an administrator's kubeconfig. `run -- COMMAND` runs a command with
KUBECONFIG set: to the caller's own cluster where that is set already, else to this one, which is brought up for it
and, if it was not up before, taken down after it. `prepare` builds beforehand what `up` needs and keeps; `images`
builds those of the project's own images anew whose sources have changed, for a cluster that is up, as `up` and `run`
do too.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import cluster
from commands import ClusterError
from places import DIRECTORY, Places

NODE_IS_HERE = "EXPSDK_TESTS_NODE_IS_HERE"
"""Tells the command that pods can write to this machine's disk."""
IS_OURS = "EXPSDK_TESTS_CLUSTER_IS_OURS"
"""Tells tests that this cluster was brought up for them alone, so that they may take expsdk away from all of it."""


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(
        prog="python tests/cluster", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="up | down | status | prepare | images | run")
    for name, verb in _VERBS.items():
        added = verbs.add_parser(name, description=verb.__doc__)
        added.add_argument("--directory", type=Path, default=DIRECTORY, help="all of it (default: %(default)s)")
    added.add_argument("command", nargs="+", help="the command and its arguments, after --")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return _VERBS[arguments.verb](Places.at(arguments.directory), arguments)
    except ClusterError as exc:
        print(f"cluster: {exc}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("cluster: interrupted", file=sys.stderr)
        return 130


def _up(places: Places, _: argparse.Namespace) -> int:
    """Bring the cluster up, unless it is, and print the path of an administrator's kubeconfig."""
    cluster.up(places)
    print(places.kubeconfig)
    return 0


def _down(places: Places, _: argparse.Namespace) -> int:
    """Take the cluster down, or what is left of one that came to harm; caches, packages and logs stay."""
    cluster.down(places)
    return 0


def _status(places: Places, _: argparse.Namespace) -> int:
    """Tell what runs; the exit status is 0 if the cluster takes pods."""
    for name, runs in cluster.states(places).items():
        print(f"{name:<24} {'runs' if runs else 'does not run'}")
    if not cluster.is_up(places):
        print("the cluster is not up")
        return 1
    print(f"the cluster takes pods; KUBECONFIG={places.kubeconfig}")
    return 0


def _prepare(places: Places, _: argparse.Namespace) -> int:
    """Install, build and keep all that `up` needs; the cluster, up or not, stays as it is."""
    cluster.prepare(places)
    return 0


def _images(places: Places, _: argparse.Namespace) -> int:
    """Build the project's images as the sources are now and give them to the cluster, which is up."""
    cluster.renew_images(places)
    return 0


def _run(places: Places, arguments: argparse.Namespace) -> int:
    """Run a command with KUBECONFIG set to a cluster: the caller's, or this one, for as long as the command runs."""
    if os.environ.get("KUBECONFIG"):
        is_here = Path(os.environ["KUBECONFIG"]).resolve() == places.kubeconfig
        if is_here:
            cluster.renew_images(places)
        return _run_to_its_end(arguments.command, os.environ["KUBECONFIG"], **({NODE_IS_HERE: "1"} if is_here else {}))
    ours = cluster.up(places)
    try:
        told = {NODE_IS_HERE: "1", **({IS_OURS: "1"} if ours else {})}
        return _run_to_its_end(arguments.command, str(places.kubeconfig), **told)
    finally:
        if ours:
            cluster.down(places)


def _run_to_its_end(command: list[str], kubeconfig: str, **more: str) -> int:
    """Run the command; Ctrl-C is for it to heed, and SIGTERM is the same to it, so that it ends before the cluster."""
    try:
        process = subprocess.Popen(command, env={**os.environ, "KUBECONFIG": kubeconfig, **more})
    except OSError as exc:
        raise ClusterError(f"{command[0]} cannot be run: {exc.strerror}") from exc
    previous = [
        (signal.SIGINT, signal.signal(signal.SIGINT, lambda *_: None)),
        (signal.SIGTERM, signal.signal(signal.SIGTERM, lambda *_: process.send_signal(signal.SIGINT))),
    ]
    try:
        status = process.wait()
        return status if status >= 0 else 128 - status  # as shells say which signal ended it
    finally:
        for number, handler in previous:
            signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


_VERBS: dict[str, Callable[[Places, argparse.Namespace], int]] = {
    "up": _up,
    "down": _down,
    "status": _status,
    "prepare": _prepare,
    "images": _images,
    "run": _run,
}


if __name__ == "__main__":
    sys.exit(main())
