"""The dashboard: what it shows, where it is, and how long it runs."""

from __future__ import annotations

import errno
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType

from expsdk.backends.base import Records
from expsdk.dashboard import optuna_pages, streams
from expsdk.dashboard.live import LINGER_S, Lookout
from expsdk.dashboard.logs import LogWatch
from expsdk.dashboard.server import Server, is_loopback
from expsdk.dashboard.watching import ExperimentWatch, ListWatch
from expsdk.errors import DashboardError
from expsdk.resources.names import EXPERIMENT_NAME_PATTERN, trial_number

DEFAULT_PORT = 8420
LOOPBACK = "127.0.0.1"
_PREVIOUS = " before"
_NAME = re.compile(EXPERIMENT_NAME_PATTERN)


class Dashboard:
    """Serves a live page of experiments from threads of this process.

    As a context manager it serves as long as the block lasts. It reads only, and there is no password: whoever reaches
    it sees the experiments' parameters, logs and errors.

    Attributes:
        url: Where the page is.
        port: The port that it has.
        is_closed: Whether it has ended.
    """

    def __init__(
        self,
        records: Records,
        names: Sequence[str] = (),
        *,
        host: str = LOOPBACK,
        port: int | None = None,
        open_to_others: bool = False,
        linger_s: float = LINGER_S,
    ) -> None:
        """Take a port; nothing is served yet.

        Args:
            records: What is kept, as `expsdk.backends.registry.open_records` opens it.
            names: The experiments that are to be shown; none: all, and those that begin later.
            host: The address to serve on, this machine's own unless told otherwise.
            port: The port; 0 takes a free one, and None 8420 or, where that is taken, a free one.
            open_to_others: Whether `host` may be an address that other machines reach.
            linger_s: How long an experiment is followed on when nobody looks any more, in seconds.

        Raises:
            ExperimentNotFound: There is no experiment of one of these names.
            DashboardError: The port or the address cannot be had.
        """
        if not open_to_others and not is_loopback(host):
            raise DashboardError(
                f"the dashboard has no password, so it serves on this machine alone, and others may reach {host}; leave"
                " the host out, or allow them: --open-to-others (open_to_others=True)"
            )
        for name in names:
            records.experiment(name)
        self._names = tuple(names)
        self._list: Lookout[ListWatch] = Lookout(lambda _: ListWatch(records, names), linger_s=linger_s)
        self._experiments: Lookout[ExperimentWatch] = Lookout(
            lambda name: ExperimentWatch(records, name), linger_s=linger_s
        )
        self._logs: Lookout[LogWatch] = Lookout(
            lambda key: LogWatch(records, key.removesuffix(_PREVIOUS), previous=key.endswith(_PREVIOUS)),
            linger_s=linger_s,
        )
        self.optuna = (
            optuna_pages.OptunaPages(records, self._experiments, names) if optuna_pages.is_installed() else None
        )
        self.is_closed = False
        self._server = _bind(self, host, port)
        shown = f"[{host}]" if ":" in host else host
        self.port = int(self._server.server_address[1])
        self.url = f"http://{shown}:{self.port}/"
        if len(names) == 1:
            self.url += f"#/{names[0]}"
        self._thread: threading.Thread | None = None

    def serve(self) -> None:
        """Serve until `close` is called from another thread, or Ctrl-C is pressed."""
        self._server.serve_forever(poll_interval=0.1)

    def start(self) -> Dashboard:
        """Serve from a thread of its own."""
        self._thread = threading.Thread(target=self.serve, name="expsdk-dashboard", daemon=True)
        self._thread.start()
        return self

    def close(self) -> None:
        """Serve no more; whoever looks is told by the page that the server has gone."""
        self.is_closed = True
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._thread = None
        for lookout in (self._list, self._experiments, self._logs):
            lookout.close()
        self._server.server_close()

    def followed(self) -> set[str]:
        """Return the names of the experiments that are followed now, because somebody looks at them."""
        return self._experiments.keys()

    def stream(self, what: str, query: Mapping[str, str]) -> Iterator[str] | None:
        """Return a page's data as server-sent events, or None where there is no such page.

        Args:
            what: "experiments", "experiment" or "trial".
            query: What the page asks for.
        """
        if what == "experiments":
            return streams.list_stream(self._list.at(""))
        name, trial = query.get("name", ""), query.get("trial", "")
        if not self._may_show(name, trial):
            return None
        if what == "experiment":
            return streams.experiment_stream(
                self._experiments.at(name), query, optuna="" if self.optuna is None else f"/optuna/{name}"
            )
        if what == "trial" and trial:
            key = trial + (_PREVIOUS if query.get("log") == "before" else "")
            return streams.trial_stream(self._experiments.at(name), self._logs.at(key), trial)
        return None

    def _may_show(self, name: str, trial: str) -> bool:
        """Whether these are names, and of what is shown: no path, and no trial of another experiment."""
        if not _NAME.fullmatch(name) or (self._names and name not in self._names):
            return False
        return not trial or trial_number(name, trial) is not None

    def __enter__(self) -> Dashboard:  # noqa: PYI034 (typing has Self from 3.11 on)
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _bind(dashboard: Dashboard, host: str, port: int | None) -> Server:
    """Return a server that has its port; raises `DashboardError`."""
    try:
        return Server(dashboard, host, DEFAULT_PORT if port is None else port)
    except OverflowError:
        raise DashboardError(f"a port is a number from 0 to 65535, not {port}; write --port 0 for a free one") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE and port is None:
            return Server(dashboard, host, 0)
        if error.errno == errno.EADDRINUSE:
            words = f"a server needs a port of its own, and {port} is taken; give another --port, or 0 for a free one"
        elif error.errno == errno.EACCES:
            words = f"port {port} is kept for this machine's administrator; give another --port, or 0 for a free one"
        else:
            words = f"the dashboard serves on an address of this machine, and {host!r} is none ({error.strerror})"
        raise DashboardError(words) from error
