"""What draws figures: plotly or matplotlib, whichever is installed."""

from __future__ import annotations

from ast import literal_eval
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from expsdk.errors import ResultsError
from expsdk.spelling import suggest

if TYPE_CHECKING:
    import optuna

LIBRARIES = ("plotly", "matplotlib")
INSTALL = "pip install 'expsdk[plots]'"
STATES = {
    "COMPLETE": "succeeded",
    "INFEASIBLE": "violates constraints",
    "PRUNED": "pruned",
    "FAIL": "failed or cancelled",
    "RUNNING": "running",
    "WAITING": "pending",
}
"""What Optuna's states are called here."""
BEST = "best so far"
COLOURS = {
    "COMPLETE": "#2a6fbb",
    "INFEASIBLE": "#b8b8b8",
    "PRUNED": "#e69f00",
    "FAIL": "#c8382e",
    "RUNNING": "#2e9e5b",
    "WAITING": "#8c8c8c",
}


@dataclass(frozen=True)
class Captions:
    """The words of a figure.

    Attributes:
        title: What it shows.
        subtitle: How, or of which trials; "" where there is nothing to say.
        x: What goes along, where Optuna calls it something else.
        y: What goes up, likewise.
    """

    title: str
    subtitle: str = ""
    x: str | None = None
    y: str | None = None


class Drawing(Protocol):
    """Draws a study's figures by Optuna's functions, in our words."""

    def draw(self, kind: str, study: optuna.Study, captions: Captions, **options: Any) -> Any:
        """Return the figure of `optuna.visualization.plot_<kind>`."""

    def curves(self, study: optuna.Study, captions: Captions, *, best: int) -> Any:
        """Return a figure of intermediate values, with the curve of trial number `best` in bold."""

    def timeline(self, study: optuna.Study, captions: Captions) -> Any:
        """Return a figure of when trials ran."""


def drawing_of(library: str | None) -> Drawing:
    """Return what draws with a library, by default with the first that is installed.

    Raises:
        ResultsError: There is no such library here, or it is not installed.
    """
    if library is not None and library not in LIBRARIES:
        raise ResultsError(
            f"a figure is drawn by {' or '.join(map(repr, LIBRARIES))}, not {library!r}; {suggest(library, LIBRARIES)}"
        )
    for name in LIBRARIES if library is None else (library,):
        try:
            import_module(name)
        except ImportError:
            continue
        drawing: Drawing = import_module(f"expsdk.analysis.drawing_{name}")
        return drawing
    if library is None:
        raise ResultsError(
            f"results.plot needs plotly or matplotlib, and neither is installed; install both: {INSTALL}"
        )
    raise ResultsError(f"library={library!r} needs {library}, which is not installed; install it: {INSTALL}")


def unquoted(label: str) -> str:
    """Return an option of a choice as it is, where Optuna writes it as Python does."""
    try:
        return str(literal_eval(label))
    except (SyntaxError, ValueError):
        return label
