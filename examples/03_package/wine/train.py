"""The experiment."""

import numpy as np

from expsdk import experiment, integer, log_metrics, loguniform

from .data import load
from .model import Network


@experiment(
    name="wine",
    space={
        "lr": loguniform(1e-3, 1),
        "hidden": integer(2, 32, log=True),
        "weight_decay": loguniform(1e-4, 1e-1),
        "scaling": ["none", "standard"],
    },
    objective="val_loss",
)
def train(lr, hidden, weight_decay, scaling, epochs=40, batch=16):
    x, y, x_val, y_val = load()
    if scaling == "standard":
        mean, deviation = x.mean(axis=0), x.std(axis=0)
        x, x_val = (x - mean) / deviation, (x_val - mean) / deviation
    network = Network(x.shape[1], hidden, classes=3)
    for epoch in range(epochs):
        for rows in np.split(np.random.permutation(len(x)), range(batch, len(x), batch)):
            network.descend(x[rows], y[rows], lr=lr, weight_decay=weight_decay)
        mistakes = (network.probabilities(x_val).argmax(axis=1) != y_val).sum()
        log_metrics(
            {"train_loss": network.loss(x, y), "val_loss": network.loss(x_val, y_val), "val_mistakes": mistakes}, epoch
        )
