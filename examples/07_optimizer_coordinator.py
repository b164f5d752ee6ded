"""An optimizer of your own that coordinates: it watches trials on a cluster, stops bad ones early, and launches others.

Needs a cluster with expsdk installed (`expsdk install --namespace …`) and an image with Python and expsdk's runtime,
such as images/base. The program fits the distance in which cars of 1920 came to a stop to their speed (M. Ezekiel,
Methods of Correlation Analysis, 1930) by gradient descent, and records each epoch by `python -m expsdk_runtime log`.

The search is successive halving: whoever reaches epoch 2 or 5 goes on if it is among the better half of those that
have come so far, and is pruned otherwise. As soon as a trial has ended the next one begins, until there were enough.
Prints the trials that were not pruned, best first:

    trial  loss     lr
    0002   115.062  0.000897
    0004   115.419  0.0004052
    0007   115.472  0.0003329
    0000   152.098  9.365e-05
"""

import argparse
import random
from statistics import median

from expsdk import Client, loguniform
from expsdk.client import new_experiment

PROGRAM = """
import os, subprocess, sys, time
speed = [4, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 22, 23, 24, 25]  # miles an hour
distance = [6, 13, 16, 10, 26, 22.5, 21.5, 35, 50.5, 33.3, 36, 40.7, 64.5, 50, 50.4, 66, 54, 93.8, 85]  # mean, in feet
slope, offset, lr = 0.0, 0.0, float(os.environ["EXPSDK_PARAM_LR"])
for epoch in range(8):
    for _ in range(5):
        errors = [slope * x + offset - y for x, y in zip(speed, distance)]
        slope -= lr * 2 * sum(error * x for error, x in zip(errors, speed)) / len(speed)
        offset -= lr * 2 * sum(errors) / len(speed)
    loss = sum((slope * x + offset - y) ** 2 for x, y in zip(speed, distance)) / len(speed)
    log = [sys.executable, "-m", "expsdk_runtime", "log", f"loss={loss}", f"epoch={epoch}"]
    subprocess.run(log, check=True)
    time.sleep(0.5)
"""
RUNGS = (2, 5)
ENDED = {"Succeeded", "Failed", "Pruned", "Cancelled"}


def main(name, image, namespace, trials, parallelism, seed):
    draw = random.Random(seed)
    losses = {rung: {} for rung in RUNGS}  # of the trials that have come there, by name
    experiment = new_experiment(
        name,
        image=image,
        command=["python", "-c", PROGRAM],
        space={"lr": loguniform(1e-5, 1e-2)},
        objective="loss",
    )
    with Client(namespace=namespace) as client:
        experiment = client.experiments.create(experiment)

        def launch():
            return client.launch(experiment, {"lr": 10 ** draw.uniform(-5, -2)}).metadata.name

        running = {launch() for _ in range(min(trials, parallelism))}
        launched = len(running)
        for result in client.watch(experiment, until_over=True):
            trial, status = result.metadata.name, result.status
            if trial not in running:
                continue
            if status.phase in ENDED:
                running.discard(trial)
                if launched < trials:
                    running.add(launch())
                    launched += 1
            elif not is_promising(trial, status, losses):
                client.stop(trial, "pruned")
        print(client.results(experiment))


def is_promising(trial, status, losses):
    """Return whether a trial is among the better half at each of the rungs that it has reached."""
    for rung, found in losses.items():
        if status.epoch is not None and status.epoch >= rung and trial not in found:
            found[trial] = status.objectives["loss"]
            if found[trial] > median(found.values()):
                return False
    return True


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", default="stopping-distance")
    parser.add_argument("--image", default="expsdk-base:1")
    parser.add_argument("--namespace")
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--parallelism", type=int, default=4)
    parser.add_argument("--seed", type=int, default=7)
    main(**vars(parser.parse_args()))
