"""Domains as people write them."""

from __future__ import annotations

from typing import Any

import pytest

import expsdk
from expsdk import choice, integer, loguniform, normal, uniform
from expsdk.space.notation import as_domain, as_written, lines_of, parameters_of


@pytest.mark.parametrize(
    ("domain", "text"),
    [
        (uniform(0, 1.5), "uniform(0.0, 1.5)"),
        (uniform(0, 1, step=0.25), "uniform(0.0, 1.0, step=0.25)"),
        (loguniform(1e-4, 0.1), "loguniform(0.0001, 0.1)"),
        (integer(2, 8), "integer(2, 8)"),
        (integer(2, 8, step=2), "integer(2, 8, step=2)"),
        (integer(1, 1024, log=True), "integer(1, 1024, log=True)"),
        (normal(0.5, 2), "normal(0.5, 2.0)"),
        (["a", None, 3], "['a', None, 3]"),
        (choice({"sgd": {"momentum": uniform(0, 1)}, "adam": {}}), "['sgd', 'adam']"),
        ("fixed", "'fixed'"),
    ],
)
def test_a_domain_reads_as_it_is_written(domain: Any, text: str) -> None:
    assert as_written(as_domain(domain)) == text
    if not text.startswith("['sgd'"):  # its branches are left out
        assert as_domain(
            eval(text, vars(expsdk) | {name: getattr(expsdk, name) for name in expsdk.__all__})
        ) == as_domain(domain)


def test_a_space_reads_parameter_by_parameter_with_what_its_branches_have() -> None:
    branches = choice({"sgd": {"momentum": uniform(0, 1), "nesterov": [True, False]}, "adam": {}})
    assert list(lines_of(parameters_of({"lr": loguniform(1e-4, 0.1), "opt": branches, "epochs": 10}))) == [
        ("lr", "loguniform(0.0001, 0.1)"),
        ("opt", "['sgd', 'adam']"),
        ("opt='sgd' → momentum", "uniform(0.0, 1.0)"),
        ("opt='sgd' → nesterov", "[True, False]"),
        ("epochs", "10"),
    ]
