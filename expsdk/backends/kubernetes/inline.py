"""The program that a Job's command carries: it checks the payload before anything of it runs."""

from __future__ import annotations

from functools import cache
from importlib import resources

__all__ = ["inline_bootstrap"]


@cache
def inline_bootstrap() -> str:
    """Return the text of `expsdk_runtime/inline.py`."""
    return resources.files("expsdk_runtime").joinpath("inline.py").read_text(encoding="utf-8")
