"""A sweep with one trial for every function of `mishaps`."""

import mishaps

from expsdk import choice, experiment, log_metric

KINDS = [
    name for name, value in vars(mishaps).items() if getattr(value, "__module__", "") == "mishaps" and name[0] != "_"
]


@experiment(space={"kind": choice(KINDS)}, objective="loss")
def train(kind):
    log_metric("seen", 1.0)
    return getattr(mishaps, kind)()


if __name__ == "__main__":
    train.sweep(sampler="grid", parallelism=3, name="mishaps").run()
