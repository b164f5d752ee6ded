"""How to come back to an experiment, in words that work where they are pasted."""

from __future__ import annotations

import shlex

import pytest

from expsdk.analysis.again import Again

PLACES = [
    ({}, 'expsdk.results("mine")', "expsdk show mine"),
    (
        {"backend": "kubernetes", "namespace": "ml"},
        'expsdk.results("mine", backend="kubernetes", namespace="ml")',
        "expsdk show mine --backend kubernetes --namespace ml",
    ),
    (
        {"root": "/a b/'c'"},
        """expsdk.results("mine", root="/a b/'c'")""",
        """expsdk show mine --root '/a b/'"'"'c'"'"''""",
    ),
]


@pytest.mark.parametrize(("address", "call", "command"), PLACES)
def test_both_ways_say_where_it_is_kept(address: dict[str, str], call: str, command: str) -> None:
    again = Again("mine", address)
    assert again.call("results") == call
    assert again.command("show") == command
    assert shlex.split(command)[3:] == [word for item in address.items() for word in (f"--{item[0]}", item[1])]


def test_what_is_called_of_it_comes_last() -> None:
    assert Again("mine", {"root": "here"}).call("attach", "run") == 'expsdk.attach("mine", root="here").run()'
