"""What a trial requests, as Kubernetes counts it."""

from __future__ import annotations

from typing import Any

import pytest

from expsdk.backends.kubernetes.requests import requests_of
from expsdk.backends.kubernetes.resources import Resources
from expsdk.errors import OptionError


def template(*resources: Any) -> dict[str, Any]:
    containers = [{"name": str(number), "resources": each} for number, each in enumerate(resources)]
    return {"spec": {"template": {"spec": {"containers": containers, "initContainers": containers}}}}


@pytest.mark.parametrize(
    ("resources", "found"),
    [
        ([{}], {"cpu": 0.0, "gpu": 0.0}),
        ([None], {"cpu": 0.0, "gpu": 0.0}),
        ([{"requests": {"cpu": "1500m", "memory": "4Gi"}}], {"cpu": 1.5, "gpu": 0.0}),
        ([{"requests": {"cpu": 2}}, {"requests": {"cpu": "250m"}}], {"cpu": 2.25, "gpu": 0.0}),
        ([{"limits": {"cpu": "2", "nvidia.com/gpu": 4}}], {"cpu": 2.0, "gpu": 4.0}),
        ([{"limits": {"cpu": "2"}, "requests": {"cpu": "1"}}], {"cpu": 1.0, "gpu": 0.0}),
        (
            [{"limits": {"amd.com/gpu": "1", "nvidia.com/mig-1g.5gb": 2, "gpu.intel.com/xe": 1}}],
            {"cpu": 0.0, "gpu": 4.0},
        ),
        ([Resources(cpu=0.5, gpu=2, memory="1Gi").to_document()], {"cpu": 0.5, "gpu": 2.0}),
    ],
)
def test_the_containers_requests_are_added(resources: list[Any], found: dict[str, float]) -> None:
    assert requests_of(template(*resources)) == found


def test_no_template_requests_nothing() -> None:
    assert requests_of({}) == {"cpu": 0.0, "gpu": 0.0}


def test_what_is_no_amount() -> None:
    with pytest.raises(OptionError, match=r"a template's cpu is an amount .* not 'many'"):
        requests_of(template({"requests": {"cpu": "many"}}))
