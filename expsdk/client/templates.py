"""An Experiment whose trials run an image and a command of anybody's, written in Python instead of YAML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from expsdk.backends.kubernetes.resources import Resources
from expsdk.errors import OptionError
from expsdk.resources.experiment import Experiment, ExperimentMetadata, ExperimentSpec, Objective
from expsdk.resources.names import check_experiment_name
from expsdk.space import Space


def new_experiment(
    name: str,
    *,
    image: str,
    command: Sequence[str] = (),
    args: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    resources: Resources | None = None,
    objective: str,
    direction: str = "minimize",
    space: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> Experiment:
    """Return the record of an experiment for `Client.experiments.create`.

    For whatever else a Job can have, write the Experiment in YAML, or change `spec.job_template` of this one.

    Args:
        name: The experiment's name, unique in its namespace.
        image: The image of the trials' only container.
        command: What it runs; by default what the image says.
        args: Its arguments. `$(EXPSDK_PARAM_LR)` stands for the parameter lr, in `command` and `env` too.
        env: Environment variables.
        resources: What one trial needs of a machine.
        objective: The metric to optimise.
        direction: "minimize" or "maximize".
        space: The parameters' domains, as the decorator takes them; by default any parameters are good.
        seed: From it come the trials' own seeds.

    Raises:
        DefinitionError: The name or the space is impossible.
        OptionError: Another argument is.
    """
    for option, words in {"command": command, "args": args}.items():
        if isinstance(words, str):
            raise OptionError(f"{option} is a list of words, not {words!r}; write ['python', 'train.py'] for example")
    if direction not in {"minimize", "maximize"}:
        raise OptionError(f"direction is 'minimize' or 'maximize', not {direction!r}; write one of them")
    container: dict[str, Any] = {
        "name": "trial",
        "image": image,
        **({"command": list(command)} if command else {}),
        **({"args": list(args)} if args else {}),
        **({"env": [{"name": key, "value": value} for key, value in env.items()]} if env else {}),
        **({"resources": resources.to_document()} if resources else {}),
    }
    return Experiment(
        metadata=ExperimentMetadata(name=check_experiment_name(name)),
        spec=ExperimentSpec(
            space=Space.of(space).to_declarative() if space else {},
            objectives=(Objective(metric=objective, direction=direction),),
            seed=seed,
            job_template={"spec": {"template": {"spec": {"containers": [container]}}}},
        ),
    )
