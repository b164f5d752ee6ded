"""The model: a network with one hidden layer, in NumPy."""

import numpy as np


class Network:
    """Measurements of wines in, probabilities of cultivators out."""

    def __init__(self, features, hidden, classes):
        self.w1, self.b1 = np.random.normal(0, features**-0.5, (features, hidden)), np.zeros(hidden)
        self.w2, self.b2 = np.random.normal(0, hidden**-0.5, (hidden, classes)), np.zeros(classes)

    def probabilities(self, x):
        """Return a row of probabilities for each row of `x`."""
        self.activity = np.tanh(x @ self.w1 + self.b1)
        scores = self.activity @ self.w2 + self.b2
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    def loss(self, x, y):
        """Return the mean cross-entropy, in nats."""
        return -np.log(self.probabilities(x)[range(len(y)), y]).mean()

    def descend(self, x, y, *, lr, weight_decay):
        """Take one step down the gradient."""
        error = (self.probabilities(x) - np.eye(len(self.b2))[y]) / len(y)
        back = error @ self.w2.T * (1 - self.activity**2)
        self.w2 -= lr * (self.activity.T @ error + weight_decay * self.w2)
        self.b2 -= lr * error.sum(axis=0)
        self.w1 -= lr * (x.T @ back + weight_decay * self.w1)
        self.b1 -= lr * back.sum(axis=0)
