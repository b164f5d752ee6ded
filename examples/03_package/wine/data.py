"""The data: 178 wines, 13 measurements each, three cultivators.

From the UCI Machine Learning Repository (Aeberhard and Forina, "Wine", 1992, doi:10.24432/C5PC7J, CC BY 4.0).
"""

from importlib.resources import files

import numpy as np


def load(*, validation=58, seed=0):
    """Return x and y to train on, then x and y to validate on."""
    with (files(__package__) / "wine.csv").open() as file:
        table = np.loadtxt(file, delimiter=",", skiprows=1)
    table = np.random.default_rng(seed).permutation(table)
    x, y = table[:, :-1], table[:, -1].astype(int)
    return x[validation:], y[validation:], x[:validation], y[:validation]
