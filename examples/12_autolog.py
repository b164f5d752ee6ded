"""XGBoost that knows nothing of expsdk: what it says of its own training is what the sweep compares.

`train_trees` has a decorator and not one other line of expsdk. The metrics of the sets in `evals` become the trial's, a
round an epoch, named as XGBoost prints them. So it is with TensorBoard writers, Keras, Lightning, LightGBM and Hugging
Face's Trainer: docs/autolog.md. Prints the ten best of 12 trials; without XGBoost, it says so and ends.

    trial  val-mlogloss  eta      max_depth
    0000   0.14835       0.544    4
    0001   0.156584      0.4005   6
"""

import argparse
import sys

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from expsdk import experiment, integer, loguniform

try:
    import xgboost
except ImportError as error:
    print(f"skipped: this example trains with XGBoost, which is not installed ({error}); pip install xgboost-cpu")
    sys.exit(0)


@experiment(space={"eta": loguniform(0.01, 1), "max_depth": integer(2, 6)}, objective="val-mlogloss")
def train_trees(eta, max_depth, rounds=20):
    images, digits = load_digits(return_X_y=True)
    x, x_val, y, y_val = train_test_split(images, digits, test_size=0.2, stratify=digits, random_state=0)
    train, val = xgboost.DMatrix(x, y), xgboost.DMatrix(x_val, y_val)
    xgboost.train(
        {"objective": "multi:softprob", "num_class": 10, "eta": eta, "max_depth": max_depth, "nthread": 1},
        train,
        num_boost_round=rounds,
        evals=[(train, "train"), (val, "val")],
        verbose_eval=False,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--parallelism", type=int, default=2)
    print(train_trees.sweep(**vars(parser.parse_args()), seed=7).run())
