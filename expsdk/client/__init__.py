"""Experiments on a cluster, for any program: create them, launch trials, record, watch, wait, read.

`Client` is the way in. What trials run may be anybody's image and command, and what chooses the samples anybody's
program: this package knows neither functions nor samplers.
"""

from expsdk.client.client import Client
from expsdk.client.templates import new_experiment

__all__ = ["Client", "new_experiment"]
