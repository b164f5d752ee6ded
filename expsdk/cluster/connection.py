"""The connection to an API server: the one module that imports `kubernetes`.

The official client finds the cluster and proves who asks (kubeconfig with its plugins, or a pod's ServiceAccount) and
holds the pool of connections. Requests go through that pool as they are: its models refuse documents that servers
accept, and its way from dict to bytes costs more than the rest of a request (docs/decisions/0003).
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import urllib3
from urllib3.util import Retry, Timeout

from expsdk.errors import ClusterError, Unreachable

if TYPE_CHECKING:
    from urllib3.response import BaseHTTPResponse

CONNECT_TIMEOUT_S = 10.0
READ_TIMEOUT_S = 30.0
LONGEST_PAUSE_S = 30.0
_CHUNK_BYTES = 65_536
_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_BUSY = frozenset({429, 500, 502, 503, 504})


class _Retry(Retry):
    """Waits as long as the server asks for, but not for hours, which a proxy in maintenance may say."""

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        asked = super().get_retry_after(response)
        return None if asked is None else min(asked, LONGEST_PAUSE_S)


# All verbs: names make creation idempotent, and merge patches are.
_PATIENT = _Retry(
    total=10,
    connect=3,
    read=3,
    other=0,
    redirect=0,
    status=7,
    allowed_methods=None,
    status_forcelist=_BUSY,
    backoff_factor=0.25,
    backoff_max=10,
    backoff_jitter=0.25,
    respect_retry_after_header=True,
    raise_on_status=False,
)
_HASTY = Retry(total=0, raise_on_status=False)
_REMEDY = (
    "name one with kubeconfig= and context=, or set KUBECONFIG; `kubectl config get-contexts` lists those there are"
)


@dataclass(frozen=True)
class Connection:
    """A way to one API server, for many threads at once.

    Attributes:
        url: The server's address.
        context: The kubeconfig's context, or "in-cluster".
        namespace: The namespace that the context, or the pod, is in.
        limit_s: How long the server may be silent at most, in seconds, in requests that are sent once only; None: a
            busy server is waited for, and asked again.
    """

    url: str
    context: str
    namespace: str
    _client: Any = field(repr=False)
    limit_s: float | None = None

    def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        read_timeout_s: float = READ_TIMEOUT_S,
        stream: bool = False,
    ) -> BaseHTTPResponse:
        """Send a request and return the answer, whatever its status is.

        A busy server (429, 5xx) is asked again after the time it names, or with growing pauses; a stream is not: who
        reads it must go on from where it ended.

        Args:
            method: The HTTP method.
            path: The path below the server's address.
            body: What is sent.
            headers: Headers beside those that prove who asks.
            query: The query's parameters.
            read_timeout_s: How long the server may be silent, in seconds.
            stream: Whether the answer's body is read piece by piece, by the caller, who closes it.

        Raises:
            Unreachable: There is no answer.
        """
        sent = {"Accept": "application/json", **(headers or {})}
        try:
            sent |= self._proof()
            # The library's annotations know no `Retry` in `request`, which takes one.
            answer: BaseHTTPResponse = self._client.rest_client.pool_manager.request(
                method,
                f"{self.url}{path}{_encode(query)}",
                body=body,
                headers=sent,
                timeout=self._timeout(read_timeout_s),
                retries=_PATIENT if not stream and self.limit_s is None else _HASTY,
                preload_content=not stream,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self.unreachable(error) from error
        return answer

    def chunks(self, answer: BaseHTTPResponse) -> Iterator[bytes]:
        """Yield a stream's bytes as they come; raises `Unreachable` where it breaks off."""
        stream = answer.stream(_CHUNK_BYTES)
        while True:
            try:
                chunk = next(stream, None)
            # The latter two come from a TLS socket that another thread shuts down between two of its steps.
            except (urllib3.exceptions.HTTPError, OSError, AttributeError, ValueError) as error:
                raise self.unreachable(error) from error
            if chunk is None:
                return
            yield chunk

    def unreachable(self, error: BaseException) -> Unreachable:
        """Return the error that says that the server does not answer."""
        cause = getattr(error, "reason", None) or error
        words = str(cause).partition(": ")[2] or str(cause) or type(cause).__name__
        return Unreachable(
            f"an API server answers within seconds, and {self.url} (context {self.context}) does not: {words}; see that"
            " the cluster runs and that `kubectl get --raw /readyz` reaches it"
        )

    def close(self) -> None:
        """Close all connections."""
        self._client.close()
        self._client.rest_client.pool_manager.clear()

    def _timeout(self, read_timeout_s: float) -> Timeout:
        limit_s = math.inf if self.limit_s is None else self.limit_s
        return Timeout(connect=min(CONNECT_TIMEOUT_S, limit_s), read=min(read_timeout_s, limit_s))

    def _proof(self) -> dict[str, str]:
        """Return the header that proves who asks, renewed where it expires; none where a certificate proves it."""
        token = self._client.configuration.auth_settings().get("BearerToken")
        return {token["key"]: token["value"]} if token else {}


