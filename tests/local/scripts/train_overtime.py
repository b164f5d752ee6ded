"""A sweep with one trial for every function of `overtime`."""

import overtime

from expsdk import choice, experiment, log_metric

KINDS = [
    name for name, value in vars(overtime).items() if getattr(value, "__module__", "") == "overtime" and name[0] != "_"
]


@experiment(space={"kind": choice(KINDS)}, objective="loss")
def train(kind):
    log_metric("seen", 1.0)
    return getattr(overtime, kind)()


if __name__ == "__main__":
    train.sweep(sampler="grid", parallelism=4, trial_timeout_s=1.0, grace_s=0.4, name="overtime").run()
