"""A trial that does nothing but log ten epochs: what it costs is what the launching of trials costs."""

from __future__ import annotations

from expsdk import experiment, log_metric, uniform

EPOCHS = 10


@experiment(space={"x": uniform(0, 1)}, objective="loss")
def train(x: float) -> None:
    for epoch in range(EPOCHS):
        log_metric("loss", x, epoch=epoch)


def train_alone() -> None:
    """What the peers run: as much work, without a place to log to."""
    losses = [float(epoch) for epoch in range(EPOCHS)]
    assert len(losses) == EPOCHS
