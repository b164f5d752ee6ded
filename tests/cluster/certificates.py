"""The cluster's own certificate authority, what it signs, and the kubeconfigs that carry it."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path

from commands import run
from network import API_SERVER_URL, NODE_ADDRESS, SERVICE_ADDRESS
from places import Places

NODE = "node1"

_DAYS = "3650"
_CONFIGURATION = "[req]\ndistinguished_name = name\n[name]\n"  # openssl's own would add extensions
_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc")


@dataclass(frozen=True)
class _Subject:
    file: str
    name: str
    alternative_names: tuple[str, ...] = ()


_API_SERVER_NAMES = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost")
_SUBJECTS = (
    _Subject(
        "apiserver",
        "/CN=kube-apiserver",
        (*(f"DNS:{name}" for name in _API_SERVER_NAMES), "IP:127.0.0.1", f"IP:{SERVICE_ADDRESS}"),
    ),
    _Subject("kubelet-server", f"/CN={NODE}", (f"DNS:{NODE}", f"IP:{NODE_ADDRESS}")),
    _Subject("kubelet", f"/O=system:nodes/CN=system:node:{NODE}"),
    _Subject("controller-manager", "/CN=system:kube-controller-manager"),
    _Subject("scheduler", "/CN=system:kube-scheduler"),
    _Subject("admin", "/O=system:masters/CN=admin"),
)
_CLIENTS = ("kubelet", "controller-manager", "scheduler", "admin")


def make(places: Places) -> None:
    """Make the authority, all certificates, the key pair of ServiceAccount tokens, and the kubeconfigs."""
    directory = places.certificates
    directory.mkdir(parents=True, mode=0o700)
    configuration = directory / "openssl.cnf"
    configuration.write_text(_CONFIGURATION)
    request = ("openssl", "req", "-x509", "-config", configuration, "-days", _DAYS, *_NEW_KEY)
    authority = ("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    run(*request, "-subj", "/CN=expsdk-test-cluster", *authority, *_output(directory, "ca"))
    for subject in _SUBJECTS:
        extensions = ["-addext", "extendedKeyUsage=serverAuth,clientAuth"]
        if subject.alternative_names:
            extensions += ["-addext", f"subjectAltName={','.join(subject.alternative_names)}"]
        signer = ("-CA", directory / "ca.crt", "-CAkey", directory / "ca.key")
        run(*request, *signer, "-subj", subject.name, *extensions, *_output(directory, subject.file))
    run("openssl", "genrsa", "-out", directory / "accounts.key", "2048")
    run("openssl", "rsa", "-in", directory / "accounts.key", "-pubout", "-out", directory / "accounts.pub")
    for client in _CLIENTS:
        _write_kubeconfig(places, client)


def kubeconfig(places: Places, client: str) -> Path:
    """Return the kubeconfig of a component."""
    return places.kubeconfig if client == "admin" else places.certificates / f"{client}.kubeconfig"


def _output(directory: Path, name: str) -> tuple[str | Path, ...]:
    return ("-keyout", directory / f"{name}.key", "-out", directory / f"{name}.crt")


def _write_kubeconfig(places: Places, client: str) -> None:
    def encoded(file: str) -> str:
        return base64.b64encode((places.certificates / file).read_bytes()).decode()

    name = "expsdk-test"
    cluster = {"server": API_SERVER_URL, "certificate-authority-data": encoded("ca.crt")}
    user = {"client-certificate-data": encoded(f"{client}.crt"), "client-key-data": encoded(f"{client}.key")}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": client, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": client}}],
        "current-context": name,
    }
    path = kubeconfig(places, client)
    path.touch(mode=0o600)
    path.write_text(json.dumps(document, indent=2))  # JSON is YAML
