"""The demo: a network learns to read handwritten digits, epoch by epoch (scikit-learn's 1797 images of 8 × 8 pixels).

Prints the ten best of 24 trials, where they are kept, and how the best one learned:

    trial  val_loss   lr        hidden  weight_decay  batch_size  activation
    0016   0.0799108  0.02797   30      0.01678       64          tanh
    0007   0.0912283  0.005427  126     0.003969      64          tanh

    read-digits-7kgcw-0016 by epoch: error and loss on the validation images
        0   13.6%  0.4125  █████████████████████████
        3    3.9%  0.1614  ██████████
        6    3.1%  0.1138  ███████

The same seed gives the same samples, and every trial the same random numbers: these figures come back.
"""

import argparse

from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from expsdk import experiment, integer, log_metrics, loguniform


@experiment(
    space={
        "lr": loguniform(1e-4, 1e-1),
        "hidden": integer(8, 128, log=True),
        "weight_decay": loguniform(1e-5, 1),
        "batch_size": [16, 32, 64, 128],
        "activation": ["relu", "tanh"],
    },
    objective="val_loss",
)
def read_digits(lr, hidden, weight_decay, batch_size, activation, epochs=40):
    images, digits = load_digits(return_X_y=True)
    x, x_val, y, y_val = train_test_split(images / 16, digits, test_size=0.2, stratify=digits, random_state=0)
    model = MLPClassifier(
        hidden, activation=activation, alpha=weight_decay, batch_size=batch_size, learning_rate_init=lr
    )
    for epoch in range(epochs):
        model.partial_fit(x, y, classes=range(10))
        log_metrics(
            {
                "train_loss": log_loss(y, model.predict_proba(x)),
                "val_loss": log_loss(y_val, model.predict_proba(x_val)),
                "val_error": 1 - model.score(x_val, y_val),
            },
            epoch=epoch,
        )


def show_learning(trial):
    print(f"\n{trial.name} by epoch: error and loss on the validation images")
    for (epoch, error), (_, loss) in zip(trial.history["val_error"], trial.history["val_loss"], strict=True):
        if epoch % 3 == 0:
            print(f"{epoch:5}  {error:6.1%}  {loss:.4f}  {'█' * round(60 * loss)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--parallelism", type=int, default=2)
    results = read_digits.sweep(**vars(parser.parse_args()), seed=7).run()
    print(results)
    for best in results.top(1):
        show_learning(best)
