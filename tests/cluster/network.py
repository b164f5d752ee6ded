"""The pods' network: a bridge that only this machine is on, and the way from pods to the API server on loopback."""

from __future__ import annotations

import json
import re
import socket
from contextlib import suppress
from ipaddress import IPv4Interface, IPv4Network, ip_interface
from pathlib import Path

from commands import ClusterError, run
from places import Places

BRIDGE = "expsdk0"
POD_NETWORK = "10.244.0.0/24"
NODE_ADDRESS = "10.244.0.1"  # the bridge's; the kubelet listens on it
SERVICE_NETWORK = "10.0.0.0/24"
SERVICE_ADDRESS = "10.0.0.1"  # the API server's, for pods
API_SERVER_PORT = 6443
API_SERVER_URL = f"https://127.0.0.1:{API_SERVER_PORT}"
ETCD_PORT, ETCD_PEER_PORT = 12379, 12380  # not etcd's own: Debian's may run here as a service
KUBELET_HEALTH_PORT, CONTROLLER_MANAGER_PORT, SCHEDULER_PORT = 10248, 10257, 10259

_LOOPBACK_PORTS = {
    API_SERVER_PORT: "kube-apiserver",
    ETCD_PORT: "etcd",
    ETCD_PEER_PORT: "etcd",
    KUBELET_HEALTH_PORT: "kubelet",
    CONTROLLER_MANAGER_PORT: "kube-controller-manager",
    SCHEDULER_PORT: "kube-scheduler",
}
_NAME = "expsdk-test"
# Without kube-proxy, this one rule is the Service "kubernetes".
_RULE = (
    *("PREROUTING", "--in-interface", BRIDGE, "--destination", f"{SERVICE_ADDRESS}/32"),
    *("--protocol", "tcp", "--match", "tcp", "--dport", "443"),
    *("--jump", "DNAT", "--to-destination", f"127.0.0.1:{API_SERVER_PORT}"),
)


def check_free() -> None:
    """Refuse where another cluster, program or network has what a cluster needs; called when this one is down."""
    if (owner := _owner()) is not None:
        raise ClusterError(
            f"this machine has a test cluster in {owner}, and one is the limit: "
            f"use it, or end it with\n    python tests/cluster down --directory {owner}"
        )
    for port, component in _LOOPBACK_PORTS.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as exc:
                raise ClusterError(
                    f"port {port} of 127.0.0.1, which {component} needs, is in use{_user_of(port)}: end that first"
                ) from exc
    for link in json.loads(run("ip", "-json", "address")):
        for address in link.get("addr_info", ()):
            local = ip_interface(f"{address['local']}/{address['prefixlen']}")
            if isinstance(local, IPv4Interface) and local.network.subnet_of(IPv4Network(POD_NETWORK)):
                raise ClusterError(
                    f"{link['ifname']} has the address {local}, which is in the pods' network {POD_NETWORK}: "
                    "take that interface down first, or change tests/cluster/network.py"
                )


def create(places: Places) -> None:
    """Make the bridge and the rule. The bridge bears the cluster's directory, so that `down` knows its own."""
    run("ip", "link", "add", BRIDGE, "type", "bridge")
    run("ip", "link", "set", BRIDGE, "alias", places.directory)
    run("ip", "address", "add", f"{NODE_ADDRESS}/{IPv4Network(POD_NETWORK).prefixlen}", "dev", BRIDGE)
    run("ip", "link", "set", BRIDGE, "up")
    # Packets from pods may end at 127.0.0.1, so that the API server need not listen where others reach it.
    Path(f"/proc/sys/net/ipv4/conf/{BRIDGE}/route_localnet").write_text("1")
    run("iptables", "--wait", "--table", "nat", "--append", *_RULE)
    _write_cni_configuration(places)


def remove(places: Places) -> None:
    """Remove the rule, and the bridge with all that is plugged into it."""
    if _owner() != str(places.directory):
        return
    while _has_rule():
        run("iptables", "--wait", "--table", "nat", "--delete", *_RULE)
    for link in json.loads(run("ip", "-json", "link", "show", "master", BRIDGE)):
        with suppress(ClusterError):  # it went with its pod
            run("ip", "link", "delete", link["ifname"])
    run("ip", "link", "delete", BRIDGE)


def cni_configuration(places: Places) -> Path:
    """Return the directory that containerd reads the pods' network from."""
    return places.state / "cni"


def _write_cni_configuration(places: Places) -> None:
    addresses = {
        "type": "host-local",
        "dataDir": str(places.state / "cni-addresses"),
        "ranges": [[{"subnet": POD_NETWORK, "gateway": NODE_ADDRESS}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    plugins = [{"type": "bridge", "bridge": BRIDGE, "ipam": addresses}]
    document = {"cniVersion": "0.4.0", "name": _NAME, "plugins": plugins}
    directory = cni_configuration(places)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "expsdk.conflist").write_text(json.dumps(document, indent=2))


def _owner() -> str | None:
    """Return the directory of the cluster that the bridge belongs to; None: there is no bridge."""
    if not Path("/sys/class/net", BRIDGE).exists():
        return None
    return Path("/sys/class/net", BRIDGE, "ifalias").read_text().strip()


def _has_rule() -> bool:
    try:
        run("iptables", "--wait", "--table", "nat", "--check", *_RULE)
    except ClusterError:
        return False
    return True


def _user_of(port: int) -> str:
    """Return who listens on the port, in words, as far as the kernel tells."""
    with suppress(ClusterError):
        found = re.search(r'\(\("([^"]+)",pid=(\d+)', run("ss", "-Hltnp", f"sport = :{port}"))
        if found:
            return f" by {found[1]} (process {found[2]})"
    return ""
