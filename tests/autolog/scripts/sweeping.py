"""How the scripts here are run: what the environment says of trials, and the sweep itself."""

import os
import time

EPOCHS = int(os.environ.get("EPOCHS", "3"))
PAUSE_S = float(os.environ.get("PAUSE_S", "0"))
AUTOLOG = os.environ.get("AUTOLOG") != "off"


def pause():
    time.sleep(PAUSE_S)


def run(train):
    options = {"pruner": lambda report: True} if "PRUNE" in os.environ else {}
    sweep = train.sweep(trials=2, parallelism=2, sampler="grid", name="autolog", **options)
    sweep.run(os.environ.get("BACKEND", "local"))
