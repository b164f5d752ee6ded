"""An optimizer of your own, in one shot: it launches a grid of trials on a cluster, waits for them, and takes the best.

Needs a cluster with expsdk installed (`expsdk install --namespace …`) and an image with scikit-learn, such as
images/scikit-learn. The program in that image knows nothing of expsdk: it prints its error on handwritten digits, and
the optimizer reads that from its log and records it. Prints the trials, best first:

    trial  error       neighbors  weights
    0000   0.00888889  1          uniform
    0001   0.00888889  1          distance
    0003   0.0111111   3          distance
    …
"""

import argparse
from itertools import product

from expsdk import Client
from expsdk.client import new_experiment

PROGRAM = """
import sys
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
x, x_test, y, y_test = train_test_split(*load_digits(return_X_y=True), random_state=0)
print(1 - KNeighborsClassifier(int(sys.argv[1]), weights=sys.argv[2]).fit(x, y).score(x_test, y_test))
"""


def main(name, image, namespace):
    experiment = new_experiment(
        name,
        image=image,
        command=["python", "-c", PROGRAM],
        args=["$(EXPSDK_PARAM_NEIGHBORS)", "$(EXPSDK_PARAM_WEIGHTS)"],
        env={"HOME": "/tmp"},
        space={"neighbors": [1, 3, 10], "weights": ["uniform", "distance"]},
        objective="error",
    )
    with Client(namespace=namespace) as client:
        experiment = client.experiments.create(experiment)
        for neighbors, weights in product([1, 3, 10], ["uniform", "distance"]):
            client.launch(experiment, {"neighbors": neighbors, "weights": weights})
        for result in client.wait(experiment):
            if result.status.reason == "NoObjective":  # it ended well, and nobody has recorded what it printed
                *_, printed = client.logs(result)
                client.record(result, {"error": float(printed)})
        print(client.results(experiment))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", default="neighbors")
    parser.add_argument("--image", default="expsdk-scikit-learn:1")
    parser.add_argument("--namespace")
    main(**vars(parser.parse_args()))
