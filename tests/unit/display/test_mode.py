"""Which display a sweep gets, by what the program asks, the environment says and standard error is."""

from __future__ import annotations

import pytest

from expsdk.errors import OptionError
from expsdk.sweep.display.mode import choose_mode


@pytest.mark.parametrize(
    ("asked", "environment", "is_terminal", "mode"),
    [
        (True, {}, True, "live"),
        (True, {}, False, "plain"),
        (True, {"NO_COLOR": "1"}, True, "plain"),
        (True, {"NO_COLOR": ""}, True, "live"),  # as no-color.org has it
        (True, {"CI": "true"}, True, "plain"),
        (True, {"TERM": "dumb"}, True, "plain"),
        (False, {"EXPSDK_PROGRESS": "live"}, True, "quiet"),
        ("plain", {"EXPSDK_PROGRESS": "live"}, True, "plain"),
        ("live", {"NO_COLOR": "1", "CI": "1"}, True, "live"),
        ("live", {}, False, "plain"),
        ("live", {"TERM": "dumb"}, True, "plain"),
        (True, {"EXPSDK_PROGRESS": "live", "CI": "1"}, True, "live"),
        (True, {"EXPSDK_PROGRESS": "plain"}, True, "plain"),
        (True, {"EXPSDK_PROGRESS": "quiet"}, True, "quiet"),
        ("quiet", {}, True, "quiet"),
        (True, {"EXPSDK_PROGRESS": ""}, True, "live"),
    ],
)
def test_what_is_asked_counts_most(
    asked: bool | str, environment: dict[str, str], is_terminal: bool, mode: str
) -> None:
    assert choose_mode(asked, environment, is_terminal=is_terminal) == mode


def test_another_mode_is_refused_with_the_one_that_was_meant() -> None:
    with pytest.raises(OptionError) as caught:
        choose_mode("pain", {}, is_terminal=True)
    assert str(caught.value) == (
        "progress is one of live, plain, quiet, True or False, not 'pain'; did you mean 'plain'?"
    )
    with pytest.raises(OptionError) as caught:
        choose_mode(True, {"EXPSDK_PROGRESS": "silent"}, is_terminal=True)
    assert str(caught.value).startswith("EXPSDK_PROGRESS is one of live, plain, quiet, not 'silent'; ")
