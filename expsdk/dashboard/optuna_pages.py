"""Optuna's dashboard beside our page: its pages over studies that mirror the experiments, kept as they change.

It is another's program that may write to its studies; these are to be read only, and none of its requests that would
change anything arrives here.
"""

from __future__ import annotations

import io
import re
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from expsdk.analysis.results import Results
from expsdk.analysis.study import Translator, translator_of
from expsdk.backends.base import Records
from expsdk.dashboard.live import Lookout
from expsdk.dashboard.watching import READING_ERRORS, ExperimentWatch

if TYPE_CHECKING:
    from expsdk.analysis.mirror import Mirror

WITHIN_S = 5.0
"""How long a page waits for an experiment that is read for the first time."""
TURN_S = 0.1
_STUDY = re.compile(r"/api/studies/(\d+)(?:/|$)")
_OWN_PATHS = ("/dashboard", "/api", "/static", "/favicon.ico")
_WAY_BACK = (
    b'<link rel="stylesheet" href="/page/back.css"><a id="expsdk-back" href="/">back to expsdk</a>'
    b'<script src="/page/back.js"></script></body>'
)


@dataclass(frozen=True)
class Answer:
    """An answer to a GET request."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes


@dataclass
class _Mirrored:
    """What of an experiment its study holds."""

    translator: Translator
    trials: dict[int, Any] = field(default_factory=dict)


def is_installed() -> bool:
    """Whether Optuna's dashboard is there."""
    return find_spec("optuna_dashboard") is not None


def is_its(path: str) -> bool:
    """Whether a path belongs to Optuna's dashboard, which wants its pages at these places."""
    return any(path == own or path.startswith(f"{own}/") for own in _OWN_PATHS)


class OptunaPages:
    """Optuna's dashboard as a function of paths; for many threads at once."""

    def __init__(self, records: Records, lookout: Lookout[ExperimentWatch], names: Sequence[str] = ()) -> None:
        """Load nothing yet.

        Args:
            records: What is kept.
            lookout: Where experiments are followed.
            names: The experiments that are to be shown; none: all.
        """
        self._records = records
        self._lookout = lookout
        self._names = frozenset(names)
        self._mirrored: dict[str, _Mirrored] = {}
        self._lock = threading.Lock()
        self._app: Callable[..., Iterable[bytes]] | None = None
        self._mirror: Mirror | None = None

    def path_of(self, name: str) -> str:
        """Return where an experiment's study is shown; raises `KeyError` where there is no such experiment."""
        mirror = self._open()
        if name not in self._mirrored:
            self._bring_in_all()
        return f"/dashboard/studies/{mirror.get_study_id_from_name(name)}"

    def name_of(self, study: int) -> str:
        """Return the experiment that a study mirrors; raises `KeyError`."""
        return self._open().get_study_name_from_id(study)

    def answer(self, path: str, query: str, *, accepted: str = "") -> Answer:
        """Return what Optuna's dashboard answers.

        Args:
            path: The path of a GET request.
            query: Its query.
            accepted: Its header Accept-Encoding.
        """
        mirror = self._open()
        asked = _STUDY.match(path)
        try:
            if asked:
                self._bring_up_to_date(mirror.get_study_name_from_id(int(asked[1])))
            elif path.rstrip("/") == "/api/studies":
                self._bring_in_all()
        except KeyError:
            pass  # a study of another time: its dashboard says so
        answer = self._ask(path, query, accepted)
        if path == "/dashboard" or path.startswith("/dashboard/"):
            body = answer.body.replace(b"</body>", _WAY_BACK)
            headers = [(name, value) for name, value in answer.headers if name.lower() != "content-length"]
            return Answer(answer.status, headers, body)
        return answer

    def _open(self) -> Mirror:
        """Load Optuna and its dashboard, once."""
        with self._lock:
            if self._mirror is None:
                import optuna_dashboard

                from expsdk.analysis.mirror import Mirror

                self._mirror = Mirror()
                self._app = optuna_dashboard.wsgi(self._mirror)
            return self._mirror

    def _bring_in_all(self) -> None:
        """Have a study for each experiment, at first without its trials."""
        try:
            experiments = self._records.experiments()
        except READING_ERRORS:
            return  # the list stays as it was
        for experiment in experiments:
            name = experiment.metadata.name
            if name not in self._mirrored and (not self._names or name in self._names):
                self._put(Results(experiment, (), location=""))

    def _bring_up_to_date(self, name: str) -> None:
        """Have the experiment's study hold its trials as they are now; it is followed for a while from now on."""
        if self._names and name not in self._names:
            raise KeyError(name)
        with self._lookout.at(name) as watch:
            version, give_up_at = -1, time.monotonic() + WITHIN_S
            while not ((sight := watch.look()).is_whole or sight.trouble or watch.is_over):
                if time.monotonic() > give_up_at:
                    break
                version = watch.wait(version, TURN_S)
        if sight.results is not None:
            self._put(sight.results)

    def _put(self, results: Results) -> None:
        """Put into the study what has changed since the last time."""
        with self._lock:
            assert self._mirror is not None, "it was opened before"
            known = self._mirrored.get(results.name)
            changed = [trial for trial in results if known is None or known.trials.get(trial.number) is not trial]
            if known is not None and not changed:
                return
            # What the axes are may depend on all trials: their values widen what has no bounds.
            translator = translator_of(results)
            if known is None or translator.axes != known.translator.axes:
                changed = list(results)
            self._mirror.put(results.name, translator, changed)
            self._mirrored[results.name] = _Mirrored(translator, {trial.number: trial for trial in results})

    def _ask(self, path: str, query: str, accepted: str) -> Answer:
        """Call Optuna's WSGI application (PEP 3333)."""
        assert self._app is not None, "it was opened before"
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:  # noqa: ARG001
            started.append((status, headers))

        environ: dict[str, Any] = {
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "",
            "PATH_INFO": path.encode().decode("latin-1"),
            "QUERY_STRING": query,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_ACCEPT_ENCODING": accepted,
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        chunks = self._app(environ, start_response)
        try:
            body = b"".join(chunks)
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()
        status, headers = started[-1]
        return Answer(int(status.split()[0]), headers, body)