def is_named(*, context: str | None = None, kubeconfig: str | None = None) -> bool:
    """Whether anything names a cluster: the arguments, a kubeconfig that is there, or the surrounding pod."""
    return bool(context or kubeconfig or _kubeconfigs() or _is_in_cluster())


def connect(
    *,
    context: str | None = None,
    kubeconfig: str | None = None,
    connections: int = 16,
    limit_s: float | None = None,
) -> Connection:
    """Return a connection to the cluster that the arguments, the kubeconfig or the surrounding pod name.

    Nothing is sent yet.

    Args:
        context: A context of the kubeconfig; by default the current one.
        kubeconfig: The kubeconfig's path; by default `$KUBECONFIG`, or `~/.kube/config`.
        connections: How many connections are kept open.
        limit_s: See `Connection`.

    Raises:
        ClusterError: No cluster is named, or the kubeconfig cannot be read.
    """
    from kubernetes import client, config

    configuration = client.Configuration()
    if kubeconfig is None and context is None and not _kubeconfigs() and _is_in_cluster():
        name, namespace = "in-cluster", (_ACCOUNT / "namespace").read_text().strip()
        load: Any = config.load_incluster_config  # some versions of the library have no types
        load(client_configuration=configuration)
    else:
        name, namespace = _load_kubeconfig(config, configuration, kubeconfig, context)
    configuration.connection_pool_maxsize = connections
    configuration.retries = _PATIENT
    return Connection(configuration.host.rstrip("/"), name, namespace, client.ApiClient(configuration), limit_s)


def _load_kubeconfig(config: Any, configuration: Any, kubeconfig: str | None, context: str | None) -> tuple[str, str]:
    """Read the kubeconfig into the configuration; return the context's name and namespace."""
    import yaml

    if kubeconfig is not None and not Path(kubeconfig).expanduser().is_file():
        raise ClusterError(f"kubeconfig= is the path of a file, and there is none at {kubeconfig!r}; {_REMEDY}")
    if kubeconfig is None and not _kubeconfigs():
        raise ClusterError(f"a kubeconfig names the cluster, and there is none at {searched()}; {_REMEDY}")
    # Named in full: the library itself looks at the environment once only, when it is imported.
    file = str(Path(kubeconfig).expanduser()) if kubeconfig else os.pathsep.join(_kubeconfigs())
    try:
        contexts, active = config.list_kube_config_contexts(config_file=file)
        if context is not None and context not in {each["name"] for each in contexts}:
            known = ", ".join(each["name"] for each in contexts) or "none"
            raise ClusterError(f"context= is one of the kubeconfig's ({known}), not {context!r}; {_REMEDY}")
        config.load_kube_config(file, context, client_configuration=configuration, persist_config=False)
    except (config.ConfigException, yaml.YAMLError, OSError, KeyError, TypeError, ValueError) as error:
        raise ClusterError(
            f"a kubeconfig names a cluster and a user, and the one at {file} cannot be used:"
            f" {' '.join(str(error).split())}"
        ) from error
    chosen = next((each for each in contexts if each["name"] == context), active)
    return chosen["name"], chosen["context"].get("namespace") or "default"


def searched() -> str:
    """Return where kubectl looks for kubeconfigs."""
    return os.environ.get("KUBECONFIG") or "~/.kube/config"


def _kubeconfigs() -> list[str]:
    """Return the kubeconfigs that are there, in the order in which kubectl merges them."""
    paths = os.environ.get("KUBECONFIG", "").split(os.pathsep) if os.environ.get("KUBECONFIG") else ["~/.kube/config"]
    return [str(found) for path in paths if path and (found := Path(path).expanduser()).is_file()]


def _is_in_cluster() -> bool:
    return bool(os.environ.get("KUBERNETES_SERVICE_HOST")) and (_ACCOUNT / "token").is_file()


def _encode(query: Mapping[str, str] | None) -> str:
    from urllib.parse import urlencode

    return f"?{urlencode(query)}" if query else ""
