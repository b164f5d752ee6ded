"""Which display a sweep gets: what was asked, what the environment says, and what standard error is."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from expsdk.errors import OptionError
from expsdk.spelling import suggest
from expsdk.sweep.observer import Observer, Silence

LIVE, PLAIN, QUIET = "live", "plain", "quiet"
MODES = (LIVE, PLAIN, QUIET)
VARIABLE = "EXPSDK_PROGRESS"
_DUMB = frozenset({"dumb", "unknown"})


def choose_progress(progress: object) -> str:
    """Return how a sweep is shown on standard error: "live", "plain" or "quiet".

    Args:
        progress: True for what suits, False for nothing, or one of these.

    Raises:
        OptionError: The program or EXPSDK_PROGRESS asks for what there is not.
    """
    is_terminal = sys.stderr is not None and sys.stderr.isatty()
    return choose_mode(progress, os.environ, is_terminal=is_terminal, is_notebook=is_notebook())


def make_observer(mode: str, *, drawn: bool) -> Observer:
    """Return who shows a sweep on standard error, or nobody.

    Args:
        mode: As `choose_progress` has chosen it.
        drawn: Whether a picture may be drawn here that is drawn again.
    """
    if mode == QUIET:
        return Silence()
    if mode == LIVE and is_notebook():
        from expsdk.sweep.display.notebook import NotebookProgress

        return NotebookProgress()
    if mode == LIVE and drawn:
        from expsdk.sweep.display.live import LiveProgress  # rich is slow to import

        return LiveProgress(sys.stderr)
    from expsdk.sweep.display.lines import LineProgress, StandardError

    return LineProgress(StandardError())


def is_notebook() -> bool:
    """Whether this process is the kernel of a notebook, of whatever make."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


def choose_mode(asked: object, environment: Mapping[str, str], *, is_terminal: bool, is_notebook: bool = False) -> str:
    """Return how to show a sweep: "live", "plain" or "quiet".

    What the program asks for counts before EXPSDK_PROGRESS, and that before what suits the place: a picture needs a
    terminal that can move its cursor, or a notebook, whoever asks for it; by itself it is drawn where neither NO_COLOR
    nor CI is set. An empty variable is none (https://no-color.org has it so for NO_COLOR).

    Args:
        asked: True for what suits, False for nothing, or a mode by its name.
        environment: The environment's variables.
        is_terminal: Whether standard error is a terminal.
        is_notebook: Whether this is the kernel of a notebook.

    Raises:
        OptionError: There is no such mode.
    """
    if asked is False:
        return QUIET
    wanted = _checked(asked, "progress") if asked is not True else ""
    named = environment.get(VARIABLE, "")
    wanted = wanted or (_checked(named, VARIABLE) if named else "")
    if wanted == QUIET:
        return QUIET
    can_draw = is_notebook or (is_terminal and environment.get("TERM", "").lower() not in _DUMB)
    suits = not environment.get("NO_COLOR") and not environment.get("CI")
    return LIVE if can_draw and (wanted == LIVE or (not wanted and suits)) else PLAIN


def _checked(mode: object, source: str) -> str:
    if mode not in MODES:
        raise OptionError(
            f"{source} is one of {', '.join(MODES)}{', True or False' if source == 'progress' else ''}, not {mode!r};"
            f" {suggest(mode, MODES)}"
        )
    return str(mode)
