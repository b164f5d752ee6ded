import os

import numpy
from sweeping import AUTOLOG, EPOCHS, pause, run

from expsdk import experiment

os.environ["KERAS_BACKEND"] = "torch"

import keras


@experiment(space={"units": [2, 3]}, objective="val_loss", autolog=AUTOLOG)
def train(units):
    x = numpy.linspace(0, 1, 64)[:, None]
    model = keras.Sequential([keras.layers.Dense(units), keras.layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse", metrics=["mae"])
    pausing = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: pause())
    try:
        model.fit(x, 2 * x, validation_split=0.25, epochs=EPOCHS, callbacks=[pausing], verbose=0)
        model.fit(x, 2 * x, validation_split=0.25, initial_epoch=EPOCHS, epochs=EPOCHS + 1, verbose=0)
        model.fit(x, 2 * x, validation_split=0.25, epochs=2, verbose=0)
        model.evaluate(x, 2 * x, verbose=0)
    finally:
        print("cleaned up")


if __name__ == "__main__":
    run(train)
