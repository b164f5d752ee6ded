"""The programs that make the cluster: their command lines and configurations, as plain values."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import network
from binaries import binary
from certificates import NODE, kubeconfig
from places import Places
from standins import PAUSE

_LOOPBACK = "127.0.0.1"
_CNI_PLUGINS = "/usr/lib/cni"
_RUNTIME = '"io.containerd.grpc.v1.cri"'


@dataclass(frozen=True)
class Component:
    """One long-lived process of the cluster."""

    name: str
    command: tuple[str, ...]


def control_plane(places: Places) -> list[Component]:
    """Return what decides, in the order in which it starts."""
    return [_etcd(places), _api_server(places), _controller_manager(places), _scheduler(places)]


def node(places: Places) -> list[Component]:
    """Return what runs pods, in the order in which it starts."""
    return [_containerd(places), _kubelet(places)]


def write_configurations(places: Places, *, snapshotter: str) -> None:
    """Write the files that the components read at their start."""
    _containerd_configuration(places).write_text(_containerd_toml(places, snapshotter))
    _kubelet_configuration(places).write_text(json.dumps(_kubelet_document(places), indent=2))


def _component(name: str, program: str | Path, flags: dict[str, object]) -> Component:
    return Component(name, (str(program), *(f"--{flag}={value}" for flag, value in flags.items())))


def _etcd(places: Places) -> Component:
    clients, peers = f"http://{_LOOPBACK}:{network.ETCD_PORT}", f"http://{_LOOPBACK}:{network.ETCD_PEER_PORT}"
    flags = {
        "name": NODE,
        "data-dir": places.state / "etcd",
        "listen-client-urls": clients,
        "advertise-client-urls": clients,
        "listen-peer-urls": peers,
        "initial-advertise-peer-urls": peers,
        "initial-cluster": f"{NODE}={peers}",
        "unsafe-no-fsync": "true",  # its data end with the cluster
        "logger": "zap",
    }
    return _component("etcd", "/usr/bin/etcd", flags)


def _api_server(places: Places) -> Component:
    directory = places.certificates
    flags = {
        "etcd-servers": f"http://{_LOOPBACK}:{network.ETCD_PORT}",
        "bind-address": _LOOPBACK,
        "secure-port": network.API_SERVER_PORT,
        "service-cluster-ip-range": network.SERVICE_NETWORK,
        "endpoint-reconciler-type": "none",  # pods reach it by network.create's rule
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "allow-privileged": "true",
        "client-ca-file": directory / "ca.crt",
        "tls-cert-file": directory / "apiserver.crt",
        "tls-private-key-file": directory / "apiserver.key",
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-key-file": directory / "accounts.pub",
        "service-account-signing-key-file": directory / "accounts.key",
        "kubelet-certificate-authority": directory / "ca.crt",
        "kubelet-client-certificate": directory / "admin.crt",
        "kubelet-client-key": directory / "admin.key",
        "kubelet-preferred-address-types": "InternalIP",
    }
    return _component("kube-apiserver", binary("kube-apiserver"), flags)


def _controller_manager(places: Places) -> Component:
    flags = {
        "kubeconfig": kubeconfig(places, "controller-manager"),
        "bind-address": _LOOPBACK,
        "port": 0,
        "leader-elect": "false",
        "flex-volume-plugin-dir": _volume_plugins(places),
        "root-ca-file": places.certificates / "ca.crt",
        "service-account-private-key-file": places.certificates / "accounts.key",
        "use-service-account-credentials": "true",
    }
    return _component("kube-controller-manager", binary("kube-controller-manager"), flags)


def _scheduler(places: Places) -> Component:
    flags = {
        "kubeconfig": kubeconfig(places, "scheduler"),
        "bind-address": _LOOPBACK,
        "port": 0,
        "leader-elect": "false",
    }
    return _component("kube-scheduler", binary("kube-scheduler"), flags)


def _containerd(places: Places) -> Component:
    return Component("containerd", ("/usr/bin/containerd", "--config", str(_containerd_configuration(places))))


def _kubelet(places: Places) -> Component:
    flags = {
        "config": _kubelet_configuration(places),
        "kubeconfig": kubeconfig(places, "kubelet"),
        "root-dir": places.kubelet,
        "hostname-override": NODE,
        "node-ip": network.NODE_ADDRESS,
        "container-runtime": "remote",
        "container-runtime-endpoint": f"unix://{places.containerd_socket}",
        "pod-infra-container-image": PAUSE,
    }
    return _component("kubelet", binary("kubelet"), flags)


def _volume_plugins(places: Places) -> Path:
    return places.state / "volume-plugins"


def _containerd_configuration(places: Places) -> Path:
    return places.state / "containerd.toml"


def _kubelet_configuration(places: Places) -> Path:
    return places.state / "kubelet.json"


def _containerd_toml(places: Places, snapshotter: str) -> str:
    def text(value: object) -> str:
        return json.dumps(str(value))  # JSON's strings are TOML's

    # Without restrict_oom_score_adj, runc fails where CAP_SYS_RESOURCE is missing.
    return f"""version = 2
root = {text(places.containerd_root)}
state = {text(places.containerd_state)}

[grpc]
address = {text(places.containerd_socket)}

[plugins."io.containerd.internal.v1.opt"]
path = {text(places.state / "opt")}

[plugins.{_RUNTIME}]
sandbox_image = {text(PAUSE)}
restrict_oom_score_adj = true
netns_mounts_under_state_dir = true

[plugins.{_RUNTIME}.containerd]
snapshotter = {text(snapshotter)}

[plugins.{_RUNTIME}.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins.{_RUNTIME}.containerd.runtimes.runc.options]
Root = {text(places.containerd_state / "runc")}

[plugins.{_RUNTIME}.cni]
bin_dir = {text(_CNI_PLUGINS)}
conf_dir = {text(network.cni_configuration(places))}
"""


def _kubelet_document(places: Places) -> dict[str, Any]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": network.NODE_ADDRESS,
        "healthzBindAddress": _LOOPBACK,
        "healthzPort": network.KUBELET_HEALTH_PORT,
        "readOnlyPort": 0,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": False},
            "x509": {"clientCAFile": str(places.certificates / "ca.crt")},
        },
        "authorization": {"mode": "AlwaysAllow"},
        "tlsCertFile": str(places.certificates / "kubelet-server.crt"),
        "tlsPrivateKeyFile": str(places.certificates / "kubelet-server.key"),
        "cgroupDriver": "cgroupfs",
        "failSwapOn": False,
        "makeIPTablesUtilChains": False,
        "volumePluginDir": str(_volume_plugins(places)),
        "featureGates": {"DevicePlugins": False},  # they have a fixed place in /var/lib/kubelet
        # Seen to be ready soon, without more reports of what is as before.
        "nodeStatusUpdateFrequency": "2s",
        "nodeStatusReportFrequency": "1m",
        # A full disk is not the tests' subject, and an image that is collected as garbage cannot be pulled again.
        "evictionHard": {"memory.available": "50Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
    }
