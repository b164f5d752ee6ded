"""What all tests share: three modules by name, the places that the conformance suite runs on, laws without a clock."""

import sys
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import settings

# This directory is on the path for these three alone: if it stayed there, tests/kubernetes would pass for the client of
# that name wherever that is not installed.
sys.path.insert(0, str(Path(__file__).parent))
import_module("loopback")
import_module("simulation")
pytest.register_assert_rewrite("real_cluster")
import_module("real_cluster")
sys.path.pop(0)

pytest_plugins = ("real_cluster",)

PLACES = ("local", "debug", "kubernetes")

# A slow machine breaks no law.
settings.register_profile("expsdk", deadline=None)
settings.load_profile("expsdk")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--place",
        action="append",
        choices=PLACES,
        help="a backend that the conformance suite runs on (default: local and debug)",
    )
