"""A space with branches: three kinds of model, each with parameters of its own, some with branches in turn.

Only the parameters of the branch that a trial takes are drawn and reach the function. Prints the ten best of 30 trials,
then the best trial of each kind of model:

    trial  error      model      n_neighbors  weights   C       kernel  gamma
    0025   0.0122439  neighbors  1            uniform
    0005   0.0139121  svm                               1.463   rbf     0.8472
    0009   0.0150232  neighbors  7            distance
    …
    trial cross-validate-btlm6-0016: Succeeded, error=0.0406206 at epoch 4, model=linear alpha=0.001116 penalty=l2
"""

import argparse
from statistics import mean

from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from expsdk import choice, experiment, integer, log_metric, loguniform, uniform

MODELS = {"neighbors": KNeighborsClassifier, "svm": SVC, "linear": SGDClassifier}


@experiment(
    space={
        "model": choice(
            {
                "neighbors": {"n_neighbors": integer(1, 30, log=True), "weights": ["uniform", "distance"]},
                "svm": {
                    "C": loguniform(1e-2, 1e2),
                    "kernel": choice({"linear": {}, "rbf": {"gamma": loguniform(1e-3, 10)}}),
                },
                "linear": {
                    "alpha": loguniform(1e-6, 1e-1),
                    "penalty": choice({"l2": {}, "elasticnet": {"l1_ratio": uniform(0, 1)}}),
                },
            }
        )
    },
    objective="error",
)
def cross_validate(model, **settings):
    x, y = load_digits(return_X_y=True)
    errors = []
    for fold, (train, test) in enumerate(StratifiedKFold(5, shuffle=True, random_state=0).split(x, y)):
        fitted = MODELS[model](**settings).fit(x[train] / 16, y[train])
        errors.append(1 - fitted.score(x[test] / 16, y[test]))
        log_metric("error", mean(errors), epoch=fold)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--parallelism", type=int, default=2)
    results = cross_validate.sweep(**vars(parser.parse_args()), seed=7).run()
    print(results)
    ranked = results.top(len(results))
    for model in MODELS:
        print(next((trial for trial in ranked if trial.parameters["model"] == model), f"no trial took {model}"))
