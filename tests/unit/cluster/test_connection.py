"""One connection: where it leads, how patient it is, and what it says where there is none."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from urllib3.util import Retry

from expsdk.cluster import connection as module
from expsdk.cluster.api import Api
from expsdk.cluster.connection import connect
from expsdk.cluster.kinds import JOBS
from expsdk.errors import ClusterError, Unreachable

if TYPE_CHECKING:
    from conftest import ApiServer

OK: dict[str, Any] = {"body": {"fine": True}}


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No kubeconfig of this machine's, and no pod around."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)


class TestPatience:
    @pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
    @pytest.mark.parametrize("verb", ["get", "create", "patch", "delete"])
    def test_a_busy_server_is_asked_again(self, api: Api, server: ApiServer, status: int, verb: str) -> None:
        server.plays({"status": status}, OK)
        ask: dict[str, Callable[[], object]] = {
            "get": lambda: api.get(JOBS, "a"),
            "create": lambda: api.create(JOBS, {"metadata": {"name": "a"}}),
            "patch": lambda: api.patch(JOBS, "a", {}),
            "delete": lambda: api.delete(JOBS, "a"),
        }
        ask[verb]()
        assert len(server.received) == 2
        assert server.received[0].body == server.received[1].body

    def test_the_pause_that_the_server_asks_for_is_kept(self, api: Api, server: ApiServer) -> None:
        server.plays({"status": 429, "headers": {"Retry-After": "1"}}, OK)
        began = time.monotonic()
        assert api.get(JOBS, "a") == {"fine": True}
        assert time.monotonic() - began >= 1  # the pause that was asked for, which is no measure of speed

    def test_no_pause_is_longer_than_half_a_minute(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from urllib3 import HTTPResponse

        response = HTTPResponse(headers={"Retry-After": "36000"}, status=503)
        assert Retry().get_retry_after(response) != module.LONGEST_PAUSE_S
        assert module._PATIENT.get_retry_after(response) == module.LONGEST_PAUSE_S
        assert module._PATIENT.get_retry_after(HTTPResponse()) is None

    def test_patience_ends_with_what_the_server_said(
        self, api: Api, server: ApiServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # The pauses are 25 s in all, and nothing but waiting would be tested by them.
        monkeypatch.setattr(Retry, "sleep", lambda *_: None)
        server.refuses(503, "etcdserver: leader changed")
        with pytest.raises(ClusterError, match=r"\(HTTP status 503\): etcdserver: leader changed") as error:
            api.get(JOBS, "a")
        assert error.value.status == 503
        assert len(server.received) == 8

    def test_what_is_wrong_is_not_asked_again(self, api: Api, server: ApiServer) -> None:
        server.refuses(409, "exists")
        with pytest.raises(ClusterError):
            api.create(JOBS, {"metadata": {"name": "a"}})
        assert len(server.received) == 1

    def test_a_stream_is_its_readers_to_begin_again(self, api: Api, server: ApiServer) -> None:
        server.refuses(429, "too many requests", headers={"Retry-After": "1"})
        with pytest.raises(ClusterError, match=r"too many requests") as error:
            api.watch(JOBS, selector="", version="1", timeout_s=1)
        assert error.value.status == 429
        assert len(server.received) == 1

    def test_a_silent_server_is_left(self, api: Api, server: ApiServer) -> None:
        server.plays({"silent_s": 0.5})
        with pytest.raises(Unreachable, match=r"an API server answers within seconds.*[Rr]ead timed out") as error:
            api.connection.request("GET", "/version", read_timeout_s=0.05)
        assert isinstance(error.value, ConnectionError)
        assert len(server.received) == 4

    def test_a_server_that_was_silent_once_is_asked_again(self, api: Api, server: ApiServer) -> None:
        server.plays({"silent_s": 0.5}, OK)
        assert api.connection.request("GET", "/version", read_timeout_s=0.2).status == 200


class TestKeepAlive:
    def test_requests_share_a_connection(self, api: Api, server: ApiServer) -> None:
        server.plays(OK)
        for _ in range(5):
            api.get(JOBS, "a")
        assert len({request.client for request in server.received}) == 1

    @pytest.mark.parametrize("hangs_up", ["after", "instead"])
    def test_a_connection_that_the_server_closed_is_made_anew(self, api: Api, server: ApiServer, hangs_up: str) -> None:
        server.plays(OK, {"hangs_up": hangs_up}, OK)
        for _ in range(3):
            api.create(JOBS, {"metadata": {"name": "a"}})
        assert len({request.client for request in server.received}) == 2

    def test_as_many_connections_as_threads(self, api: Api, server: ApiServer) -> None:
        server.plays({"silent_s": 0.3})
        threads = [threading.Thread(target=api.get, args=(JOBS, "a")) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len({request.client for request in server.received}) == 8


class TestSecurity:
    def test_a_certificate_is_checked(
        self, tls_server: ApiServer, tls_api: Api, kubeconfig: Callable[..., Path]
    ) -> None:
        tls_server.plays(OK)
        assert tls_api.get(JOBS, "a") == {"fine": True}
        strict = Api.connect(kubeconfig=str(kubeconfig(tls_server.url)))
        with pytest.raises(Unreachable, match=r"certificate verify failed"):
            strict.get(JOBS, "a")
        strict.close()


class TestKubeconfig:
    def test_its_context_and_namespace(self, kubeconfig: Callable[..., Path]) -> None:
        path = str(kubeconfig("http://127.0.0.1:7/"))
        there = connect(kubeconfig=path)
        assert (there.url, there.context, there.namespace) == ("http://127.0.0.1:7", "here", "ml")
        assert "t0ken" not in repr(there)
        assert connect(kubeconfig=path, context="bare").namespace == "default"
        assert Api.connect(kubeconfig=path, namespace="other").namespace == "other"

    def test_the_one_that_the_environment_names(
        self, kubeconfig: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("KUBECONFIG", f"{tmp_path}/none:{kubeconfig()}")
        assert connect().context == "here"

    def test_the_one_at_home(self, kubeconfig: Callable[..., Path], tmp_path: Path) -> None:
        (tmp_path / "home/.kube").mkdir(parents=True)
        kubeconfig().rename(tmp_path / "home/.kube/config")
        assert connect().context == "here"

    def test_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(ClusterError, match=r"there is none at ~/.kube/config; name one with kubeconfig="):
            connect()
        monkeypatch.setenv("KUBECONFIG", "/nowhere/config")
        with pytest.raises(ClusterError, match=r"there is none at /nowhere/config"):
            connect()
        with pytest.raises(ClusterError, match=r"kubeconfig= is the path of a file, and there is none at 'x/y'"):
            connect(kubeconfig="x/y")

    def test_a_context_that_it_does_not_have(self, kubeconfig: Callable[..., Path]) -> None:
        with pytest.raises(ClusterError, match=r"context= is one of the kubeconfig's \(here, bare\), not 'there'"):
            connect(kubeconfig=str(kubeconfig()), context="there")

    @pytest.mark.parametrize(
        "text",
        [
            "{",
            "- a\n",
            "just words\n",
            "apiVersion: v1\nkind: Config\n",
            "apiVersion: v1\nkind: Config\ncontexts: []\nclusters: []\nusers: []\ncurrent-context: ''\n",
            "current-context: a\ncontexts:\n- {name: a, context: {cluster: b, user: c}}\n",
            "current-context: a\ncontexts:\n- {name: a}\n",
        ],
        ids=["syntax", "list", "words", "empty", "no context", "no cluster", "half a context"],
    )
    def test_a_broken_one(self, kubeconfig: Callable[..., Path], text: str) -> None:
        path = kubeconfig(text=text)
        with pytest.raises(ClusterError, match=r"and the one at .*kubeconfig cannot be used: ."):
            connect(kubeconfig=str(path))

    def test_a_server_that_is_not_there(self, kubeconfig: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Retry, "sleep", lambda *_: None)  # pauses that nothing comes of
        api = Api.connect(kubeconfig=str(kubeconfig("http://127.0.0.1:1")))
        with pytest.raises(Unreachable, match=r"http://127.0.0.1:1 \(context here\) does not: .*refused.*/readyz"):
            api.get(JOBS, "a")
        api.close()


def test_a_pod_is_in_its_cluster(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, certificate: tuple[Path, Path]
) -> None:
    account = tmp_path / "account"
    account.mkdir()
    (account / "token").write_text("t1")
    (account / "namespace").write_text("ml\n")
    (account / "ca.crt").write_bytes(certificate[0].read_bytes())
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    # Where a pod finds its account is a fixed path of the whole machine, which a test leaves alone.
    from kubernetes.config import incluster_config

    monkeypatch.setattr(module, "_ACCOUNT", account)
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(account / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(account / "ca.crt"))
    there = connect()
    assert (there.url, there.context, there.namespace) == ("https://10.0.0.1:443", "in-cluster", "ml")
    assert list(there._proof().values()) == ["bearer t1"]
