"""Population based training: six networks learn to read digits, and those that learn badly copy those that learn well.

Each trial goes on for five epochs from the weights that another trial has left: its member's earlier one with the same
parameters, or a better one with parameters that are changed a little. Prints the ten best of 60 trials, and how the
network of the best one came about:

    trial  val_loss  lr         weight_decay  batch_size  epochs  parent
    0044   0.100396  0.01279    0.008219      32          5       0037
    0053   0.101908  0.0002749  0.009863      64          5       0044

    how read-digits-4nj4w-0044 was trained:
      epochs   0 to   4: lr 0.01111, weight decay 0.001115, batches of 16
      epochs  15 to  19: lr 0.01333, weight decay 0.001338, batches of 32
      epochs  25 to  29: lr 0.01599, weight decay 0.006849, batches of 16
      epochs  35 to  39: lr 0.01279, weight decay 0.008219, batches of 32

What is proposed depends on which trials have ended: with --parallelism 1 these figures come back.
"""

import argparse
import pickle
from pathlib import Path

from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from expsdk import checkpoint_dir, experiment, log_metrics, loguniform


@experiment(
    space={"lr": loguniform(1e-4, 1e-1), "weight_decay": loguniform(1e-5, 10), "batch_size": [16, 32, 64, 128]},
    objective="val_loss",
)
def read_digits(lr, weight_decay, batch_size, epochs=5):
    images, digits = load_digits(return_X_y=True)
    x, x_val, y, y_val = train_test_split(images / 16, digits, test_size=0.5, stratify=digits, random_state=0)
    model = MLPClassifier(32, learning_rate_init=lr, alpha=weight_decay, batch_size=batch_size)
    model.partial_fit(x[:128], y[:128], classes=range(10))  # makes its weights and its optimizer
    schedule = restore(model)
    first = schedule[-1][1] + 1 if schedule else 0
    for epoch in range(first, first + epochs):
        model.partial_fit(x, y)
        val_loss, val_error = log_loss(y_val, model.predict_proba(x_val)), 1 - model.score(x_val, y_val)
        log_metrics({"val_loss": val_loss, "val_error": val_error}, epoch=epoch)
    schedule.append((first, first + epochs - 1, lr, weight_decay, batch_size))
    save(model, schedule)  # at the end only: a trial that is tried again begins where its parent ended


def save(model, schedule):
    content = pickle.dumps({"weights": (model.coefs_, model.intercepts_), "schedule": schedule})
    (checkpoint_dir() / "last.pickle").write_bytes(content)


def restore(model):
    """Take up the weights that the trial's parent has left, if it has one; return how they came about."""
    checkpoint = checkpoint_dir() / "last.pickle"
    if not checkpoint.exists():
        return []
    saved = pickle.loads(checkpoint.read_bytes())
    model.coefs_, model.intercepts_ = saved["weights"]
    return saved["schedule"]


def show_schedule(trial):
    saved = pickle.loads(Path(trial.output_dir, "checkpoint", "last.pickle").read_bytes())
    print(f"\nhow {trial.name} was trained:")
    for first, last, lr, weight_decay, batch_size in saved["schedule"]:
        print(f"  epochs {first:3} to {last:3}: lr {lr:.4g}, weight decay {weight_decay:.4g}, batches of {batch_size}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--parallelism", type=int, default=2)
    results = read_digits.sweep(
        **vars(parser.parse_args()), sampler={"name": "pbt", "population": 6}, epochs=5, seed=7
    ).run()
    print(results)
    for best in results.top(1):
        show_schedule(best)
