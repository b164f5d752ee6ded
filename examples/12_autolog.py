"""A training script that knows nothing of expsdk: what it writes for TensorBoard is what the sweep compares.

`train_digits` has a decorator and not one other line of expsdk. Its writer's scalars become the trial's metrics, by
their tags, and the pruner stops through the writer what is not promising. It is the same with Keras, Lightning, Hugging
Face's Trainer, XGBoost and LightGBM, and PyTorch's own writer: docs/autolog.md. Prints the ten best of 16 trials.

    trial  loss/val  lr        hidden
    0005   0.129374  0.05152   25
    0014   0.138928  0.01582   22
"""

import argparse

from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from tensorboardX import SummaryWriter

from expsdk import experiment, integer, loguniform


@experiment(space={"lr": loguniform(1e-4, 1e-1), "hidden": integer(8, 64, log=True)}, objective="loss/val")
def train_digits(lr, hidden, epochs=15):
    images, digits = load_digits(return_X_y=True)
    x, x_val, y, y_val = train_test_split(images / 16, digits, test_size=0.2, stratify=digits, random_state=0)
    model = MLPClassifier(hidden, learning_rate_init=lr)
    with SummaryWriter(comment=f"-lr{lr:.4g}-hidden{hidden}") as writer:
        for epoch in range(epochs):
            model.partial_fit(x, y, classes=range(10))
            writer.add_scalar("loss/train", model.loss_, epoch)
            writer.add_scalar("loss/val", log_loss(y_val, model.predict_proba(x_val)), epoch)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=16)
    parser.add_argument("--parallelism", type=int, default=2)
    results = train_digits.sweep(**vars(parser.parse_args()), pruner="median", seed=7).run()
    print(results)
