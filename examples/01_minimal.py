"""The smallest sweep: which learning rate, degree and momentum fit a noisy sine best?

Needs nothing beside expsdk. Prints the ten best of 20 trials, where they are kept, and the best one:

    trial  val_loss   lr         degree  momentum
    0019   0.0255298  0.02421    9       0.9
    0005   0.0441361  0.00766    3       0.9
    0014   0.0504245  0.02328    6       0.9

What "tpe" proposes depends on which trials have ended by then, so some rows differ from run to run.
"""

import math
import random

from expsdk import choice, experiment, integer, log_metric, loguniform


@experiment(
    space={"lr": loguniform(1e-4, 3e-2), "degree": integer(1, 9), "momentum": choice([0.0, 0.5, 0.9])},
    objective="val_loss",
    direction="minimize",
)
def fit_sine(lr, degree, momentum, epochs=200):
    training, validation = noisy_sine(30, seed=1), noisy_sine(200, seed=2)
    weights, steps = [0.0] * (degree + 1), [0.0] * (degree + 1)
    for epoch in range(epochs):
        for x, y in training:
            slope = polynomial(weights, x) - y
            steps = [momentum * step - lr * slope * x**power for power, step in enumerate(steps)]
            weights = [weight + step for weight, step in zip(weights, steps, strict=True)]
        loss = sum((polynomial(weights, x) - y) ** 2 for x, y in validation) / len(validation)
        log_metric("val_loss", loss, epoch=epoch)


def polynomial(weights, x):
    return sum(weight * x**power for power, weight in enumerate(weights))


def noisy_sine(points, seed):
    random_numbers = random.Random(seed)
    xs = [random_numbers.uniform(-1, 1) for _ in range(points)]
    return [(x, math.sin(4 * x) + random_numbers.gauss(0, 0.1)) for x in xs]


if __name__ == "__main__":
    results = fit_sine.sweep(trials=20, parallelism=4, sampler="tpe", seed=7).run()
    print(results)
    print(results.best)
