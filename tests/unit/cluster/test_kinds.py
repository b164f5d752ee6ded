"""Where objects lie on the API server."""

from __future__ import annotations

import pytest

from expsdk.cluster.kinds import DEFINITIONS, JOBS, NAMESPACES, PODS, RESULTS, Kind

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@pytest.mark.parametrize(
    ("kind", "place", "path"),
    [
        (PODS, ("ml",), "/api/v1/namespaces/ml/pods"),
        (PODS, ("ml", "a", "log"), "/api/v1/namespaces/ml/pods/a/log"),
        (JOBS, ("ml", "a"), "/apis/batch/v1/namespaces/ml/jobs/a"),
        (RESULTS, ("ml", "a", "status"), "/apis/expsdk.dev/v1alpha1/namespaces/ml/results/a/status"),
        (RESULTS, ("",), "/apis/expsdk.dev/v1alpha1/results"),
        (NAMESPACES, ("ml", "other"), "/api/v1/namespaces/other"),
        (DEFINITIONS, ("ml", "results.expsdk.dev"), f"{CRDS}/results.expsdk.dev"),
        (PODS, ("../x", "a/b?c"), "/api/v1/namespaces/..%2Fx/pods/a%2Fb%3Fc"),
    ],
)
def test_a_kind_knows_where_its_objects_are(kind: Kind, place: tuple[str, ...], path: str) -> None:
    assert kind.path(*place) == path


def test_the_core_has_no_group() -> None:
    assert (PODS.group, JOBS.group, RESULTS.group) == ("", "batch", "expsdk.dev")
