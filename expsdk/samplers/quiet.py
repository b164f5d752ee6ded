"""Optuna without its words: what it says about its studies is none of a sweep's."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back what Optuna says about its studies, and leave its settings as they are."""
    logger = logging.getLogger("optuna")
    level = logger.level
    logger.setLevel(max(level, logging.WARNING))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # by module would not do: some are raised in the name of Optuna's caller
            yield
    finally:
        logger.setLevel(level)


def load_optuna() -> None:
    """Import Optuna for the first time without a word: in a notebook, its progress bars ask for ipywidgets."""
    with quiet():
        import_module("optuna")
