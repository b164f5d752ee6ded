"""PyTorch: a small convolutional network on scikit-learn's digits, with a checkpoint after every epoch.

A trial that is started again goes on from its last checkpoint. Prints the ten best of 12 trials, and where the best one
has left its network; without PyTorch, it says so and ends.

    trial  val_loss  lr        channels  dropout
    0005   0.147271  0.03748   8         0.452
    0000   0.164583  0.01838   13        0.2844
"""

import argparse
import sys

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from expsdk import checkpoint_dir, experiment, integer, log_metrics, loguniform, uniform

try:
    import torch
    from torch import nn
except ImportError as error:
    print(f"skipped: this example trains with PyTorch, which is not installed ({error}); pip install torch")
    sys.exit(0)


@experiment(
    space={"lr": loguniform(1e-3, 1e-1), "channels": integer(4, 16, log=True), "dropout": uniform(0, 0.5)},
    objective="val_loss",
)
def train_cnn(lr, channels, dropout, epochs=8):
    torch.set_num_threads(1)  # several would wait for each other most of the time, so small is the network
    x, x_val, y, y_val = digits()
    model = nn.Sequential(
        *(nn.Conv2d(1, channels, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(channels, 2 * channels, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Dropout(dropout), nn.Linear(8 * channels, 10)),
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    checkpoint = checkpoint_dir() / "last.pt"
    first = restore(checkpoint, model, optimizer)
    for epoch in range(first, epochs):
        model.train()
        for batch in torch.randperm(len(x)).split(32):
            loss = nn.functional.cross_entropy(model(x[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            scores = model(x_val)
            val_loss, hits = nn.functional.cross_entropy(scores, y_val), scores.argmax(dim=1) == y_val
        log_metrics({"val_loss": val_loss, "val_error": 1 - hits.float().mean()}, epoch)
        save(checkpoint, model, optimizer, epoch)


def save(checkpoint, model, optimizer, epoch):
    partial = checkpoint.with_suffix(".partial")  # a trial that is killed meanwhile leaves the last one whole
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch}, partial)
    partial.replace(checkpoint)


def restore(checkpoint, model, optimizer):
    """Take up the state that an earlier attempt has saved, if one has; return the epoch to begin with."""
    if not checkpoint.exists():
        return 0
    saved = torch.load(checkpoint)
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    return saved["epoch"] + 1


def digits():
    images, labels = load_digits(return_X_y=True)
    images = torch.tensor(images / 16, dtype=torch.float32).reshape(-1, 1, 8, 8)
    return train_test_split(images, torch.tensor(labels), test_size=0.2, stratify=labels, random_state=0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--parallelism", type=int, default=2)
    results = train_cnn.sweep(**vars(parser.parse_args()), seed=7).run()
    print(results)
    for best in results.top(1):
        print(f"the best one's network: {best.output_dir}/checkpoint/last.pt")
