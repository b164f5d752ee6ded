"""Users' own optimizers inside the cluster: packed, run by a Job, with all that `Client` can do."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from expsdk import Client, submit
from expsdk.errors import BackendError, Conflict, OptionError

if TYPE_CHECKING:
    from real_cluster import Kubectl

IMAGE = os.environ.get("EXPSDK_TESTS_COORDINATOR_IMAGE", "expsdk:test")
BASE_IMAGE = os.environ.get("EXPSDK_TESTS_BASE_IMAGE", "expsdk-base:test")
WITHIN_S = 100.0


def make_grid() -> Any:
    """Return a program that travels by value: this module's imports are not in its pod."""

    def grid(image: str, rates: list[float]) -> None:
        from expsdk import Client
        from expsdk.client import new_experiment

        command = ["sh", "-c", "python -m expsdk_runtime log loss=$EXPSDK_PARAM_LR"]
        with Client() as client:
            record = new_experiment("grid", image=image, command=command, objective="loss")
            experiment = client.experiments.create(record)
            for lr in rates:
                client.launch(experiment, {"lr": lr})
            print("ended:", [trial.status.phase for trial in client.wait("grid")])

    return grid


def make_coordinator() -> Any:
    def coordinator(image: str) -> None:
        from expsdk import Client
        from expsdk.client import new_experiment

        script = "import time; time.sleep(0.5); print('tried')"
        command = ["sh", "-c", f'python -c "{script}" && python -m expsdk_runtime log loss=$EXPSDK_PARAM_X']
        with Client() as client:
            experiment = client.experiments.create(
                new_experiment("descent", image=image, command=command, objective="loss")
            )
            left = [3.0, 2.0, 1.0]
            for _ in range(2):
                client.launch(experiment, {"x": left.pop(0)})
            ended = set()
            for trial in client.watch(experiment, until_over=True):
                if trial.status.phase in ("Succeeded", "Failed") and trial.metadata.name not in ended:
                    ended.add(trial.metadata.name)
                    if left:
                        client.launch(experiment, {"x": left.pop(0)})

    return coordinator


def test_a_grid_in_one_shot(ready: Kubectl) -> None:
    arguments = {"image": BASE_IMAGE, "rates": [0.1, 0.01]}
    options: dict[str, Any] = {"arguments": arguments, "name": "shot", "namespace": ready.namespace, "image": IMAGE}
    with closing(submit(make_grid(), **options)) as program:
        assert (program.name, program.namespace) == ("shot", ready.namespace)
        followed = list(program.logs(follow=True))
        program.wait(timeout_s=WITHIN_S)
        assert program.phase == "Succeeded"
        assert followed == ["ended: ['Succeeded', 'Succeeded']\n"] == list(program.logs())
        with Client(namespace=ready.namespace) as client:
            assert client.results("grid").best.parameters == {"lr": 0.01}
        with pytest.raises(Conflict, match="'shot' is taken"):
            submit(make_grid(), **options)
        program.delete()
    for kind in ("job", "configmap", "pod"):
        ready("wait", "--for=delete", kind, "--selector", "expsdk.dev/program=shot", "--timeout=50s", ok=False)
    left = ready("get", "jobs,configmaps,pods", "--selector", "expsdk.dev/program=shot", "--output=name")
    assert left.stdout == ""
    assert ready.get("experiment", "grid")["metadata"]["name"] == "grid"


def test_a_coordinator_that_watches_and_launches(ready: Kubectl) -> None:
    with closing(
        submit(make_coordinator(), arguments={"image": BASE_IMAGE}, namespace=ready.namespace, image=IMAGE)
    ) as program:
        assert program.name.startswith("coordinator-")
        program.wait(timeout_s=WITHIN_S)
    with Client(namespace=ready.namespace) as client:
        found = client.results("descent")
        assert (len(found), found.best.parameters) == (3, {"x": 1})


def test_a_program_that_fails_is_run_again_and_tells_why(ready: Kubectl) -> None:
    def fails() -> None:
        raise ValueError("no optimum is known")

    with closing(submit(fails, name="fails", namespace=ready.namespace, image=IMAGE, retries=1)) as program:
        with pytest.raises(BackendError, match=r"(?s)the program fails has failed .*ValueError: no optimum is known"):
            program.wait(timeout_s=WITHIN_S)
        assert program.phase == "Failed"
    pods = ready("get", "pods", "--selector", "job-name=fails", "--output=name").stdout.split()
    assert len(pods) == 2


def test_what_cannot_be_called_is_refused_here(ready: Kubectl) -> None:
    def needs(number: int) -> None: ...

    with pytest.raises(OptionError, match="missing a required argument: 'number'"):
        submit(needs, namespace=ready.namespace)
    with pytest.raises(OptionError, match="what is submitted is a function, and 3 is a int"):
        submit(3, namespace=ready.namespace)  # type: ignore[arg-type]


def test_a_namespace_without_the_account(installed: Kubectl, kubectl: Kubectl, tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="a program in the cluster runs as ServiceAccount 'expsdk-coordinator'"):
        submit(make_grid(), arguments={"image": "", "rates": []}, namespace=kubectl.namespace, image=IMAGE)
    assert kubectl("get", "jobs,configmaps", "--selector", "expsdk.dev/program", "--output=name").stdout == ""
